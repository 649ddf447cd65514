// SPDX-License-Identifier: MIT

// The client with socket.io-msgpack-parser, over each transport: what clients.mjs runs with the
// other parser, and what only this one can send.
// usage: node msgpack.mjs --url URL [--only TEXT]

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import parser from "socket.io-msgpack-parser";
import { contract } from "./contract.mjs";
import { ask, bytes, connected, load, once, run, test, transports, upgraded } from "./harness.mjs";
import { lab } from "./lab.mjs";

const { values: opt } = parseArgs({ options: { url: { type: "string" }, only: { type: "string" } } });
const packed = { path: "/msgpack/", parser };

await load("socket.io-client");
for (const mode of Object.keys(transports)) {
  contract(opt.url, mode, packed);
  lab(opt.url, mode, packed);
  values(mode);
}
await run({ only: opt.only, width: 6 });

function values(mode) {
  const options = { ...packed, transports: transports[mode] };
  const open = async (t) => {
    const s = await t.connect(opt.url, options);
    if (mode === "upgrade") await upgraded(s);
    return s;
  };
  const it = (name, fn) => test(`msgpack/${mode}/${name}`, fn);

  it("echoes numbers of all sizes", async (t) => {
    const s = await open(t);
    const numbers = [0, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, 2 ** 60,
      -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, Number.MIN_SAFE_INTEGER, 0.1, -1e-7, 5e-324];
    assert.deepEqual(await ask(s, "ack", numbers), numbers);
  });

  it("echoes long strings, arrays, objects and binary", async (t) => {
    const s = await open(t);
    for (const n of [15, 16, 31, 32, 255, 256, 65535, 65536]) {
      assert.equal(await ask(s, "ack", "s".repeat(n)), "s".repeat(n));
      assert.deepEqual(await ask(s, "ack", Array(n).fill(n)), Array(n).fill(n));
      assert.deepEqual(await ask(s, "ack", bytes(n)), bytes(n));
    }
    const o = Object.fromEntries([...Array(70_000).keys()].map((i) => [`k${i}`, i]));
    assert.deepEqual(await ask(s, "ack", o), o);
  });

  it("has more binary values in a packet than others may", async (t) => {
    const s = await open(t);
    const all = [...Array(100).keys()].map((i) => bytes(i));
    assert.deepEqual(await ask(s, "ack", all), all);
  });

  it("sends dates, undefined, ArrayBuffers and typed arrays", async (t) => {
    const s = await open(t);
    const at = new Date(1700000000123);
    const got = await ask(s, "ack", { at, u: undefined, list: [undefined, 1], buffer: bytes(1).buffer.slice(0, 1), typed: new Uint8Array([1, 2]) });
    assert.equal(new Date(got.at).getTime(), at.getTime());
    assert.equal(got.u, undefined);
    assert.equal(got.list[0] ?? null, null);
    assert.equal(got.list[1], 1);
    assert.equal(Buffer.from(got.buffer).length, 1);
    assert.deepEqual([...Buffer.from(got.typed)], [1, 2]);
  });

  it("keeps what looks like a placeholder", async (t) => {
    const s = await open(t);
    const o = { _placeholder: true, num: 0 };
    assert.deepEqual(await ask(s, "ack", o), o);
  });

  it("sends binary in auth", async (t) => {
    const s = t.socket(opt.url, { ...options, auth: { key: bytes(3) } });
    const [auth] = await once(s, "auth");
    assert.deepEqual(Buffer.from(auth.key.buffer ?? auth.key, auth.key.byteOffset, auth.key.length), bytes(3));
  });

  it("answers the server's acknowledgement with binary", async (t) => {
    const s = await open(t);
    s.on("question", (data, cb) => cb(data, bytes(3, 9)));
    assert.deepEqual(await ask(s, "ask", "question", bytes(2000)), { answer: [bytes(2000), bytes(3, 9)] });
  });

  it("is closed for a bad packet, alone", async (t) => {
    const [s, other] = [await open(t), await open(t)];
    const gone = once(s, "disconnect");
    s.io.engine.write(Buffer.from("82a47479706505a36e7370a12f", "hex")); // type 5
    await gone;
    assert.equal(await ask(other, "ack", 1), 1);
  });

  it("is closed if it has another parser", async (t) => {
    const s = t.socket(opt.url, { ...options, parser: undefined });
    await assert.rejects(Promise.race([connected(s), once(s.io.engine, "close").then(() => { throw new Error("closed"); })]), /closed/);
  });
}
