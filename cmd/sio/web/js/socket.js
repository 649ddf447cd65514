// SPDX-License-Identifier: MIT
//
// Socket.IO, protocol revision 5, written to be read. It adds to Engine.IO: named
// events with arguments, acknowledgements, namespaces, and binary data in arguments.
//
// A packet is the text of one Engine.IO message:
//
//   <type>[<attachments>-][<namespace>,][<ack id>][<JSON>]
//
//   0 CONNECT        "let me into this namespace" / "you are in; this is your id"
//   1 DISCONNECT     "I leave" / "you are out"
//   2 EVENT          ["name", ...arguments]
//   3 ACK            [...arguments], the answer to the EVENT with the same id
//   4 CONNECT_ERROR  the server refuses a CONNECT
//   5 BINARY_EVENT   an EVENT, followed by its binary arguments as binary messages
//   6 BINARY_ACK     an ACK, the same way
//
// The namespace "/" is not written; ids count up from 0 for each socket.

import { Emitter } from "./emitter.js";
import { Engine } from "./engine.js";

export const SOCKET_TYPES = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"];
const [CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK] = SOCKET_TYPES.keys();

// ---- packets ---------------------------------------------------------------------

/** Returns the text of a packet and its attachments, which must follow it in order. */
export function encode({ type, nsp = "/", id, data }) {
  const attachments = [];
  const json = data === undefined ? "" : JSON.stringify(takeBinary(data, attachments));
  if (attachments.length) type = type === EVENT ? BINARY_EVENT : BINARY_ACK;
  const count = attachments.length ? attachments.length + "-" : "";
  return { text: `${type}${count}${nsp === "/" ? "" : nsp + ","}${id ?? ""}${json}`, attachments };
}

// JSON cannot hold bytes. Each binary value is taken out of the arguments and replaced
// by a placeholder that says which attachment it is.
function takeBinary(value, attachments) {
  if (value instanceof ArrayBuffer) value = new Uint8Array(value);
  if (value instanceof Uint8Array) {
    attachments.push(value);
    return { _placeholder: true, num: attachments.length - 1 };
  }
  if (Array.isArray(value)) return value.map((v) => takeBinary(v, attachments));
  if (value && typeof value === "object" && !value.toJSON)
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, takeBinary(v, attachments)]));
  return value;
}

function putBinary(value, attachments) {
  if (value?._placeholder === true) {
    if (!(value.num in attachments)) throw new Error("illegal attachments");
    return attachments[value.num];
  }
  if (Array.isArray(value)) return value.map((v) => putBinary(v, attachments));
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, putBinary(v, attachments)]));
  return value;
}

/**
 * Splits the text of a packet into its fields. "parts" holds the pieces of the text
 * as they were found, for the wire inspector. Throws if the text is not a packet.
 */
export function parse(text) {
  const type = Number(text[0]);
  if (!(type in SOCKET_TYPES)) throw new Error(`unknown packet type ${text[0] ?? "(empty)"}`);
  const parts = [["type", text[0]]];
  let rest = text.slice(1);
  const take = (name, pattern) => {
    const found = pattern.exec(rest)?.[0] ?? "";
    if (found) parts.push([name, found]);
    rest = rest.slice(found.length);
    return found;
  };
  let expected = 0;
  if (type === BINARY_EVENT || type === BINARY_ACK) {
    expected = parseInt(take("attachments", /^\d+-/), 10);
    if (!(expected > 0)) throw new Error("illegal attachments");
  }
  const nsp = take("namespace", /^\/[^,]*,?/).replace(/,$/, "") || "/";
  const ack = take("ack", /^\d+/);
  const data = rest === "" ? undefined : JSON.parse(rest);
  if (rest !== "") parts.push(["json", rest]);
  const ok =
    type === CONNECT ? data === undefined || (typeof data === "object" && data !== null && !Array.isArray(data))
    : type === DISCONNECT ? data === undefined
    : type === CONNECT_ERROR ? typeof data === "string" || typeof data === "object"
    : Array.isArray(data);
  if (!ok) throw new Error("invalid payload");
  return { type, nsp, id: ack === "" ? undefined : Number(ack), data, expected, parts };
}

// ---- the socket ------------------------------------------------------------------

