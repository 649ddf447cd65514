// SPDX-License-Identifier: MIT
//
// Turns what was seen on the wire into words: what is it, of what parts is it made,
// what does it mean? Used by the wire inspector.

import { ENGINE_TYPES } from "./engine.js";
import { SOCKET_TYPES, parse } from "./socket.js";

/** What has to be remembered of one client to understand its next packet. */
export class Memory {
  out = { awaits: null, asked: new Map() };
  in = { awaits: null, asked: new Map() };
}

/**
 * Adds to a record: tags (short names of its layers), summary (one line), parts (the
 * raw text in pieces, each [kind, text, name, meaning]), title and text (plain words).
 */
export function explain(record, memory) {
  if (record.kind === "http") return http(record);
  if (record.kind === "ws") return websocket(record);
  if (typeof record.data !== "string") return binary(record, memory[record.dir]);
  return packet(record, memory);
}

const who = (r) => (r.dir === "out" ? "The client" : "The server");
const plural = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

// ---- HTTP and WebSocket ----------------------------------------------------------

function http(r) {
  const path = r.url.replace(/^\w+:\/\/[^/]+/, "");
  const opening = !/[?&]sid=/.test(r.url);
  r.tags = [["http", r.dir === "out" ? r.method : String(r.status ?? "failed")]];
  r.size = r.body === undefined ? null : new TextEncoder().encode(r.body).length;
  if (r.dir === "out") {
    r.summary = path;
    if (r.method === "POST") {
      r.title = "HTTP request: the client has something to send";
      r.text = "Over polling, every packet from the client travels in the body of a POST. Packets that are ready at the same time share one body, separated by the character 0x1E. Only one POST runs at a time.";
    } else if (opening) {
      r.title = "HTTP request: open a session";
      r.text = "EIO=4 names the protocol revision, and transport=polling says how to talk. There is no sid yet, so the server creates a session. It answers at once.";
    } else {
      r.title = "HTTP request: wait for news (long polling)";
      r.text = "The server keeps this request waiting until it has something to say. This is how a server can \"push\" over plain HTTP. Exactly one GET is pending at any time; a second one would end the session.";
    }
    return r;
  }
  if (r.error) {
    r.summary = r.error;
    r.title = "No HTTP response";
    r.text = r.error === "no answer"
      ? "The server did not answer: it is not running, or the connection broke."
      : "The client gave up this request because its session is over.";
    r.bad = r.error === "no answer";
    return r;
  }
  r.summary = `${r.status} ${r.statusText}, ${plural(r.size, "byte")} after ${Math.round(r.ms)} ms`;
  r.bad = r.status >= 400;
  if (r.bad) {
    r.title = `HTTP response: refused with status ${r.status}`;
    r.text = "Engine.IO answers a request that it cannot accept with status 400 (or 403), a code and a message: 0 transport unknown, 1 session id unknown, 2 bad handshake method, 3 bad request, 4 forbidden, 5 unsupported protocol version. With an empty body, the request broke a rule within a session.";
  } else if (r.method === "POST") {
    r.title = "HTTP response: the packets have arrived";
    r.text = "\"ok\" only says that the server took the body. If an event wants an answer, that answer comes with a GET.";
  } else {
    r.title = "HTTP response: the waiting request is answered";
    r.text = `The body holds the packets that follow in this list. It was waiting on the server for ${Math.round(r.ms)} ms. The client sends the next GET at once.`;
  }
  return r;
}

