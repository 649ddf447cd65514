// SPDX-License-Identifier: MIT

// Prints golden.json: what socket.io-msgpack-parser 3.0.2 makes of packets, and of messages.
// usage, in a directory with that package: node golden.mjs >golden.json

import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "x.js"));
const { Decoder, Encoder } = require("socket.io-msgpack-parser");

const hex = (s) => Buffer.from(s.replaceAll(" ", ""), "hex");

// plain makes JSON of a value: binary data becomes {"$bin": hex}.
function plain(value) {
  if (Buffer.isBuffer(value) || value instanceof ArrayBuffer) return { $bin: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === "object" && !(value instanceof Date)) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  }
  return value;
}

function decode(data) {
  let packet;
  const d = new Decoder();
  d.on("decoded", (p) => { packet = p; });
  d.add(data);
  return packet;
}

const EVENT = (...data) => ({ type: 2, data, nsp: "/" });

// same: the Go codec makes the same bytes.
const packets = [
  ["connect", { type: 0, nsp: "/" }, true],
  ["connect with auth", { type: 0, data: { token: "123", n: { a: [1] } }, nsp: "/custom" }, true],
  ["connect with binary", { type: 0, data: { key: Buffer.from([1, 2]) }, nsp: "/" }, true],
  ["connect reply", { type: 0, data: { sid: "abcdefghijklmnopqrst" }, nsp: "/" }, true],
  ["connect reply with undefined", { type: 0, data: { sid: "abcdefghijklmnopqrst", pid: undefined }, nsp: "/" }],
  ["connect data undefined", { type: 0, data: undefined, nsp: "/" }],
  ["disconnect", { type: 1, nsp: "/" }, true],
  ["disconnect data undefined", { type: 1, data: undefined, nsp: "/a" }],
  ["connect error string", { type: 4, data: "no", nsp: "/" }, true],
  ["connect error object", { type: 4, data: { message: "no", data: { code: 1 } }, nsp: "/x" }, true],
  ["event", EVENT("hi"), true],
  ["event with id", { type: 2, data: ["hi", 1], id: 0, nsp: "/" }, true],
  ["event with large id", { type: 2, data: ["hi"], id: 4294967296, nsp: "/" }, true],
  ["event with options", { type: 2, data: ["x", Buffer.from([9])], options: { compress: true }, id: 0, nsp: "/" }],
  ["event with id undefined", { type: 2, data: ["x"], options: { compress: true }, id: undefined, nsp: "/" }],
  ["event named by a number", EVENT(42, "x")],
  ["ack", { type: 3, data: [], id: 7, nsp: "/" }, true],
  ["ack as the server has it", { id: 0, type: 3, data: ["ok", undefined], nsp: "/" }],
  ["ack with binary", { type: 3, data: [{ a: [Buffer.from([1, 2, 3])] }], id: 456, nsp: "/admin" }, true],
  ["ack without id", { type: 3, data: [1], nsp: "/" }],
  ["integers", EVENT("n", 0, 1, 127, 128, 255, 256, 65535, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER), true],
  ["negative integers", EVENT("n", -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, Number.MIN_SAFE_INTEGER), true],
  ["big integers", EVENT("n", 2 ** 53, 2 ** 60, 2 ** 63, -(2 ** 63))],
  ["floats", EVENT("f", 0.5, -1.5, 1e-7, 5e-324, 3.141592653589793, 123456.789), true],
  // Not those from 2^64 on: notepack makes a wrong uint64 of them.
  ["no floats", EVENT("f", 3.0, 1e3, -0), false],
  ["infinite", EVENT("f", NaN, Infinity, -Infinity)],
  ["constants", EVENT("c", null, true, false), true],
  ["undefined", EVENT("u", undefined, { a: undefined, b: 1 }, [undefined])],
  ["empty", EVENT("e", [], {}, "", Buffer.alloc(0)), true],
  ["nested", EVENT("n", [[[[1]]], { a: { b: ["c", { d: null }] } }]), true],
  ["unicode", EVENT("€ 😀", "ünïcödé", "\u2028 \" \\ \n \u0000 \u007f", "/"), true],
  ["strings", EVENT("s".repeat(31), "s".repeat(32), "s".repeat(255), "s".repeat(256)), true],
  ["binary", EVENT("b", Buffer.from([1, 2, 3]), Buffer.alloc(255, 1), Buffer.alloc(256, 2)), true],
  ["nested binary", EVENT("b", { b: Buffer.from([1]), list: [Buffer.from([2]), { c: Buffer.from([3]) }] }, 4), true],
  ["placeholder", EVENT("p", { _placeholder: true, num: 0 }), true],
  ["arrays", EVENT("a", Array(15).fill(1), Array(16).fill(2)), true],
  ["objects", EVENT("o", ...[15, 16].map((n) => Object.fromEntries([...Array(n).keys()].map((i) => [`k${i}`, i])))), true],
  ["dates", EVENT("d", new Date(0), new Date(1700000000123), new Date(-1), new Date(8.64e15), new Date(-8.64e15), new Date(253402300800000), { at: new Date(1) })],
  ["array buffers", EVENT("b", new Uint8Array([1]).buffer, new Uint8Array([1, 2]), new Uint8Array(8), new Uint8Array(300).buffer)],
];

