// SPDX-License-Identifier: MIT

// The event contract of the playground (`sio serve`), as the official client sees it.

import assert from "node:assert/strict";
import { ask, bytes, collect, connected, deadline, once, test, transports, until, upgraded, version } from "./harness.mjs";

// contract registers the cases for one way to connect.
// mode is "polling", "websocket" or "upgrade"; with more options the server has another
// path, or another parser.
export function contract(url, mode, more = {}) {
  const options = { transports: transports[mode], ...more };
  const open = async (t, nsp = "/", more = {}) => {
    const s = await t.connect(url + nsp, { ...options, ...more });
    if (mode === "upgrade") await upgraded(s);
    return s;
  };
  const it = (name, fn, o) => test(`contract/${mode}/${name}`, fn, o);
  // Then all messages are base64, which is longer.
  const binaryOnly = mode === "polling" && more.parser;

  it("connects with a 20 character id of its own", async (t) => {
    const s = await open(t);
    assert.match(s.id, /^[\w-]{20}$/);
    assert.match(s.io.engine.id, /^[\w-]{20}$/);
    assert.notEqual(s.id, s.io.engine.id);
    assert.ok(!s.recovered);
    assert.equal(s.io.engine.transport.name, mode === "polling" ? "polling" : "websocket");
  });

  it("echoes any arguments", async (t) => {
    const s = await open(t);
    const args = [1, -1.5, "two", "", null, true, false, [], {}, [[1], [2]], { a: { b: ["c", null] } }, "€ 😀 \u2028 \" \\ \n"];
    s.emit("echo", ...args);
    assert.deepEqual(await once(s, "echo"), args);
  });

  it("echoes no arguments at all", async (t) => {
    const s = await open(t);
    s.emit("echo");
    assert.deepEqual(await once(s, "echo"), []);
  });

  it("echoes 200 events in order", async (t) => {
    const s = await open(t);
    const seen = collect(s, "echo");
    for (let i = 0; i < 200; i++) s.emit("echo", i);
    await until(() => seen.length >= 200, "200 echoes");
    assert.deepEqual(seen.map(([i]) => i), [...Array(200).keys()]);
  });

  it("acknowledges with the data", async (t) => {
    const s = await open(t);
    assert.deepEqual(await ask(s, "ack", { a: [1, "x"] }), { a: [1, "x"] });
    assert.equal(await ask(s, "ack", "two"), "two");
    const all = await Promise.all([...Array(50).keys()].map((i) => ask(s, "ack", i)));
    assert.deepEqual(all, [...Array(50).keys()]);
  });

  it("acknowledges with binary", async (t) => {
    const s = await open(t);
    const got = await ask(s, "ack", bytes(300));
    assert.ok(Buffer.isBuffer(got), `want a Buffer, got ${typeof got}`);
    assert.deepEqual(got, bytes(300));
  });

  it("sends and gets binary", async (t) => {
    const s = await open(t);
    for (const size of [0, 1, 125, 126, 65535, 65536]) {
      s.emit("bin", bytes(size));
      const [got] = await once(s, "bin");
      assert.ok(Buffer.isBuffer(got), `want a Buffer of ${size} bytes, got ${typeof got}`);
      assert.deepEqual(got, bytes(size));
    }
  });

  it("echoes binary nested among other values", async (t) => {
    const s = await open(t);
    s.emit("echo", "a", bytes(10), { b: [bytes(20, 2), { c: bytes(3, 3) }] }, 4);
    const [a, b, c, d] = await once(s, "echo");
    assert.equal(a, "a");
    assert.deepEqual(b, bytes(10));
    assert.deepEqual(c, { b: [bytes(20, 2), { c: bytes(3, 3) }] });
    assert.equal(d, 4);
  });

  it("carries a text of almost 1 MB both ways", async (t) => {
    const s = await open(t);
    const text = "0123456789".repeat(binaryOnly ? 74_000 : 98_000);
    s.emit("echo", text);
    const [got] = await once(s, "echo");
    assert.equal(got.length, text.length);
    assert.ok(got === text, "the text came back changed");
  });

  it("carries binary of almost 1 MB both ways", async (t) => {
    const s = await open(t);
    const blob = bytes(mode === "websocket" || mode === "upgrade" ? 990_000 : 740_000);
    s.emit("bin", blob);
    const [got] = await once(s, "bin");
    assert.ok(blob.equals(got), "the bytes came back changed");
  });

  it("answers whoami", async (t) => {
    const s = await open(t);
    await ask(s, "ack", 0);
    const who = await ask(s, "whoami");
    assert.equal(who.id, s.id);
    assert.equal(who.transport, mode === "polling" ? "polling" : "websocket");
    assert.ok(Array.isArray(who.rooms), `rooms is ${JSON.stringify(who.rooms)}`);
    assert.ok(who.rooms.includes(s.id), "a socket is in the room of its own id");
    assert.ok(who.clients >= 1);
    assert.ok(Math.abs(Date.now() - new Date(who.connectedAt).getTime()) < 60_000, `connectedAt is ${who.connectedAt}`);
  });

  it("joins and leaves rooms, and only members see their traffic", async (t) => {
    const [a, b, c] = await Promise.all([open(t), open(t), open(t)]);
    const room = `room-${mode}-${a.id}`;
    await ask(a, "join", room);
    await ask(b, "join", room);
    const who = await ask(a, "whoami");
    assert.ok(who.rooms.includes(room), `rooms: ${who.rooms}`);
    const outside = collect(c, "room");
    const inside = once(b, "room");
    a.emit("room", room, { n: 1 });
    assert.deepEqual(await inside, [{ n: 1 }]);
    // c's echo was queued after the room event would have been.
    await ask(c, "ack", 1);
    assert.deepEqual(outside, []);

    await ask(b, "leave", room);
    const gone = collect(b, "room");
    const still = once(a, "room");
    a.emit("room", room, 2);
    c.emit("room", room, 3);
    await still;
    await ask(b, "ack", 1);
    assert.deepEqual(gone, []);
  });

  it("sends binary to a room", async (t) => {
    const [a, b] = await Promise.all([open(t), open(t)]);
    const room = `bin-${mode}-${a.id}`;
    await ask(b, "join", room);
    const got = once(b, "room");
    a.emit("room", room, bytes(1000));
    assert.deepEqual(await got, [bytes(1000)]);
  });

  it("broadcasts to everyone in the namespace", async (t) => {
    const all = await Promise.all([...Array(5)].map(() => open(t)));
    const mark = `mark-${mode}-${all[0].id}`;
    const marked = (s) => deadline(new Promise((resolve) => {
      s.on("broadcast", (data) => data === mark && resolve());
    }), 30_000, "broadcast");
    const got = all.map(marked);
    all[0].emit("broadcast", mark);
    await Promise.all(got);
  });

  it("has two namespaces on one connection", async (t) => {
    const m = t.manager(url, options);
    const a = m.socket("/");
    const b = m.socket("/playground");
    await Promise.all([connected(a), connected(b)]);
    assert.notEqual(a.id, b.id);
    const [onA, onB] = [collect(a, "echo"), collect(b, "echo")];
    a.emit("echo", "a");
    b.emit("echo", "b", bytes(5));
    await until(() => onA.length > 0 && onB.length > 0, "an echo in each");
    assert.deepEqual(onA, [["a"]]);
    assert.deepEqual(onB, [["b", bytes(5)]]);
    // Ending one leaves the other alive, and it can be opened again.
    const old = b.id;
    b.disconnect();
    assert.equal(await ask(a, "ack", 1), 1);
    b.connect();
    await connected(b);
    assert.notEqual(b.id, old);
    assert.equal(await ask(b, "ack", 2), 2);
  }, { lane: "/playground" });

  it("is refused with connect_error, message and data", async (t) => {
    const m = t.manager(url, options);
    const s = m.socket("/", { auth: { token: "reject" } });
    const [err] = await once(s, "connect_error");
    assert.ok(err instanceof Error);
    assert.ok(err.message.length > 0);
    assert.notEqual(err.data, undefined, "connect_error without data");
    assert.equal(s.connected, false);
    if (version > 3) assert.equal(s.active, false);
    // The connection itself lives on: another namespace can be joined on it.
    const other = m.socket("/playground", { auth: {} });
    await connected(other);
    // And with another token, so can this one.
    s.auth = { token: "fine" };
    s.connect();
    await connected(s);
  }, { lane: "/playground" });

  it("is refused by an unknown namespace", async (t) => {
    const m = t.manager(url, options);
    const s = m.socket("/no such/namespace?x=1");
    const [err] = await once(s, "connect_error");
    assert.equal(err.message, "Invalid namespace");
    assert.equal(err.data, undefined);
    await connected(m.socket("/"));
  });

  it("is disconnected by the server: kick", async (t) => {
    const [s, other] = await Promise.all([open(t), open(t)]);
    const closed = once(s.io.engine, "close");
    s.emit("kick");
    const [reason] = await once(s, "disconnect");
    assert.equal(reason, "io server disconnect");
    assert.equal(s.active, false);
    assert.equal(await ask(other, "ack", 1), 1);
    if (version < 4) await closed;
    s.connect();
    await connected(s);
  });

  it("disconnects itself", async (t) => {
    const s = await open(t);
    const gone = once(s, "disconnect");
    const closed = once(s.io.engine, "close");
    s.disconnect();
    assert.deepEqual((await gone)[0], "io client disconnect");
    if (version < 4) await closed; // it cannot connect before that
    s.connect();
    await connected(s);
    assert.equal(await ask(s, "ack", 1), 1);
  });

  it("counts its clients in whoami", async (t) => {
    const s = await open(t, "/playground");
    const count = async () => (await ask(s, "whoami")).clients;
    // Other tests come and go meanwhile.
    await until(async () => {
      const before = await count();
      const more = await open(t, "/playground");
      const after = await count();
      more.disconnect();
      return after === before + 1;
    }, "one more to be counted", 20_000);
    await until(async () => {
      const more = await open(t, "/playground");
      const before = await count();
      more.disconnect();
      await ask(s, "ack", 1);
      return await count() === before - 1;
    }, "one less to be counted", 20_000);
  }, { lane: "/playground", timeout: 90_000 });

  it("ends only the socket whose handler panics", async (t) => {
    const [s, other] = await Promise.all([open(t), open(t)]);
    s.emit("panic");
    const [reason] = await once(s, "disconnect");
    assert.ok(["io server disconnect", "transport close", "transport error"].includes(reason), reason);
    assert.equal(await ask(other, "ack", 1), 1);
    const again = await open(t);
    assert.equal(await ask(again, "ack", 2), 2);
  });

  it("survives an event that nobody handles", async (t) => {
    const s = await open(t);
    s.emit("nobody handles this", 1, { a: 2 });
    s.emit("nobody handles this either", () => assert.fail("answered"));
    assert.equal(await ask(s, "ack", 1), 1);
  });

  it("survives contract events with missing or wrong arguments", async (t) => {
    const [s, other] = await Promise.all([open(t), open(t)]);
    s.emit("join");
    s.emit("join", { not: "a room" });
    s.emit("leave", 17);
    s.emit("room");
    s.emit("bin");
    s.emit("bin", "text");
    s.emit("ack");
    s.emit("whoami");
    // The socket may be refused an answer or be closed, but others go on.
    assert.equal(await ask(other, "ack", 1), 1);
  });

  it("keeps 1000 numbered events in order from the first moment on", async (t) => {
    // For "upgrade" the burst runs across the change of transport.
    const s = t.socket(url, options);
    const seen = collect(s, "echo");
    let n = 0;
    s.once("connect", function more() {
      for (let i = 0; i < 20 && n < 1000; i++) s.emit("echo", n++);
      if (n < 1000) setTimeout(more, 2);
    });
    await until(() => seen.length >= 1000, "1000 echoes", 40_000);
    assert.deepEqual(seen.map(([i]) => i), [...Array(1000).keys()]);
    // All of it may have gone over polling, before the probe was answered.
    if (mode === "upgrade") await upgraded(s);
  }, { timeout: 60_000 });

  it("is closed for a message above 1 MB, alone", async (t) => {
    const [s, other] = await Promise.all([open(t), open(t)]);
    s.emit("echo", "x".repeat(1_100_000));
    const [reason] = await once(s, "disconnect");
    // 413 on polling (top-25 #7), close code 1009 on WebSocket.
    assert.equal(reason, mode === "polling" ? "transport error" : "transport close");
    assert.equal(await ask(other, "ack", 1), 1);
  });
}