function websocket(r) {
  r.tags = [["ws", r.event === "handshake" ? "GET" : r.event === "open" ? "101" : "close"]];
  r.size = null;
  if (r.event === "handshake") {
    r.summary = r.url.replace(/^\w+:\/\/[^/]+/, "");
    r.title = "HTTP request: switch to WebSocket";
    r.text = "A WebSocket begins as an HTTP request with the header \"Upgrade: websocket\"" + (/[?&]sid=/.test(r.url)
      ? ". It carries the sid of the running session, so the server knows that this is an attempt to upgrade it."
      : ". It has no sid: the session starts directly on the WebSocket.");
  } else if (r.event === "open") {
    r.summary = "101 Switching Protocols";
    r.title = "HTTP response: 101 Switching Protocols";
    r.text = "The server agrees. From here on this TCP connection no longer speaks HTTP: both sides may send messages at any time, each in a frame with a header of 2 to 14 bytes.";
  } else {
    r.summary = `code ${r.code}${r.reason ? ", " + r.reason : ""}`;
    r.title = "The WebSocket is closed";
    r.text = { 1000: "1000: a normal end.", 1001: "1001: the other side goes away.", 1005: "1005 means that the close frame carried no code. That is what Engine.IO sends for a normal end.",
      1006: "1006 means that the connection broke, or was refused, without a close frame.", 1009: "1009: a message was larger than the server accepts." }[r.code] ?? `Close code ${r.code}.`;
  }
  return r;
}

// ---- packets ---------------------------------------------------------------------

function binary(r, side) {
  const awaits = side.awaits;
  r.tags = [["eio", "message"], ["sio", "attachment"]];
  r.summary = `${plural(r.data.length, "byte")} of binary data`;
  r.title = "Binary attachment";
  r.text = (r.transport === "polling"
    ? "In an HTTP body, which is text, bytes travel as \"b\" and base64: a third more than they are. "
    : "On a WebSocket, bytes travel as they are in a binary frame, without a type digit. ")
    + (awaits ? `This is attachment ${awaits.got} (of ${awaits.of}) of the packet before: it takes the place of the placeholder with "num": ${awaits.got}.` : "No packet was waiting for it.");
  if (awaits && ++awaits.got === awaits.of) side.awaits = null;
  r.hex = r.data;
  return r;
}

const ENGINE_TEXT = {
  open: ["The session is open", "The first packet of every session. sid identifies the session in all later requests; upgrades lists what the client may switch to; pingInterval and pingTimeout (ms) set the rhythm of the heartbeat; maxPayload is the largest body that the server takes."],
  close: ["End of the session", "The side that sends this packet ends the whole session."],
  ping: ["Heartbeat: are you there?", "The server sends a ping at regular intervals. If no pong comes back in time, it takes the client for dead. A client that hears no ping for too long takes the server for dead."],
  pong: ["Heartbeat: yes, I am", "The answer to a ping."],
  upgrade: ["Upgrade: use this WebSocket from now on", "The client has drained its polling requests and now makes the WebSocket the transport of the session. Everything queued meanwhile follows here, in order."],
  noop: ["Noop: nothing, on purpose", "It only completes the waiting GET, so that polling comes to rest before the upgrade (or because the session ended)."],
};

function packet(r, memory) {
  const digit = r.data[0];
  const name = ENGINE_TYPES[Number(digit)] ?? "unknown";
  const rest = r.data.slice(1);
  r.engine = name;
  r.summary = r.data;
  r.parts = [["type", digit ?? "", "Engine.IO type", `${digit} = ${name}`]];
  if (name === "message") return message(r, rest, memory);
  r.tags = [["eio", name]];
  r.heartbeat = (name === "ping" || name === "pong") && rest === "";
  [r.title, r.text] = ENGINE_TEXT[name] ?? ["Not an Engine.IO packet", "The first character must be a digit from 0 to 6. The other side will end the session."];
  r.bad = name === "unknown";
  if (rest === "probe") {
    r.parts.push(["json", rest, "probe", "marks the ping and pong that test a new transport"]);
    [r.title, r.text] = name === "ping"
      ? ["Upgrade: does this WebSocket work?", "A ping through the new WebSocket, while polling goes on. Some proxies accept a WebSocket and then let nothing through; this finds out."]
      : ["Upgrade: the WebSocket works", "The probe came back. The client now stops polling, and waits until its pending GET has been answered."];
  } else if (rest) r.parts.push(["json", rest, "Data", json(rest)]);
  return r;
}