// Messages that no encoder of JavaScript makes. The second value is given where Go
// differs: null if Go refuses it.
const messages = [
  ["float32", "83 a474797065 02 a464617461 92 a161 ca3fc00000 a36e7370 a12f"],
  ["type as float", "83 a474797065 cb4000000000000000 a464617461 91 a161 a36e7370 a12f"],
  ["other order", "83 a36e7370 a12f a464617461 91 a161 a474797065 02"],
  ["last member counts", "85 a464617461 92 a162 c40101 a474797065 03 a464617461 92 a161 c40102 a474797065 02 a36e7370 a12f"],
  ["data before another binary", "84 a464617461 92 a161 c40102 a178 92 c40103 c40104 a474797065 02 a36e7370 a12f"],
  ["unknown extension", "83 a474797065 02 a464617461 93 a161 d40501 c7030a010203 a36e7370 a12f"],
  ["fixext of type 0", "83 a474797065 02 a464617461 92 a161 d5000102 a36e7370 a12f", ["a", { $bin: "0102" }]],
  ["timestamps", "83 a474797065 02 a464617461 94 a161 d6ff00000001 d7ff0000000400000002 c70cff3b9ac9ffffffffffffffffff a36e7370 a12f",
    ["a", "1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.000Z", "1969-12-31T23:59:59.999Z"]],
  ["keys", "83 a474797065 02 a464617461 92 a161 85 01 01 c0 02 c3 03 d40000 04 ff 05 a36e7370 a12f"],
  ["invalid utf-8", "83 a474797065 02 a464617461 92 a161 a2ff61 a36e7370 a12f"],
  ["reserved event", "83 a474797065 02 a464617461 91 aa646973636f6e6e656374 a36e7370 a12f", null],
  ["event without a name", "83 a474797065 02 a464617461 90 a36e7370 a12f", null],
  ["event named by null", "83 a474797065 02 a464617461 91 c0 a36e7370 a12f", null],
  ["event named by binary", "83 a474797065 02 a464617461 91 c40101 a36e7370 a12f", null],
  ["negative id", "84 a474797065 02 a464617461 91 a161 a26964 ff a36e7370 a12f", null],
  ["namespace without a slash", "82 a474797065 00 a36e7370 a161", null],
  ["empty namespace", "82 a474797065 00 a36e7370 a0", null],
  ["namespace with a comma", "82 a474797065 00 a36e7370 a42f612c62", null],
  ["placeholder next to binary", "83 a474797065 02 a464617461 93 a161 c40101 82 ac5f706c616365686f6c646572 c3 a36e756d 00 a36e7370 a12f", null],
  ["array as a key", "83 a474797065 02 a464617461 92 a161 81 90 01 a36e7370 a12f", null],
];

