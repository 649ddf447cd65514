// SPDX-License-Identifier: MIT
//
// Engine.IO, protocol revision 4, written to be read.
//
// Engine.IO gives Socket.IO a session that carries messages in both directions over
// whatever the network lets through: plain HTTP ("polling") or a WebSocket. A session
// may start with HTTP and move to a WebSocket while messages flow (the "upgrade").
//
// Everything is a packet: one digit for its type, then data.
//
//   0 open      server -> client   first packet: session id and settings, as JSON
//   1 close     both               the session ends
//   2 ping      server -> client   "are you there?"          (client -> server: 2probe)
//   3 pong      client -> server   "yes"                     (server -> client: 3probe)
//   4 message   both               the payload; Socket.IO lives here
//   5 upgrade   client -> server   "from now on, this WebSocket is the transport"
//   6 noop      server -> client   nothing: it only frees a waiting HTTP request
//
// This is a teaching aid. It does not reconnect, and has none of the options of the
// official client, socket.io-client.

import { Emitter } from "./emitter.js";
import { byteLength, joinPackets, splitPackets } from "./payload.js";

export const ENGINE_TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];

/**
 * One session. Emits "open"(handshake), "message"(string | Uint8Array),
 * "upgrade"(transport), "upgradeFailed"() and "close"(reason, detail).
 *
 * options: mode   "polling" | "websocket" | "upgrade" (polling first, then WebSocket)
 *          path   where the server listens, "/socket.io/"
 *          query  extra query parameters
 *          trace  called with a record of everything that touches the network
 */
export class Engine extends Emitter {
  state = "closed"; // opening, open, closing
  transport = "";
  sid = "";
  #options;
  #trace;
  #queue = []; // packets that wait to be written
  #ws = null; // the WebSocket, also while it is only being probed
  #requests = 0; // number of the last HTTP request, for the trace
  #getting = false; // a GET is pending: the protocol allows one at a time
  #posting = false; // a POST is running: again, one at a time
  #pausing = null; // during an upgrade: to be called when polling has come to rest
  #flushing = false;
  #upgrades = []; // of the handshake, as the next two
  #maxPayload = Infinity; // bytes of one HTTP body
  #patience = 0; // ms without a ping after which the server is taken for dead
  #timer = 0;
  #abort = new AbortController();

  constructor(options = {}) {
    super();
    this.#options = { mode: "upgrade", path: "/socket.io/", query: {}, ...options };
    this.#trace = options.trace ?? (() => {});
  }

