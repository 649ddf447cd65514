// SPDX-License-Identifier: MIT
//
// One simulated client of the playground: its settings, its socket, what it has heard,
// and the card that shows it.

import { $, h, show } from "./dom.js";
import { Emitter } from "./emitter.js";
import { Socket } from "./socket.js";

const STATES = {
  off: "not connected",
  connecting: "connecting",
  on: "connected",
  refused: "refused",
};
const HUES = { A: 250, B: 35, C: 155, D: 320, E: 90, F: 195 };

/** Emits "change"(), "trace"(record) and "unreachable"(). */
export class Client extends Emitter {
  state = "off";
  rooms = [];
  mode = "upgrade";
  nsp = "/";
  token = "";
  path = "/socket.io/";
  traceId = "";
  start = 0;
  socket = null;
  #log = h("div", { class: "log", role: "log" });
  #entries = 0;

  constructor(name) {
    super();
    this.name = name;
    this.hue = HUES[name];
    this.card = this.#makeCard();
    this.update();
  }

  connect() {
    if (this.state === "on" || this.state === "connecting") return;
    this.start = performance.now();
    // With this the server can tell us which headers it got and sent: pages cannot see them all.
    this.traceId = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
    const socket = (this.socket = new Socket({
      nsp: this.nsp,
      auth: this.token ? { token: this.token } : undefined,
      mode: this.mode,
      path: this.path,
      query: { trace: this.traceId },
      trace: (record) => this.emit("trace", record),
    }));
    this.#set("connecting");
    socket.engine.on("upgrade", () => this.update());
    socket.on("connect", () => this.#set("on"));
    socket.on("connect_error", (err) => {
      this.note(`connect_error: ${err.message}${err.data ? " " + show(err.data) : ""}`, "bad");
      this.#set("refused");
      if (!socket.engine.sid) this.emit("unreachable");
    });
    socket.on("disconnect", (reason, detail) => {
      this.note(`disconnect: ${reason}`, reason === "io client disconnect" ? "" : "bad");
      this.#set("off");
      if (reason.startsWith("transport")) this.emit("unreachable");
    });
    socket.onAny((name, ...args) => {
      const answer = typeof args.at(-1) === "function" ? args.pop() : null;
      this.note(`${name}${args.length ? " " : ""}${args.map(show).join(", ")}`, "in");
      if (name === "server") this.where(args[0]);
      answer?.("ok");
    });
    socket.connect();
  }

  disconnect() {
    this.socket?.disconnect();
  }

  /** Disconnects, and waits until the session has come to its end. */
  async end() {
    const { socket } = this;
    if (!socket || socket.engine.state === "closed") return;
    const ended = new Promise((resolve) => socket.on("end", resolve));
    socket.disconnect();
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1500))]);
  }

  /** Connects, and waits until it is in, refused, or has waited long enough. */
  ready() {
    if (this.state === "on") return Promise.resolve();
    return new Promise((resolve) => {
      setTimeout(resolve, 4000);
      this.on("change", () => (this.state === "on" || this.state === "refused") && resolve());
      this.connect();
    });
  }

  send(name, ...args) {
    this.socket?.emit(name, ...args);
  }

  async ask(name, ...args) {
    try {
      const answer = await this.socket.ask(name, ...args);
      if (name === "join" || name === "leave") this.rooms = answer ?? [];
      if (name === "whoami") this.rooms = answer?.rooms ?? this.rooms;
      this.note(`${name} answered ${show(answer)}`, "ack");
      this.update();
    } catch (err) {
      this.note(`${name}: ${err.message}`, "bad");
    }
  }

  sendRaw(packet) {
    this.socket?.engine.sendRaw(packet);
  }

  /** Asks for a session that the server does not know, as after its restart. */
  async badRequest() {
    const url = `${location.origin}${this.path}?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA`;
    const base = { kind: "http", id: 0, method: "GET", url };
    const start = performance.now();
    this.emit("trace", { ...base, dir: "out", headers: [] });
    try {
      const res = await fetch(url, { cache: "no-store" });
      const body = await res.text();
      this.emit("trace", { ...base, dir: "in", status: res.status, statusText: res.statusText, headers: [...res.headers], body, ms: performance.now() - start });
    } catch {
      this.emit("trace", { ...base, dir: "in", error: "no answer" });
    }
  }

  /** Adds a line to what the client has heard. */
  note(text, kind = "") {
    if (this.#entries++ === 0) this.#log.replaceChildren();
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    this.#log.append(h("p", { class: kind, "data-testid": `log-entry-${this.name}` }, text));
    while (this.#log.children.length > 200) this.#log.firstChild.remove();
    if (scrollHeight - scrollTop - clientHeight < 40) this.#log.scrollTop = this.#log.scrollHeight;
  }

  #set(state) {
    this.state = state;
    if (state !== "on") this.rooms = [];
    this.update();
    this.emit("change");
  }

  #makeCard() {
    const id = this.name;
    this.#log.setAttribute("aria-label", `What client ${id} has heard`);
    this.#log.dataset.testid = `log-${id}`;
    this.#log.tabIndex = 0;
    this.#log.append(h("p", { class: "empty" }, "Events from the server will be listed here."));
    const part = (name, tag = "span", props = {}) => (this[`$${name}`] = h(tag, { ...props, "data-testid": `${name}-${id}` }));
    const card = h(
      "article",
      { class: "card", id: `client-${id}`, "data-testid": `client-${id}`, "aria-labelledby": `name-${id}` },
      h(
        "header",
        { class: "card-head" },
        part("select", "button", { class: "who", type: "button", "aria-pressed": "false", onclick: () => this.emit("select") }),
        part("toggle", "button", { class: "small", type: "button", onclick: () => (this.state === "off" || this.state === "refused" ? this.connect() : this.disconnect()) }),
        part("remove", "button", { class: "small quiet icon", type: "button", "aria-label": `Remove client ${id}`, title: `Remove client ${id}`, onclick: () => this.emit("remove") }),
      ),
      h("dl", { class: "facts" },
        h("dt", {}, "state"), h("dd", {}, part("state"), part("transport")),
        h("dt", {}, "socket id"), part("id", "dd", { class: "mono" }),
        h("dt", {}, "session"), part("sid", "dd", { class: "mono" }),
        h("dt", {}, "rooms"), part("rooms", "dd"),
        (this.$where = h("dt", { hidden: true }, "server")), part("server", "dd", { class: "mono", hidden: true }),
      ),
      this.#log,
    );
    this.$select.append(h("span", { class: "badge", "aria-hidden": "true" }, id), h("span", { id: `name-${id}` }, `Client ${id}`));
    this.$remove.append("\u00d7");
    card.style.setProperty("--hue", this.hue);
    card.addEventListener("click", (e) => e.target.closest("button, .log") || this.emit("select"));
    return card;
  }

  /** Shows on which server of a cluster the client is. */
  where(cluster) {
    if (typeof cluster?.server !== "string" || !Array.isArray(cluster.servers)) return;
    this.$where.hidden = this.$server.hidden = false;
    this.$server.textContent = `${cluster.server} (of ${cluster.servers.length})`;
    this.$server.title = cluster.servers.join(", ");
  }

  update() {
    const { engine, id } = this.socket ?? { engine: null, id: "" };
    const live = this.state === "on" || this.state === "connecting";
    this.card.dataset.state = this.state;
    this.$state.className = "state";
    this.$transport.className = "chip";
    this.$state.textContent = STATES[this.state];
    this.$toggle.textContent = live ? "Disconnect" : "Connect";
    this.$toggle.setAttribute("aria-label", `${live ? "Disconnect" : "Connect"} client ${this.name}`);
    this.$transport.textContent = (live && engine.transport) || "";
    this.$id.textContent = this.state === "on" ? id : "\u2013";
    this.$id.title = this.$id.textContent;
    this.$sid.textContent = (live && engine.sid) || "\u2013";
    this.$sid.title = this.$sid.textContent;
    const rooms = this.rooms.filter((room) => room !== id);
    this.$rooms.replaceChildren(...(rooms.length ? rooms.map((room) => h("span", { class: "chip" }, room)) : ["\u2013"]));
  }

  select(on) {
    this.card.toggleAttribute("data-selected", on);
    this.$select.setAttribute("aria-pressed", String(on));
    if (on) $("acting").style.setProperty("--hue", this.hue);
  }
}
