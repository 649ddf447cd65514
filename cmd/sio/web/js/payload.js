// SPDX-License-Identifier: MIT
//
// Several Engine.IO packets in the body of one HTTP request or response. The body is
// text: packets are joined with the character 0x1E, and a binary packet, which is
// always a message, becomes "b" and base64.

const SEPARATOR = "\x1e";

export function joinPackets(packets) {
  return packets.map((p) => (typeof p === "string" ? p : "b" + toBase64(p))).join(SEPARATOR);
}

/** Returns the packets of a body, each with the size in bytes that it has there. */
export function splitPackets(body) {
  return body.split(SEPARATOR).map((text) => ({
    packet: text[0] === "b" ? fromBase64(text.slice(1)) : text,
    size: byteLength(text),
  }));
}

export function byteLength(data) {
  return typeof data === "string" ? new TextEncoder().encode(data).length : data.byteLength;
}

const toBase64 = (bytes) => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
