// SPDX-License-Identifier: MIT
//
// The wire inspector: the list of everything that touched the network, its filters, and
// the highlighting of what a scenario wants to show.

import { $, h } from "./dom.js";
import { Details } from "./details.js";
import { Memory, explain } from "./explain.js";

const MAX_ROWS = 1500;

export class Inspector {
  #records = [];
  #pending = [];
  #memories = new Map();
  #count = 0;
  #paused = false;
  #watch = null;
  #selected = null;
  #details = new Details(() => this.#close());
  #list = $("wire");

  constructor() {
    for (const id of ["filter-client", "filter-dir", "filter-text", "filter-heartbeat", "filter-http"])
      $(id).addEventListener("input", () => this.#filter());
    $("wire-clear").addEventListener("click", () => this.clear());
    $("wire-copy").addEventListener("click", () => this.#copy());
    $("wire-pause").addEventListener("click", () => this.pause(!this.#paused));
    this.#list.addEventListener("click", (e) => this.#open(e.target.closest("[role=option]")));
    this.#list.addEventListener("keydown", (e) => this.#key(e));
  }

  /** Takes a record of a client's engine. */
  add(client, record) {
    if (!this.#memories.has(client.traceId)) this.#memories.set(client.traceId, new Memory());
    record.n = ++this.#count;
    record.t = performance.now() - client.start;
    Object.assign(record, { client: client.name, hue: client.hue, traceId: client.traceId, mode: client.mode });
    record.transport ??= record.kind === "http" ? "polling" : "websocket";
    explain(record, this.#memories.get(client.traceId));
    if (this.#paused) return;
    this.#watch?.(record);
    if (!this.#pending.length) setTimeout(() => this.#render(), 16);
    this.#pending.push(record);
  }

  /** Shows all records to fn, which may set record.mark to the number of a step. */
  watch(fn) {
    this.#watch = fn;
    for (const row of this.#list.querySelectorAll(".marked")) {
      row.classList.remove("marked");
      row.querySelector(".mark").textContent = "";
    }
  }

  clients(clients) {
    const select = $("filter-client");
    const { value } = select;
    select.replaceChildren(h("option", { value: "" }, "all clients"), ...clients.map((c) => h("option", { value: c.name }, `client ${c.name}`)));
    select.value = clients.some((c) => c.name === value) ? value : "";
    this.#filter();
  }

  pause(on) {
    this.#paused = on;
    $("wire-pause").setAttribute("aria-pressed", String(on));
    $("wire-pause").textContent = on ? "Resume" : "Pause";
    this.#status();
  }

  clear() {
    this.#records = [];
    this.#pending = [];
    this.#close();
    this.#list.replaceChildren();
    this.#status();
  }

  select(n) {
    this.#render();
    const row = this.#list.querySelector(`[data-n="${n}"]`);
    if (!row) return;
    row.hidden = false;
    this.#open(row);
    row.scrollIntoView({ block: "center" });
  }

  #render() {
    if (!this.#pending.length) return;
    this.#list.hidden = false;
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    const atEnd = scrollHeight - scrollTop - clientHeight < 60;
    this.#records.push(...this.#pending);
    this.#list.append(...this.#pending.splice(0).map((r) => this.#row(r)));
    while (this.#records.length > MAX_ROWS) {
      this.#records.shift();
      this.#list.firstChild.remove();
    }
    if (!this.#list.querySelector('[tabindex="0"]')) this.#list.firstChild.tabIndex = 0;
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
    this.#status();
  }

  #row(r) {
    const out = r.dir === "out";
    const row = h(
      "li",
      {
        role: "option", tabindex: "-1", class: "row", "aria-selected": "false", hidden: !this.#visible(r),
        "data-testid": "row", "data-n": r.n, "data-dir": r.dir, "data-kind": r.kind, "data-client": r.client, "data-transport": r.transport,
        "data-type": r.tags.map((tag) => tag[1]).join(" "),
      },
      h("span", { class: "mark", "aria-hidden": "true" }, r.mark ? String(r.mark) : ""),
      h("span", { class: "time" }, `${Math.round(r.t)} ms`),
      h("span", { class: "badge", title: `client ${r.client}` }, r.client),
      h("span", { class: "dir", role: "img", title: out ? "client to server" : "server to client", "aria-label": out ? "to server" : "from server" }, out ? "\u2191" : "\u2193"),
      h("span", { class: "tags" }, ...r.tags.map(([layer, name]) => h("span", { class: `tag ${layer}` }, name))),
      h("span", { class: "summary" }, r.summary.slice(0, 300).replaceAll("\x1e", "\u241e")),
      h("span", { class: "over" }, r.transport === "websocket" ? "ws" : "http"),
      h("span", { class: "size" }, r.size === null ? "" : `${r.size} B`),
    );
    row.style.setProperty("--hue", r.hue);
    row.classList.toggle("bad", Boolean(r.bad));
    row.classList.toggle("marked", Boolean(r.mark));
    return row;
  }

  #visible(r) {
    const text = $("filter-text").value.toLowerCase();
    return (
      (!$("filter-client").value || $("filter-client").value === r.client) &&
      (!$("filter-dir").value || $("filter-dir").value === r.dir) &&
      ($("filter-heartbeat").checked || !r.heartbeat) &&
      ($("filter-http").checked || r.kind === "packet") &&
      (!text || `${r.summary} ${r.tags.join(" ")}`.toLowerCase().includes(text))
    );
  }

  #filter() {
    this.#render();
    this.#records.forEach((r, i) => (this.#list.children[i].hidden = !this.#visible(r)));
    this.#status();
  }

  #status() {
    this.#list.hidden = !this.#records.length;
    $("wire-empty").hidden = Boolean(this.#records.length);
    const shown = this.#records.filter((r) => this.#visible(r)).length;
    const all = this.#records.length;
    $("wire-count").textContent = `${shown === all ? all : `${shown} of ${all}`} ${all === 1 ? "entry" : "entries"}${this.#paused ? ", paused" : ""}`;
  }

  #open(row) {
    if (!row) return;
    for (const other of this.#list.querySelectorAll('[aria-selected="true"], [tabindex="0"]')) {
      other.setAttribute("aria-selected", "false");
      other.tabIndex = -1;
    }
    row.setAttribute("aria-selected", "true");
    row.tabIndex = 0;
    this.#selected = row;
    const record = this.#records.find((r) => r.n === Number(row.dataset.n));
    this.#details.show(record, this.#records);
  }

  #close() {
    this.#details.hide();
    this.#selected?.setAttribute("aria-selected", "false");
    if ($("inspector").contains(document.activeElement)) this.#selected?.focus();
    this.#selected = null;
  }

  #key(e) {
    const rows = [...this.#list.querySelectorAll("[role=option]:not([hidden])")];
    const at = rows.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[e.key];
    if (e.key === "Escape") return this.#close();
    if (e.key === "Enter" || e.key === " ") {
      e.preventDefault();
      return this.#open(rows[at]);
    }
    if (to === undefined || !rows[to]) return;
    e.preventDefault();
    rows[to].focus();
    this.#open(rows[to]);
  }

  async #copy() {
    const lines = this.#records.filter((r) => this.#visible(r)).map((r) =>
      [`${Math.round(r.t)} ms`, r.client, r.dir === "out" ? "->" : "<-", r.transport, r.tags.map((tag) => tag[1]).join(" "), r.summary].join("\t"));
    try {
      await navigator.clipboard.writeText(lines.join("\n"));
      $("wire-count").textContent = `${lines.length} lines copied`;
    } catch {
      $("wire-count").textContent = "the browser did not allow to copy";
    }
    setTimeout(() => this.#status(), 2000);
  }
}