function message(r, text, memory) {
  let p;
  try {
    p = r.socket = parse(text);
  } catch (err) {
    r.bad = true;
    r.tags = [["eio", "message"], ["bad", "malformed"]];
    if (text) r.parts.push(["bad", text, "Socket.IO packet", "malformed: " + err.message]);
    r.title = "Not a valid Socket.IO packet";
    r.text = `An Engine.IO message must hold a Socket.IO packet, but: ${err.message}. A server does not guess: it ends the connection of the client that sent this. Other clients notice nothing.`;
    return r;
  }
  const type = SOCKET_TYPES[p.type];
  r.tags = [["eio", "message"], ["sio", type.toLowerCase().replace("_", " ")]];
  for (const [kind, piece] of p.parts)
    r.parts.push([kind === "type" ? "stype" : kind, piece, ...({
      type: ["Socket.IO type", `${piece} = ${type}`],
      attachments: ["Attachments", `${plural(p.expected, "binary message")} will follow`],
      namespace: ["Namespace", p.nsp],
      ack: ["Acknowledgement id", p.parts && (p.type === 3 || p.type === 6) ? `answers the event with id ${p.id}` : "asks for an answer with this id"],
      json: ["JSON", json(piece)],
    })[kind]]);
  if (p.expected) memory[r.dir].awaits = { got: 0, of: p.expected };
  [r.title, r.text] = words(r, p, memory);
  return r;
}

function words(r, p, memory) {
  const event = `"${p.data?.[0]}"`;
  const n = (p.data?.length ?? 1) - 1;
  const where = p.nsp === "/" ? "the main namespace /" : `the namespace ${p.nsp}`;
  const bin = p.expected ? ` Its binary parts (${p.expected}) cannot be put into JSON: placeholders stand for them, and they follow as messages of their own.` : "";
  const other = memory[r.dir === "out" ? "in" : "out"];
  switch (p.type) {
    case 0:
      return r.dir === "out"
        ? [`The client asks to join ${where}`, "A session alone is not enough: each namespace has to be entered explicitly. " + (p.data ? "The JSON is the auth data, which the server's middleware can check." : "It carries no auth data.")]
        : [`Welcome to ${where}`, "The server has accepted. sid is the id of this socket in this namespace. It is not the sid of the Engine.IO session, which stays a secret between the two."];
    case 1:
      return r.dir === "out"
        ? [`The client leaves ${where}`, "The server removes the socket from its rooms and reports the reason \"client namespace disconnect\". It does not answer."]
        : [`The server puts the client out of ${where}`, "The client sees the reason \"io server disconnect\". The official client does not reconnect after it, as the server meant it."];
    case 4:
      return [`The server refuses access to ${where}`, "A middleware said no, or the namespace does not exist. The client gets a connect_error event with this message and, if there is any, the data. The session itself stays open."];
    case 2:
    case 5:
      if (p.id !== undefined) memory[r.dir].asked.set(p.id, { event, t: r.t });
      return [`${who(r)} emits ${event}` + (p.id !== undefined ? " and wants an answer" : ""),
        `An event with ${n ? plural(n, "argument") : "no arguments"}. Events are one-way: nobody confirms them` +
        (p.id !== undefined ? `, unless they carry an id, as here: ${p.id}. The answer will be an ACK with the same id.` : ".") + bin];
    default: {
      const asked = other.asked.get(p.id);
      other.asked.delete(p.id);
      return [`${who(r)} answers` + (asked ? ` ${asked.event}` : ""),
        `The acknowledgement of the event with id ${p.id}` + (asked ? `, ${Math.max(0, Math.round(r.t - asked.t))} ms later` : "") + ". The array holds what was passed to the callback." + bin];
    }
  }
}

function json(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** A dump like that of xxd: offset, hexadecimal, characters. */
export function hexdump(bytes, max = 512) {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, max); at += 8) {
    const row = [...bytes.slice(at, at + 8)];
    const hex = row.map((b) => b.toString(16).padStart(2, "0")).join(" ");
    const chars = row.map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : ".")).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(23)}  ${chars}`);
  }
  if (bytes.length > max) lines.push(`... ${bytes.length - max} more bytes`);
  return lines.join("\n");
}