  open() {
    this.state = "opening";
    this.#arm(10_000, "timeout");
    if (this.#options.mode !== "websocket") return void this.#openPolling();
    this.transport = "websocket"; // its first message is the open packet
    this.#use(this.#connect());
  }

  /** Sends one message: text, or binary as a Uint8Array. */
  send(data) {
    this.sendRaw(typeof data === "string" ? "4" + data : data);
  }

  /** Queues a packet as it is; a well-behaved program never needs this. */
  sendRaw(packet) {
    if (this.state !== "open") return;
    this.#queue.push(packet);
    // Written after the running code has finished, so that packets which are sent
    // together travel together.
    if (!this.#flushing) queueMicrotask(() => this.#flush());
    this.#flushing = true;
  }

  /** Ends the session after what is queued has been written. */
  close() {
    if (this.state === "opening") return this.#end("forced close");
    if (this.state !== "open") return;
    this.#queue.push("1"); // over a WebSocket, closing the socket says the same
    this.state = "closing";
    this.#flush();
  }

  // ---- the URL -------------------------------------------------------------------

  #url(transport) {
    const url = new URL(this.#options.path, location.href);
    if (transport === "websocket") url.protocol = url.protocol.replace("http", "ws");
    const query = { EIO: "4", transport, ...this.#options.query };
    if (this.sid) query.sid = this.sid; // absent: "open a new session"
    if (transport === "polling") query.t = Date.now().toString(36) + this.#requests; // no cache
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url.href;
  }

  // ---- polling -------------------------------------------------------------------

  // The first GET has no sid: the server creates a session and answers at once with an
  // open packet. All later GETs wait on the server until there is something to say.
  async #openPolling() {
    this.transport = "polling";
    await this.#get();
    if (this.state !== "open") return;
    if (this.#options.mode === "upgrade" && this.#upgrades.includes("websocket")) this.#probe();
    while (this.state === "open" && this.transport === "polling" && !this.#pausing) await this.#get();
  }

  async #get() {
    this.#getting = true;
    try {
      const [body, id] = await this.#request("GET");
      const all = splitPackets(body);
      all.forEach(({ packet, size }, i) => this.#receive(packet, "polling", { id, i, n: all.length }, size));
    } catch (err) {
      if (this.transport === "polling") this.#end("transport error", err);
    }
    this.#getting = false;
    this.#rest();
  }

  async #post() {
    // As many packets as one body may hold, but at least one.
    let n = this.#queue.length;
    while (n > 1 && byteLength(joinPackets(this.#queue.slice(0, n))) > this.#maxPayload) n--;
    const packets = this.#queue.splice(0, n);

    this.#posting = true;
    try {
      await this.#request("POST", joinPackets(packets), (id) =>
        packets.forEach((p, i) => this.#traced("out", p, "polling", { id, i, n }, byteLength(joinPackets([p])))),
      );
    } catch (err) {
      this.#end("transport error", err);
    }
    this.#posting = false;
    if (this.state === "closing" && !this.#queue.length) this.#end("forced close");
    this.#rest();
    this.#flush();
  }

  async #request(method, body, sent = () => {}) {
    const id = ++this.#requests;
    const url = this.#url("polling");
    const headers = body === undefined ? {} : { "Content-Type": "text/plain;charset=UTF-8" };
    const start = performance.now();
    this.#trace({ kind: "http", dir: "out", id, method, url, headers: Object.entries(headers), body });
    sent(id);
    let res, text;
    try {
      res = await fetch(url, { method, headers, body, cache: "no-store", signal: this.#abort.signal });
      text = await res.text();
    } catch (cause) {
      const aborted = this.#abort.signal.aborted;
      this.#trace({ kind: "http", dir: "in", id, method, url, error: aborted ? "given up by the client" : "no answer" });
      throw new Error("the server does not answer", { cause });
    }
    const ms = performance.now() - start;
    this.#trace({ kind: "http", dir: "in", id, method, url, status: res.status, statusText: res.statusText, headers: [...res.headers], body: text, ms });
    if (!res.ok) throw new Error(`HTTP ${res.status}${text ? ": " + text : ""}`);
    return [text, id];
  }

  // ---- WebSocket -----------------------------------------------------------------

  #connect() {
    const url = this.#url("websocket");
    const ws = (this.#ws = new WebSocket(url));
    ws.binaryType = "arraybuffer";
    this.#trace({ kind: "ws", dir: "out", event: "handshake", url });
    ws.addEventListener("open", () => this.#trace({ kind: "ws", dir: "in", event: "open", url }));
    ws.addEventListener("close", (e) => this.#trace({ kind: "ws", dir: "in", event: "close", url, code: e.code, reason: e.reason, clean: e.wasClean }));
    return ws;
  }

  // One packet is one WebSocket message: text with its digit, binary as it is.
  #use(ws) {
    ws.onmessage = ({ data }) => this.#receive(unwrap(data), "websocket");
    ws.onclose = (e) => this.#end(this.state === "closing" ? "forced close" : this.sid ? "transport close" : "transport error",
      new Error(this.sid ? `the WebSocket was closed (code ${e.code})` : "the WebSocket could not be opened"));
  }

  #write(packet) {
    this.#traced("out", packet, "websocket", null, byteLength(packet));
    this.#ws.send(packet);
  }

  // The upgrade. Polling goes on until the WebSocket has proved that it works:
  // some proxies accept a WebSocket and then let nothing through.
  #probe() {
    const ws = this.#connect();
    ws.onopen = () => this.#write("2probe"); //     1. a ping through the new pipe
    ws.onmessage = async ({ data }) => {
      this.#traced("in", data, "websocket", null, byteLength(data));
      if (data !== "3probe") return ws.close(); //   2. the pong came back
      await new Promise((resolve) => {
        this.#pausing = resolve; //                  3. no new GET or POST from here on; the
        this.#rest(); //                                server frees the pending GET with a noop
      });
      this.#pausing = null;
      if (this.state !== "open") {
        ws.close();
        return this.#flush();
      }
      this.transport = "websocket";
      this.#use(ws);
      this.#write("5"); //                           4. "switch to this one"
      this.emit("upgrade", "websocket");
      this.#flush(); //                              5. what was held back follows
    };
    ws.onclose = () => {
      if (this.#pausing) this.#end("transport error", new Error("the WebSocket broke during the upgrade"));
      else this.emit("upgradeFailed"); // no harm done: polling continues
    };
  }

  #rest() {
    if (this.#pausing && !this.#getting && !this.#posting) this.#pausing();
  }

  // ---- both ----------------------------------------------------------------------

  #flush() {
    this.#flushing = false;
    if (!this.#queue.length || this.state === "closed" || this.#pausing) return;
    if (this.transport === "polling") {
      if (!this.#posting) this.#post();
      return;
    }
    for (const packet of this.#queue.splice(0)) if (packet !== "1") this.#write(packet);
    if (this.state === "closing") this.#ws.close();
  }

  #receive(packet, transport, http, size = byteLength(packet)) {
    this.#traced("in", packet, transport, http, size);
    if (this.state === "closed") return;
    if (typeof packet !== "string") return this.emit("message", packet);
    const data = packet.slice(1);
    switch (packet[0]) {
      case "0":
        return this.#opened(JSON.parse(data));
      case "1":
        return this.#end("transport close", new Error("the server closed the session"));
      case "2": // the server asks, we answer; no ping for too long: the server is gone
        this.#arm(this.#patience, "ping timeout");
        return this.sendRaw("3" + data);
      case "4":
        return this.emit("message", data);
      case "6":
        return;
      default:
        return this.#end("parse error", new Error("unexpected packet " + packet));
    }
  }

  #opened({ sid, upgrades, pingInterval, pingTimeout, maxPayload }) {
    this.sid = sid;
    this.state = "open";
    this.#upgrades = upgrades;
    this.#maxPayload = maxPayload || Infinity;
    this.#patience = pingInterval + pingTimeout;
    this.#arm(this.#patience, "ping timeout");
    this.emit("open", { sid, upgrades, pingInterval, pingTimeout, maxPayload });
  }

  #arm(ms, reason) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(reason), ms);
  }

  #end(reason, detail) {
    if (this.state === "closed") return;
    const dead = this.state === "opening" || reason === "ping timeout";
    this.state = "closed";
    clearTimeout(this.#timer);
    this.#queue = [];
    if (dead) this.#abort.abort(); // otherwise the server answers the pending GET
    this.#ws?.close();
    this.emit("close", reason, detail);
  }

  #traced(dir, data, transport, http, size) {
    this.#trace({ kind: "packet", dir, data: unwrap(data), transport, http, size });
  }
}

// A browser hands out binary messages as ArrayBuffer.
const unwrap = (data) => (data instanceof ArrayBuffer ? new Uint8Array(data) : data);