// Messages that both refuse.
const bad = [
  ["empty", ""],
  ["not a map", "01"],
  ["an array", "90"],
  ["trailing bytes", "82 a474797065 00 a36e7370 a12f 00 00"],
  ["truncated", "82 a474797065 00 a36e7370 a2"],
  ["reserved byte", "82 a474797065 c1 a36e7370 a12f"],
  ["no type", "81 a36e7370 a12f"],
  ["type 5", "82 a474797065 05 a36e7370 a12f"],
  ["type -1", "82 a474797065 ff a36e7370 a12f"],
  ["type 1.5", "82 a474797065 cb3ff8000000000000 a36e7370 a12f"],
  ["type NaN", "82 a474797065 cb7ff8000000000000 a36e7370 a12f"],
  ["type string", "82 a474797065 a130 a36e7370 a12f"],
  ["no nsp", "81 a474797065 00"],
  ["nsp number", "82 a474797065 00 a36e7370 01"],
  ["nsp binary", "82 a474797065 00 a36e7370 c4012f"],
  ["connect null", "83 a474797065 00 a464617461 c0 a36e7370 a12f"],
  ["connect string", "83 a474797065 00 a464617461 a161 a36e7370 a12f"],
  ["connect array", "83 a474797065 00 a464617461 90 a36e7370 a12f"],
  ["connect binary", "83 a474797065 00 a464617461 c40101 a36e7370 a12f"],
  ["connect date", "83 a474797065 00 a464617461 d7000000000000000000 a36e7370 a12f"],
  ["disconnect object", "83 a474797065 01 a464617461 80 a36e7370 a12f"],
  ["disconnect null", "83 a474797065 01 a464617461 c0 a36e7370 a12f"],
  ["connect error none", "82 a474797065 04 a36e7370 a12f"],
  ["connect error array", "83 a474797065 04 a464617461 90 a36e7370 a12f"],
  ["event object", "83 a474797065 02 a464617461 80 a36e7370 a12f"],
  ["event none", "82 a474797065 02 a36e7370 a12f"],
  ["ack null", "83 a474797065 03 a464617461 c0 a36e7370 a12f"],
  ["id null", "84 a474797065 02 a464617461 91 a161 a26964 c0 a36e7370 a12f"],
  ["id string", "84 a474797065 02 a464617461 91 a161 a26964 a131 a36e7370 a12f"],
  ["id 1.5", "84 a474797065 02 a464617461 91 a161 a26964 cb3ff8000000000000 a36e7370 a12f"],
  ["str beyond the end", "82 a474797065 00 a36e7370 d9ff2f"],
  ["bin beyond the end", "83 a474797065 02 a464617461 92 a161 c6ffffffff a36e7370 a12f"],
];

const out = { packets: [], messages: [], bad: [] };
for (const [name, packet, same = false] of packets) {
  const [data] = new Encoder().encode(packet);
  const got = decode(data);
  const { type, nsp, id } = got;
  out.packets.push({ name, same, hex: data.toString("hex"), type, nsp, id, data: plain(got.data) });
}
for (const [name, text, want] of messages) {
  const { type, nsp, id, data } = decode(hex(text));
  out.messages.push({ name, hex: text.replaceAll(" ", ""), type, nsp, id, data: want === undefined ? plain(data) : want, refused: want === null });
}
for (const [name, text] of bad) {
  let error;
  try {
    decode(hex(text));
  } catch (err) {
    error = err.message;
  }
  if (error === undefined) throw new Error(`${name}: the official parser takes it`);
  out.bad.push({ name, hex: text.replaceAll(" ", ""), error });
}

console.log("{");
Object.entries(out).forEach(([key, list], i) => {
  console.log(`  ${JSON.stringify(key)}: [`);
  list.forEach((line, j) => console.log(`    ${JSON.stringify(line)}${j < list.length - 1 ? "," : ""}`));
  console.log(i < 2 ? "  ]," : "  ]");
});
console.log("}");
