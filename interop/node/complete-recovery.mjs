// SPDX-License-Identifier: MIT

// Connection state recovery (S8).

import assert from "node:assert/strict";
import { ask, bytes, collect, connected, once, until, upgraded } from "./harness.mjs";
import { proxy } from "./proxy.mjs";

const eager = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 };

// took collects the events of a client without the position that ends them.
function took(s) {
  const seen = [];
  s.onAny((event, ...args) => event !== "hello" && seen.push([event, ...args.slice(0, -1)]));
  return seen;
}

// The ways to lose a connection: each returns when the server has noticed, with a function
// that brings the client back.
const losses = {
  // The client closes its connection and opens another one.
  "engine.close()": async (w) => {
    const s = await w.open();
    return [s, async (times = 1) => {
      const [id, gone] = [s.id, once(s, "disconnect")];
      s.io.engine.close();
      assert.equal((await gone)[0], "forced close");
      assert.equal((await w.ended(id, times)).reason, "transport close");
      return async () => {
        s.connect();
        await connected(s);
      };
    }];
  },
  // The network is gone for a while.
  "a cut connection": async (w) => {
    const p = await proxy(w.t, w.base);
    const s = await w.open({ url: p.url, ...eager });
    return [s, async (times = 1) => {
      const [id, gone] = [s.id, once(s, "disconnect")];
      // Without a poll that waits, the server would notice by the heartbeat: that takes longer.
      if (w.mode === "polling") await new Promise((resolve) => { setTimeout(resolve, 30); });
      p.block(true);
      assert.match((await gone)[0], /^transport (close|error)$/);
      await w.ended(id, times);
      return async () => {
        const back = once(s, "connect"); // whatever becomes of an attempt that was refused
        p.block(false);
        await back;
        if (w.mode === "upgrade") await upgraded(s);
      };
    }];
  },
};