/**
 * A connection to one namespace, with a session of its own. (The official client lets
 * several namespaces share one session.)
 *
 * Lifecycle events arrive through "on", like the official client's: "connect"(),
 * "connect_error"(error), "disconnect"(reason, detail); and "end"() when the session is
 * over too. Events of the server go to the listeners of on(name, fn) and to those of
 * onAny(fn(name, ...args)); when the server wants an acknowledgement, the last argument
 * is a function that sends it. A socket connects once: for another try, make a new one.
 */
export class Socket {
  id = "";
  connected = false;
  #over = false; // "disconnect" or "connect_error" has been emitted
  #emitter = new Emitter();
  #any = [];
  #nsp;
  #auth;
  #acks = new Map(); // ack id -> function that takes the answer
  #nextId = 0;
  #partial = null; // a BINARY_* packet that waits for its attachments

  constructor({ nsp = "/", auth, ...options } = {}) {
    this.#nsp = nsp;
    this.#auth = auth;
    this.engine = new Engine(options);
    // An open session is not enough: each namespace has to be entered explicitly.
    this.engine.on("open", () => this.#send({ type: CONNECT, data: this.#auth }));
    this.engine.on("message", (data) => this.#receive(data));
    this.engine.on("close", (reason, detail) => {
      this.#closed(reason, detail);
      this.#emitter.emit("end", reason);
    });
  }

  on(name, fn) {
    this.#emitter.on(name, fn);
    return this;
  }

  onAny(fn) {
    this.#any.push(fn);
    return this;
  }

  connect() {
    this.engine.open();
    return this;
  }

  /** Emits an event. If the last argument is a function, it gets the acknowledgement. */
  emit(name, ...args) {
    if (!this.connected) return;
    let id;
    if (typeof args.at(-1) === "function") {
      id = this.#nextId++;
      this.#acks.set(id, args.pop());
    }
    this.#send({ type: EVENT, id, data: [name, ...args] });
  }

  /** Emits an event and returns a promise of the first argument of the acknowledgement. */
  ask(name, ...args) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no acknowledgement within 5 s")), 5000);
      this.emit(name, ...args, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  }

  disconnect() {
    if (this.connected) this.#send({ type: DISCONNECT });
    this.engine.close();
    this.#closed("io client disconnect");
  }

  #send(packet) {
    const { text, attachments } = encode({ nsp: this.#nsp, ...packet });
    this.engine.send(text);
    for (const bytes of attachments) this.engine.send(bytes);
  }

  #receive(data) {
    try {
      const packet = this.#join(data);
      if (packet) this.#handle(packet);
    } catch (err) {
      this.engine.close();
      this.#closed("parse error", err);
    }
  }

  // Text starts a packet. One with attachments is complete when the last has come.
  #join(data) {
    if (typeof data !== "string") {
      if (!this.#partial) throw new Error("got binary data when not reconstructing a packet");
      const { packet, attachments } = this.#partial;
      attachments.push(data);
      if (attachments.length < packet.expected) return null;
      this.#partial = null;
      return { ...packet, data: putBinary(packet.data, attachments) };
    }
    if (this.#partial) throw new Error("got plaintext data when reconstructing a packet");
    const packet = parse(data);
    if (!packet.expected) return packet;
    this.#partial = { packet, attachments: [] };
    return null;
  }

  #handle({ type, nsp, id, data }) {
    if (nsp !== this.#nsp) return;
    switch (type) {
      case CONNECT:
        this.id = data.sid;
        this.connected = true;
        return this.#emitter.emit("connect");
      case CONNECT_ERROR:
        this.#closed("refused", Object.assign(new Error(data.message), { data: data.data }));
        return this.engine.close(); // nothing else uses this session
      case DISCONNECT:
        this.#closed("io server disconnect");
        return this.engine.close();
      case EVENT:
      case BINARY_EVENT: {
        const [name, ...args] = data;
        if (id !== undefined) args.push((...answer) => this.#send({ type: ACK, id, data: answer }));
        for (const fn of this.#any) fn(name, ...args);
        return this.#emitter.emit(name, ...args);
      }
      case ACK:
      case BINARY_ACK: {
        const answer = this.#acks.get(id);
        this.#acks.delete(id); // an id is answered once
        return answer?.(...data);
      }
    }
  }

  #closed(reason, detail) {
    if (this.#over) return;
    this.#over = true;
    const was = this.connected;
    this.connected = false;
    this.#acks.clear();
    this.#partial = null;
    if (was || reason === "io client disconnect") this.#emitter.emit("disconnect", reason, detail);
    else this.#emitter.emit("connect_error", detail ?? new Error(reason));
  }
}
