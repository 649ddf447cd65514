// SPDX-License-Identifier: MIT

// What the playground cannot show: acknowledgements of the client, reasons as
// the server saw them, broadcasts with exceptions, recovery of lost transports.
// The other end is interop/testserver (or reference.mjs, the control).

import assert from "node:assert/strict";
import { ask, bytes, collect, connected, deadline, once, test, transports, until, upgraded } from "./harness.mjs";
import { proxy } from "./proxy.mjs";

// lab registers the cases for one way to connect, like contract.
export function lab(url, mode, more = {}) {
  const options = { transports: transports[mode], ...more };
  const open = async (t, nsp = "/", more = {}) => {
    const s = await t.connect(url + nsp, { ...options, ...more });
    if (mode === "upgrade") await upgraded(s);
    return s;
  };
  const it = (name, fn, o) => test(`lab/${mode}/${name}`, fn, o);
  // reason asks another socket for the reason with which id was seen to end.
  const reason = async (watcher, id) => {
    let got;
    await until(async () => (got = await ask(watcher, "reason", id)) !== null, `the server's reason for ${id}`);
    return got;
  };

  it("answers the server's acknowledgement", async (t) => {
    const s = await open(t);
    s.on("question", (a, b, cb) => cb(a, b, "and more"));
    assert.deepEqual(await ask(s, "ask", "question", 1, { two: 2 }), { answer: [1, { two: 2 }, "and more"] });
  });

  it("answers the server's acknowledgement with nothing", async (t) => {
    const s = await open(t);
    s.on("question", (cb) => cb());
    assert.deepEqual(await ask(s, "ask", "question"), { answer: [] });
  });

  it("answers the server's acknowledgement with binary", async (t) => {
    const s = await open(t);
    s.on("question", (data, cb) => cb(data, bytes(3, 9)));
    assert.deepEqual(await ask(s, "ask", "question", bytes(2000)), { answer: [bytes(2000), bytes(3, 9)] });
  });

  it("answers 50 questions at once, each its own", async (t) => {
    const s = await open(t);
    s.on("question", (n, cb) => setTimeout(() => cb(n * 2), (n * 7) % 20));
    const got = await ask(s, "ask-many", "question", 50);
    assert.deepEqual(got, [...Array(50).keys()].map((n) => n * 2));
  });

  it("lets the server's deadline pass", async (t) => {
    const s = await open(t);
    s.on("question", () => {});
    const got = await ask(s, "ask-briefly", "question", 1);
    assert.equal(typeof got.error, "string", JSON.stringify(got));
    assert.equal(await ask(s, "ack", 1), 1);
  });

  it("answers late and twice without harm", async (t) => {
    const s = await open(t);
    let late;
    s.on("question", (cb) => { late = cb; });
    const got = await ask(s, "ask-briefly", "question");
    assert.equal(typeof got.error, "string", JSON.stringify(got));
    late("too late");
    late("and again");
    assert.equal(await ask(s, "ack", 1), 1);
  });

  it("gets what the server emits in its connection handler", async (t) => {
    const s = t.socket(url, { ...options, auth: { token: "abc", n: 1 } });
    const [auth] = await once(s, "auth");
    assert.deepEqual(auth, { token: "abc", n: 1 });
  });

  it("sends auth from a function, and a query", async (t) => {
    const s = t.socket(url + "/custom", { ...options, auth: (cb) => cb({ later: true }), query: { q: "ä b&c" } });
    const [auth] = await once(s, "auth");
    assert.deepEqual(auth, { later: true });
    const h = await ask(s, "handshake");
    assert.deepEqual(h.auth, { later: true });
    assert.equal(h.query.q, "ä b&c");
    assert.equal(h.query.EIO, "4");
    assert.equal(h.query.transport, mode === "websocket" ? "websocket" : "polling");
  });

  it("sends what it emitted before it was connected, after connecting", async (t) => {
    const s = t.socket(url, options);
    s.emit("message", "early");
    assert.deepEqual(await once(s, "message-back"), ["early"]);
  });

  it("is refused by a middleware with its message and data", async (t) => {
    const s = t.socket(url + "/refused", options);
    const [err] = await once(s, "connect_error");
    assert.equal(err.message, "not today");
    assert.deepEqual(err.data, { code: 7, why: ["a", "b"] });
  });

  it("is refused by a middleware that returns a plain error, without data", async (t) => {
    const s = t.socket(url + "/secret", options);
    const [err] = await once(s, "connect_error");
    assert.ok(err.message.length > 0);
    assert.equal(err.data, undefined);
  });

  it("reaches all but the sender", async (t) => {
    const [a, b, c] = await Promise.all([open(t), open(t), open(t)]);
    const mark = `others-${a.id}`;
    // Other tests do the same meanwhile.
    const heard = (s) => deadline(new Promise((resolve) => {
      s.on("others", (data) => data === mark && resolve());
    }), 30_000, "others");
    const own = collect(a, "others");
    const got = [heard(b), heard(c)];
    a.emit("others", mark);
    await Promise.all(got);
    await ask(a, "ack", 1);
    assert.ok(!own.some(([data]) => data === mark));
  });

  it("reaches a union of rooms once, and not the excepted", async (t) => {
    const [a, b, c] = await Promise.all([open(t), open(t), open(t)]);
    const [r1, r2, no] = ["r1", "r2", "no"].map((r) => `${r}-${a.id}`);
    await ask(a, "join", r1);
    await ask(b, "join", r1);
    await ask(b, "join", r2);
    await ask(c, "join", r2);
    await ask(c, "join", no);
    const [onA, onB, onC] = [a, b, c].map((s) => collect(s, "union"));
    await ask(a, "union", [r1, r2], [no], { data: bytes(4) });
    for (const s of [a, b, c]) await ask(s, "ack", 1);
    assert.deepEqual([onA, onB, onC], [[[{ data: bytes(4) }]], [[{ data: bytes(4) }]], []]);
  });

  it("is seen to leave by its own will: client namespace disconnect", async (t) => {
    const [s, watcher] = await Promise.all([open(t), open(t)]);
    const id = s.id;
    s.disconnect();
    assert.equal(await reason(watcher, id), "client namespace disconnect");
  });

  it("is disconnected by the server: server namespace disconnect", async (t) => {
    const [s, watcher] = await Promise.all([open(t), open(t)]);
    const id = s.id;
    s.emit("leave-me", false);
    assert.equal((await once(s, "disconnect"))[0], "io server disconnect");
    assert.equal(await reason(watcher, id), "server namespace disconnect");
  });

  it("keeps its other namespace when the server ends one", async (t) => {
    const m = t.manager(url, options);
    const [a, b] = [m.socket("/"), m.socket("/custom")];
    await Promise.all([connected(a), connected(b)]);
    a.emit("leave-me", false);
    assert.equal((await once(a, "disconnect"))[0], "io server disconnect");
    assert.equal(await ask(b, "ack", 1), 1);
  });

  it("loses all namespaces when the server closes the connection", async (t) => {
    const m = t.manager(url, options);
    const [a, b] = [m.socket("/"), m.socket("/custom")];
    await Promise.all([connected(a), connected(b)]);
    const ends = [once(a, "disconnect"), once(b, "disconnect")];
    a.emit("leave-me", true);
    for (const [why] of await Promise.all(ends)) assert.equal(why, "io server disconnect");
  });

  it("gets what was emitted just before a kick", async (t) => {
    const s = await open(t);
    const seen = collect(s, "last words");
    s.emit("last-words", 20);
    assert.equal((await once(s, "disconnect"))[0], "io server disconnect");
    assert.deepEqual(seen, [...Array(20).keys()].map((i) => [i]));
  });

  it("is told once of a kick behind many events, and stays away", async (t) => {
    const sockets = await Promise.all([...Array(10)].map(() => open(t, "/", { forceNew: true })));
    await Promise.all(sockets.map(async (s) => {
      const [seen, ends] = [collect(s, "last words"), collect(s, "disconnect")];
      s.emit("last-words", 500);
      await once(s, "disconnect");
      await new Promise((done) => setTimeout(done, 50)); // a second one would come by now
      assert.deepEqual(ends.map(([why]) => why), ["io server disconnect"]);
      assert.deepEqual(seen, [...Array(500).keys()].map((i) => [i]));
      assert.equal(s.active, false);
    }));
  });

  it("ends when its handler panics: the rest goes on", async (t) => {
    const [s, other] = await Promise.all([open(t), open(t)]);
    const id = s.id;
    s.emit("panic");
    await once(s, "disconnect");
    assert.equal(typeof await reason(other, id), "string");
  });

  it("handles events while a handler waits", async (t) => {
    // A handler that waits for its own client's answer must not block acks (S5).
    const s = await open(t);
    s.on("slow", (cb) => setTimeout(() => cb("done"), 300));
    const first = ask(s, "ask", "slow");
    assert.deepEqual(await first, { answer: ["done"] });
  });

  it("sends 1000 numbered events in order, from the first moment on", async (t) => {
    const s = t.socket(url, options);
    const seen = collect(s, "n");
    await connected(s);
    s.emit("burst", 1000);
    await until(() => seen.length >= 1000, "1000 events", 40_000);
    assert.deepEqual(seen.map(([i]) => i), [...Array(1000).keys()]);
  }, { timeout: 60_000 });

  it("takes 300 events with two attachments each in order", async (t) => {
    const s = await open(t);
    const seen = collect(s, "message-back");
    for (let i = 0; i < 300; i++) s.emit("message", i, bytes(i, i), { b: bytes(3, i) });
    await until(() => seen.length >= 300, "300 events", 40_000);
    for (let i = 0; i < 300; i++) assert.deepEqual(seen[i], [i, bytes(i, i), { b: bytes(3, i) }]);
  }, { timeout: 60_000 });

  it("stays through several heartbeats", async (t) => {
    const s = await open(t);
    const packets = collect(s.io.engine, "packet");
    const gone = collect(s, "disconnect");
    await until(() => packets.filter(([p]) => p.type === "ping").length >= 2, "two pings");
    assert.equal(await ask(s, "ack", 1), 1);
    assert.deepEqual(gone, []);
  });

  it("reconnects after its connection was lost", async (t) => {
    const p = await proxy(t, url);
    const [s, watcher] = await Promise.all([
      t.connect(p.url, { ...options, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 }),
      open(t),
    ]);
    if (mode === "upgrade") await upgraded(s);
    const old = s.id;
    const back = once(s, "connect");
    const gone = once(s, "disconnect");
    p.block(true);
    const [why] = await gone;
    assert.ok(["transport close", "transport error"].includes(why), why);
    s.emit("message", "buffered meanwhile");
    p.block(false);
    await back;
    assert.notEqual(s.id, old);
    assert.deepEqual(await once(s, "message-back"), ["buffered meanwhile"]);
    if (mode !== "polling") assert.equal(await reason(watcher, old), "transport close");
  }, { timeout: 60_000 });

  it("is seen to leave when it closes its connection: transport close", async (t) => {
    const [s, watcher] = await Promise.all([open(t), open(t)]);
    const id = s.id;
    const gone = once(s, "disconnect");
    s.io.engine.close();
    assert.equal((await gone)[0], "forced close");
    assert.equal(await reason(watcher, id), "transport close");
  });

  if (mode === "upgrade") {
    if (url.startsWith("http:")) it("stays on polling when the upgrade fails", async (t) => {
      const p = await proxy(t, url, { upgrades: false });
      const s = t.socket(p.url, options);
      await once(s.io.engine, "upgradeError");
      await connected(s);
      assert.equal(s.io.engine.transport.name, "polling");
      assert.deepEqual(await ask(s, "ack", bytes(9)), bytes(9));
    });

    it("keeps both directions in order across the upgrade, with binary", async (t) => {
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
      await upgraded(s);
    }, { timeout: 60_000 });
  }
}