export function recovery(on) {
  const it = on("recovery");

  for (const [how, open] of Object.entries(losses)) {
    it(`recovery/${how}/gets what it missed, in order, and its rooms and data`, async (w) => {
      const [s, lose] = await open(w);
      assert.equal(s.recovered, false);
      await ask(s, "join", ["red", "blue"]);
      await ask(s, "set", "user", { name: "ann" });
      const other = await w.open();
      const seen = took(s);
      const { id, _pid: pid } = s;
      const hello = once(s, "hello");
      const back = await lose();
      await w.to("emit", {}, "all", 1);
      await w.to("emit", { rooms: ["red"] }, "room", { data: bytes(300), list: [bytes(0)] });
      await w.to("emit", { rooms: [id] }, "direct", "three");
      await w.to("emit", { from: other.id, rooms: ["red", "blue"] }, "both", 4, null);
      await w.to("emit", { rooms: ["green"] }, "not", "in this room");
      await w.to("emit", { except: ["blue"] }, "not", "excepted");
      await w.to("emit", { rooms: [other.id] }, "not", "to another");
      await w.to("emit", { volatile: true }, "not", "volatile");
      await w.to("ask", { timeout: 50 }, "not", "asked");
      await back();
      // What was missed comes before CONNECT.
      const want = [["all", 1], ["room", { data: bytes(300), list: [bytes(0)] }], ["direct", "three"], ["both", 4, null]];
      assert.deepEqual(seen, want);
      assert.deepEqual([s.recovered, s.id, s._pid], [true, id, pid]);
      assert.equal((await hello)[0], true);
      const info = await ask(s, "info");
      assert.deepEqual({ ...info, rooms: info.rooms.sort() }, { ...info, id, recovered: true, rooms: [id, "blue", "red"].sort() });
      const [remote] = await w.to("fetch", { rooms: [id] });
      assert.deepEqual(remote.data, { user: { name: "ann" } });
      assert.equal(await w.order("runs", w.nsp), 2, "the middleware ran again");
      // And it goes on as before.
      await w.to("emit", { rooms: ["blue"] }, "later", 5);
      await until(() => seen.length === 5, "what is sent now");
      assert.deepEqual(seen, [...want, ["later", 5]]);
    });

    it(`recovery/${how}/sends what it emitted meanwhile`, async (w) => {
      const [s, lose] = await open(w);
      const back = await lose();
      const echo = once(s, "echo");
      s.emit("echo", "meanwhile");
      await back();
      assert.equal((await echo)[0], "meanwhile");
      assert.equal(s.recovered, true);
    });

    it(`recovery/${how}/can be lost again`, async (w) => {
      const [s, lose] = await open(w);
      const [seen, id] = [took(s), s.id];
      for (let i = 1; i <= 3; i++) {
        const back = await lose(i);
        await w.to("emit", {}, "n", i);
        await back();
        assert.deepEqual([s.recovered, s.id], [true, id]);
      }
      assert.deepEqual(seen, [["n", 1], ["n", 2], ["n", 3]]);
    });
  }

  it("recovery/misses nothing of a stream, and gets nothing twice", async (w) => {
    // A cut between two polls is noticed only by the heartbeat.
    const [s, lose] = await losses[w.mode === "polling" ? "engine.close()" : "a cut connection"](w);
    const [seen, id] = [took(s), s.id];
    for (let i = 1; i <= 3; i++) {
      const before = seen.length;
      const done = w.to("stream", {}, `n${i}`, 100, 2);
      await until(() => seen.length > before + 20, "a part of the stream");
      await (await lose(i))();
      assert.deepEqual([s.recovered, s.id], [true, id]);
      await done;
    }
    await until(() => seen.length >= 300, "all of the stream");
    assert.deepEqual(seen, [...Array(300).keys()].map((i) => [`n${1 + Math.floor(i / 100)}`, i % 100]));
  });

  it("recovery/all namespaces of a connection are recovered, each by itself", async (w) => {
    const m = w.t.manager(w.base, w.options);
    const list = ["a", "b"].map((name) => m.socket(w.nsp + name));
    await Promise.all(list.map((s) => once(s, "hello")));
    const ids = list.map((s) => s.id);
    const seen = list.map(took);
    m.engine.close();
    await Promise.all(ids.map((id) => w.ended(id)));
    await w.to("emit", { nsp: `${w.nsp}b` }, "for b");
    for (const s of list) s.connect();
    await Promise.all(list.map((s) => connected(s)));
    assert.deepEqual(list.map((s) => [s.recovered, s.id]), ids.map((id) => [true, id]));
    assert.deepEqual(seen, [[], [["for b"]]]);
  });

  it("recovery/a connection that the server closes is recovered", async (w) => {
    const s = await w.open(eager);
    const { id } = s;
    const gone = once(s, "disconnect");
    s.emit("close");
    assert.equal((await gone)[0], "transport close");
    await connected(s);
    assert.deepEqual([s.recovered, s.id], [true, id]);
    assert.equal((await w.ended(id)).reason, "forced close");
  });

  // fresh asserts that a client is a new one, which has missed what it has missed.
  const fresh = async (w, s, id) => {
    const seen = took(s);
    await w.to("emit", {}, "missed");
    const hello = once(s, "hello");
    s.connect();
    assert.equal((await hello)[0], false);
    assert.equal(s.recovered, false);
    assert.notEqual(s.id, id);
    assert.deepEqual((await ask(s, "info")).rooms, [s.id]);
    assert.deepEqual(seen, []);
  };
  for (const [how, end] of Object.entries({
    "after the server has disconnected it": (s) => s.emit("kick", false),
    "after the server has closed its connection": (s) => s.emit("kick", true),
    "after it has disconnected itself": (s) => s.disconnect(),
    "with an unknown pid": (s) => { s._pid = "x".repeat(20); s.io.engine.close(); },
    "with an unknown position": (s) => { s._lastOffset = "unknown"; s.io.engine.close(); },
  })) {
    it(`recovery/a client is a new one/${how}`, async (w) => {
      const s = await w.open();
      const { id } = s;
      await ask(s, "join", ["red"]);
      const gone = once(s, "disconnect");
      end(s);
      await gone;
      await w.ended(id);
      await fresh(w, s, id);
    });
  }

  on("brief")("recovery/a client is a new one when it comes too late", async (w) => {
    const s = await w.open();
    const { id } = s;
    await ask(s, "join", ["red"]);
    s.io.engine.close();
    await w.ended(id);
    await new Promise((resolve) => { setTimeout(resolve, 150); });
    await fresh(w, s, id);
  });

  on("strict")("recovery/passes the middlewares if it must", async (w) => {
    const s = await w.open();
    const { id } = s;
    s.io.engine.close();
    await w.ended(id);
    s.connect();
    await connected(s);
    assert.deepEqual([s.recovered, s.id], [true, id]);
    assert.equal(await w.order("runs", w.nsp), 2);
    s.io.engine.close();
    await w.ended(id, 2);
    s.auth = { token: "reject" };
    s.connect();
    assert.equal((await once(s, "connect_error"))[0].message, "rejected");
  });

  on("plain")("recovery/is off by default", async (w) => {
    const s = w.socket();
    const seen = collect(s, "hello");
    await until(() => seen.length > 0, "hello");
    assert.deepEqual(seen, [[false]]); // no position
    const { id } = s;
    assert.equal(s._pid, undefined);
    s.io.engine.close();
    await w.ended(id);
    s.connect();
    await connected(s);
    assert.ok(!s.recovered);
    assert.notEqual(s.id, id);
  });
}
