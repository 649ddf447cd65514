// SPDX-License-Identifier: MIT

// What the official client does by itself, and needs the server to answer as it expects.

import assert from "node:assert/strict";
import { ask, bytes, collect, connected, once, until } from "./harness.mjs";
import { proxy } from "./proxy.mjs";

export function client(it, mode) {
  it("client/send is the event message, both ways", async (w) => {
    const s = await w.open();
    const got = once(s, "message");
    s.send("hi", null, bytes(5));
    assert.deepEqual(await got, ["hi", null, bytes(5)]);
  });

  it("client/nested binary, both ways, in events and acknowledgements", async (w) => {
    const s = await w.open();
    const deep = { a: [{ b: { c: [bytes(1), bytes(0), { d: bytes(70_000 / 4) }] } }], é: "ü", n: null, t: true };
    const got = once(s, "echo");
    s.emit("echo", deep, [[bytes(2)]], "end");
    assert.deepEqual(await got, [deep, [[bytes(2)]], "end"]);
    assert.deepEqual(await ask(s, "ack", deep), deep);
  });

  it("client/a timeout is an error, once, and an answer in time none", async (w) => {
    const s = await w.open();
    const calls = [];
    s.timeout(80).emit("late", 200, (...args) => calls.push(args));
    await until(() => calls.length > 0, "the timeout");
    assert.match(String(calls[0][0]), /operation has timed out/);
    assert.equal(await ask(s, "ack", 1), 1); // it comes after the late answer
    assert.equal(calls.length, 1);
    await assert.rejects(s.timeout(50).emitWithAck("nobody answers this"), /operation has timed out/);
    assert.equal(await s.timeout(20_000).emitWithAck("late", 10), "late");
    await new Promise((resolve, reject) => {
      s.timeout(20_000).emit("ack", "in time", (err, v) => err ? reject(err) : resolve(assert.equal(v, "in time")));
    });
  });

  it("client/an answer that does not come before the end is an error", async (w) => {
    const s = await w.open();
    const wait = assert.rejects(s.timeout(20_000).emitWithAck("late", 5000), /socket has been disconnected/);
    s.emit("nobody handles this");
    s.io.engine.close();
    await wait;
  });

  it("client/retries until it is answered, one after the other", async (w) => {
    const s = await w.open({ retries: 50, ackTimeout: 60 });
    const [sent, done] = [[], []];
    s.onAnyOutgoing((event, key) => sent.push(key));
    const ends = ["a", "b"].map((key) => new Promise((resolve) => {
      s.emit("third", key, (err, n) => resolve(done.push([key, err, n])));
    }));
    await Promise.all(ends);
    assert.deepEqual(done.map(([key]) => key), ["a", "b"]);
    for (const [key, err, n] of done) {
      assert.equal(err, null);
      assert.ok(n >= 3, `${n} tries of ${key}`);
    }
    assert.deepEqual(sent, [...sent].sort(), "b was sent before a was answered");
  });

  it("client/gives up after its retries", async (w) => {
    const s = await w.open({ retries: 2, ackTimeout: 30 });
    const sent = collect(s.io.engine, "packetCreate");
    const [err] = await new Promise((resolve) => { s.emit("nobody answers this", (...args) => resolve(args)); });
    assert.match(String(err), /operation has timed out/);
    assert.equal(sent.filter(([p]) => p.type === "message").length, 3);
  });

  it("client/keeps what waits to be retried over a lost connection", async (w) => {
    const p = await proxy(w.t, w.base);
    const s = await w.open({
      url: p.url, retries: 100, ackTimeout: 5000, reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50,
    });
    const gone = once(s, "disconnect");
    p.block(true);
    await gone;
    const got = [...Array(5).keys()].map((i) => new Promise((resolve) => {
      s.emit("ack", i, (err, v) => resolve([err, v]));
    }));
    p.block(false);
    assert.deepEqual(await Promise.all(got), [...Array(5).keys()].map((i) => [null, i]));
  });

  it("client/volatile events are dropped before it is connected, and come after", async (w) => {
    const s = w.socket();
    const echo = collect(s, "echo");
    s.volatile.emit("echo", "too early");
    s.emit("echo", "kept");
    await connected(s);
    await until(() => {
      s.volatile.emit("echo", "in time");
      return echo.some(([v]) => v === "in time");
    }, "a volatile event");
    assert.deepEqual(echo[0], ["kept"]);
    assert.ok(!echo.some(([v]) => v === "too early"));
  });

  it("client/sends uncompressed what it is told to", async (w) => {
    const s = await w.open();
    const text = "ab".repeat(20_000);
    // Both are taken, whatever they come as.
    const cost = async (socket) => {
      const before = s.io.engine.transport.ws?._socket.bytesWritten;
      socket.emit("echo", text);
      assert.deepEqual(await once(s, "echo"), [text]);
      return s.io.engine.transport.ws?._socket.bytesWritten - before;
    };
    const [packed, plain] = [await cost(s), await cost(s.compress(false))];
    if (mode === "polling") return;
    assert.ok(packed < 10_000 && plain > 40_000, `${packed} and ${plain} bytes`);
  });

  it("client/is new after the server has closed its connection, and goes on", async (w) => {
    const s = await w.open({ reconnection: true, reconnectionDelay: 20 });
    const [{ id }, gone, echo] = [s, once(s, "disconnect"), collect(s, "echo")];
    s.emit("close");
    assert.equal((await gone)[0], "transport close");
    s.emit("echo", "after");
    await connected(s);
    assert.notEqual(s.id, id);
    await until(() => echo.length > 0, "the echo");
    assert.deepEqual(echo, [["after"]]);
    assert.equal((await w.ended(id)).reason, "forced close");
  });

  it("client/has no event twice after coming back by hand", async (w) => {
    const s = await w.open();
    const echo = collect(s, "echo");
    for (let i = 0; i < 3; i++) {
      s.disconnect().connect();
      await connected(s);
    }
    s.emit("echo", 1);
    await ask(s, "ack", 0);
    assert.deepEqual(echo, [[1]]);
  });

  it("client/ends when it sends more than it may: alone, with the reason", async (w) => {
    const [s, other] = await Promise.all([w.open(), w.open()]);
    const { id } = s;
    const gone = once(s, "disconnect");
    s.compress(false).emit("echo", "x".repeat(150_000));
    // S6.6: status 413 for a POST, close code 1009 for a frame.
    assert.equal((await gone)[0], mode === "polling" ? "transport error" : "transport close");
    if (mode !== "polling") assert.equal((await w.ended(id)).reason, "transport error");
    assert.equal(await ask(other, "ack", 1), 1);
  });
}
