// SPDX-License-Identifier: MIT

// What version 2 of the official client can do (behaviour.md 2.4): it has no auth,
// joins "/" without asking, and makes its ids from the one of Engine.IO. The other end
// is interop/testserver (or reference.mjs, the control).

import assert from "node:assert/strict";
import { io as io4 } from "socket.io-client";
import { ask, bytes, collect, connected, deadline, once, test, transports, until, upgraded } from "./harness.mjs";
import { proxy } from "./proxy.mjs";

export function old(url, mode) {
  const options = { transports: transports[mode] };
  const open = async (t, nsp = "/", more = {}) => {
    const s = await t.connect(url + nsp, { ...options, ...more });
    if (mode === "upgrade") await upgraded(s);
    return s;
  };
  const it = (name, fn, o) => test(`${mode}/${name}`, fn, o);
  const reason = async (watcher, id) => {
    let got;
    await until(async () => (got = await ask(watcher, "reason", id)) !== null, `the server's reason for ${id}`);
    return got;
  };

  it("P4.1 joins / without asking", async (t) => {
    const s = t.socket(url, options);
    const packets = collect(s.io, "packet");
    await connected(s);
    // CONNECT as version 2 has it: no data.
    assert.deepEqual(packets[0], [{ type: 0, nsp: "/" }]);
    if (mode === "upgrade") await upgraded(s);
    assert.equal(s.io.engine.transport.name, mode === "polling" ? "polling" : "websocket");
    const h = await ask(s, "handshake");
    assert.equal(h.query.EIO, "3");
    assert.equal(h.query.transport, mode === "websocket" ? "websocket" : "polling");
  });

  it("P4.2 has ids made of the engine's", async (t) => {
    const m = t.manager(url, options);
    const [a, b] = [m.socket("/"), m.socket("/custom")];
    await Promise.all([connected(a), connected(b)]);
    assert.match(m.engine.id, /^[\w-]{20}$/);
    assert.equal(a.id, m.engine.id);
    assert.equal(b.id, `/custom#${m.engine.id}`);
    // The server has the same.
    assert.equal(await ask(a, "id"), a.id);
    assert.equal(await ask(b, "id"), b.id);
  });

  it("P4.3 sends the query of a namespace as auth", async (t) => {
    const s = t.socket(`${url}/custom?t=1&u=%C3%A4%20b`, options);
    const [auth] = await once(s, "auth");
    assert.deepEqual(auth, { t: "1", u: "ä b" });
    assert.deepEqual((await ask(s, "handshake")).auth, { t: "1", u: "ä b" });
  });

  it("P4.3 has no auth without a query", async (t) => {
    const [a, b] = [t.socket(url, options), t.socket(url + "/custom", options)];
    assert.deepEqual(await Promise.all([once(a, "auth"), once(b, "auth")]), [[{}], [{}]]);
  });

  it("P4.4 is refused with data, or with a text", async (t) => {
    const m = t.manager(url, options);
    const refused = (nsp) => once(m.socket(nsp), "error");
    assert.deepEqual(await refused("/refused"), [{ code: 7, why: ["a", "b"] }]);
    assert.deepEqual(await refused("/closed"), ["closed today"]);
    const [secret] = await refused("/secret");
    assert.equal(typeof secret, "string");
    assert.ok(secret.length > 0);
    // The connection lives on.
    assert.equal(await ask(await connected(m.socket("/custom")), "ack", 1), 1);
  });

  it("P4.5 is refused by an unknown namespace, with an object", async (t) => {
    const m = t.manager(url, options);
    assert.deepEqual(await once(m.socket("/nobody"), "error"), [{ message: "Invalid namespace" }]);
    await connected(m.socket("/custom"));
  });

  it("P4.7 gets nothing of recovery", async (t) => {
    const s = t.socket(url, options);
    const packets = collect(s.io, "packet");
    await connected(s);
    assert.equal(packets[0][0].data, undefined);
  });

  it("echoes any arguments", async (t) => {
    const s = await open(t);
    const args = [1, -1.5, "two", "", null, true, false, [], {}, [[1], [2]], { a: { b: ["c", null] } }, "€ 😀 \u2028 \" \\ \n"];
    s.emit("message", ...args);
    assert.deepEqual(await once(s, "message-back"), args);
    s.emit("message");
    assert.deepEqual(await once(s, "message-back"), []);
  });

  it("acknowledges text and binary", async (t) => {
    const s = await open(t);
    assert.deepEqual(await ask(s, "ack", { a: [1, "x"] }), { a: [1, "x"] });
    assert.deepEqual(await ask(s, "ack", bytes(300)), bytes(300));
    const all = await Promise.all([...Array(50).keys()].map((i) => ask(s, "ack", i)));
    assert.deepEqual(all, [...Array(50).keys()]);
  });

  it("answers the server's acknowledgement with text, binary and nothing", async (t) => {
    const s = await open(t);
    s.on("question", (...args) => args.pop()(...args));
    assert.deepEqual(await ask(s, "ask", "question", 1, { two: 2 }), { answer: [1, { two: 2 }] });
    assert.deepEqual(await ask(s, "ask", "question", bytes(2000)), { answer: [bytes(2000)] });
    assert.deepEqual(await ask(s, "ask", "question"), { answer: [] });
  });

  it("answers 50 questions at once, each its own", async (t) => {
    const s = await open(t);
    s.on("question", (n, cb) => setTimeout(() => cb(n * 2), (n * 7) % 20));
    assert.deepEqual(await ask(s, "ask-many", "question", 50), [...Array(50).keys()].map((n) => n * 2));
  });

  it("echoes binary of all sizes, nested among other values", async (t) => {
    const s = await open(t);
    for (const size of [0, 1, 125, 126, 65535, 65536, 700_000]) {
      s.emit("message", "a", bytes(size), { b: [bytes(20, 2), { c: bytes(3, 3) }] }, 4);
      const got = await once(s, "message-back");
      assert.deepEqual(got, ["a", bytes(size), { b: [bytes(20, 2), { c: bytes(3, 3) }] }, 4]);
    }
  });

  it("carries a text of almost 1 MB both ways", async (t) => {
    const s = await open(t);
    const text = "0123456789".repeat(98_000);
    s.emit("message", text);
    const [got] = await once(s, "message-back");
    assert.ok(got === text, "the text came back changed");
  });

  it("has two namespaces on one connection", async (t) => {
    const m = t.manager(url, options);
    const [a, b] = [m.socket("/"), m.socket("/custom")];
    await Promise.all([connected(a), connected(b)]);
    const [onA, onB] = [collect(a, "message-back"), collect(b, "message-back")];
    a.emit("message", "a");
    b.emit("message", "b", bytes(5));
    await until(() => onA.length > 0 && onB.length > 0, "an echo in each");
    assert.deepEqual([onA, onB], [[["a"]], [["b", bytes(5)]]]);
    b.disconnect();
    assert.equal(await ask(a, "ack", 1), 1);
    b.connect();
    await connected(b);
    assert.equal(await ask(b, "ack", 2), 2);
  });

  it("reaches a union of rooms once, and not the excepted", async (t) => {
    const [a, b, c] = await Promise.all([open(t), open(t), open(t)]);
    const [r1, r2, no] = ["r1", "r2", "no"].map((r) => `${r}-${a.id}`);
    await Promise.all([[a, r1], [b, r1], [b, r2], [c, r2], [c, no]].map(([s, room]) => ask(s, "join", room)));
    const [onA, onB, onC] = [a, b, c].map((s) => collect(s, "union"));
    await ask(a, "union", [r1, r2], [no], { data: bytes(4) });
    for (const s of [a, b, c]) await ask(s, "ack", 1);
    assert.deepEqual([onA, onB, onC], [[[{ data: bytes(4) }]], [[{ data: bytes(4) }]], []]);
  });

  it("is in one room with version 4, either way", async (t) => {
    const modern = io4(url, { ...options, forceNew: true, reconnection: false });
    t.defer(() => modern.disconnect());
    const [s] = await Promise.all([open(t), connected(modern)]);
    const room = `mixed-${s.id}`;
    await Promise.all([s, modern].map((x) => ask(x, "join", room)));
    for (const sender of [s, modern]) {
      const got = [once(s, "union"), once(modern, "union")];
      await ask(sender, "union", [room], [], ["text", bytes(100)]);
      assert.deepEqual(await Promise.all(got), [[["text", bytes(100)]], [["text", bytes(100)]]]);
    }
    const mark = `others-${s.id}`;
    const heard = (x) => deadline(new Promise((resolve) => { x.on("others", (data) => data === mark && resolve()); }), 30_000, "others");
    const both = [heard(modern), heard(s)];
    s.emit("others", mark);
    modern.emit("others", mark);
    await Promise.all(both);
  });

  it("is seen to leave by its own will", async (t) => {
    const watcher = await open(t, "/custom");
    const m = t.manager(url, options);
    // Two namespaces: with the last one the client closes the connection as well.
    const [a, b] = [m.socket("/"), m.socket("/custom")];
    await Promise.all([connected(a), connected(b)]);
    const id = b.id;
    const gone = once(b, "disconnect");
    b.disconnect();
    assert.equal((await gone)[0], "io client disconnect");
    assert.equal(await reason(watcher, id), "client namespace disconnect");
    assert.equal(await ask(a, "ack", 1), 1);
  });

  it("is disconnected by the server", async (t) => {
    const watcher = await open(t);
    for (const close of [false, true]) {
      const s = await open(t);
      const id = s.id;
      const gone = once(s, "disconnect");
      s.emit("leave-me", close);
      assert.equal((await gone)[0], "io server disconnect");
      assert.equal(await reason(watcher, id), "server namespace disconnect");
    }
  });

  it("is seen to leave when it closes its connection", async (t) => {
    const [s, watcher] = await Promise.all([open(t), open(t)]);
    const id = s.id;
    const gone = once(s, "disconnect");
    s.io.engine.close();
    assert.equal((await gone)[0], "forced close");
    assert.equal(await reason(watcher, id), "transport close");
  });

  it("gets what was emitted just before a kick", async (t) => {
    const s = await open(t);
    const seen = collect(s, "last words");
    s.emit("last-words", 20);
    await once(s, "disconnect");
    assert.deepEqual(seen, [...Array(20).keys()].map((i) => [i]));
  });

  it("ends when its handler panics: the rest goes on", async (t) => {
    const [s, other] = await Promise.all([open(t), open(t)]);
    const id = s.id;
    s.emit("panic");
    await once(s, "disconnect");
    assert.equal(typeof await reason(other, id), "string");
  });

  it("is closed for a message above 1 MB, alone", async (t) => {
    const [s, other] = await Promise.all([open(t), open(t)]);
    s.emit("message", "x".repeat(1_100_000));
    const [why] = await once(s, "disconnect");
    assert.equal(why, mode === "polling" ? "transport error" : "transport close");
    assert.equal(await ask(other, "ack", 1), 1);
  });

  it("keeps both directions in order from the first moment on, with binary", async (t) => {
    // For "upgrade" this runs across the change of transport.
    const s = t.socket(url, options);
    const [down, back] = [collect(s, "n"), collect(s, "message-back")];
    await connected(s);
    s.emit("burst", 500);
    for (let i = 0; i < 500; i++) {
      s.emit("message", i, bytes(8, i));
      if (i % 25 === 0) await new Promise((resolve) => { setTimeout(resolve, 5); });
    }
    await until(() => down.length >= 500 && back.length >= 500, "500 events each way", 40_000);
    assert.deepEqual(down.map(([i]) => i), [...Array(500).keys()]);
    assert.deepEqual(back, [...Array(500).keys()].map((i) => [i, bytes(8, i)]));
    // All of it may have gone over polling, before the probe was answered.
    if (mode === "upgrade") await upgraded(s);
  }, { timeout: 60_000 });

  it("stays through several heartbeats, which it begins", async (t) => {
    const s = await open(t);
    const gone = collect(s, "disconnect");
    const [pings, pongs] = [collect(s, "ping"), collect(s, "pong")];
    await until(() => pongs.length >= 2, "two pongs");
    assert.ok(pings.length >= 2);
    assert.equal(await ask(s, "ack", 1), 1);
    assert.deepEqual(gone, []);
  });

  it("reconnects after its connection was lost", async (t) => {
    const p = await proxy(t, url);
    const s = await t.connect(p.url, { ...options, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 });
    if (mode === "upgrade") await upgraded(s);
    const old = s.id;
    const [back, gone] = [once(s, "connect"), once(s, "disconnect")];
    p.block(true);
    const [why] = await gone;
    assert.ok(["transport close", "transport error"].includes(why), why);
    s.emit("message", "buffered meanwhile");
    p.block(false);
    await back;
    assert.notEqual(s.id, old);
    assert.deepEqual(await once(s, "message-back"), ["buffered meanwhile"]);
  }, { timeout: 60_000 });
}
