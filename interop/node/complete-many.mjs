// SPDX-License-Identifier: MIT

// What is sent to many, and done to them from outside (S7).

import assert from "node:assert/strict";
import { ask, bytes, collect, once, until } from "./harness.mjs";

export function many(it, mode) {
  // some opens clients, each with what it takes but "hello".
  const some = async (w, n) => Promise.all([...Array(n)].map(async () => {
    const s = await w.open();
    const seen = [];
    s.onAny((event, ...args) => event !== "hello" && seen.push([event, ...args]));
    return Object.assign(s, { seen });
  }));
  // settled waits until the clients have what was sent to them before.
  const settled = (list) => Promise.all(list.map((s) => ask(s, "ack", 0)));

  it("many/reaches whom it is for: all, rooms, exceptions, others", async (w) => {
    const list = await some(w, 3);
    const [a, b, c] = list;
    const stranger = await w.open({ nsp: `${w.nsp}-other` });
    const heard = collect(stranger, "all");
    await ask(a, "join", ["red", "blue"]);
    await ask(b, "join", ["blue"]);
    const steps = [
      [{}, [a, b, c], "all"],
      [{ rooms: ["red"] }, [a]],
      [{ rooms: ["red", "blue"] }, [a, b]], // once
      [{ rooms: ["nobody"] }, []],
      [{ except: ["red"] }, [b, c]],
      [{ except: [c.id] }, [a, b]],
      [{ rooms: ["blue"], except: ["red"] }, [b]],
      [{ from: a.id }, [b, c]],
      [{ from: a.id, rooms: ["blue"] }, [b]],
      [{ from: a.id, except: [b.id] }, [c]],
      [{ rooms: [c.id] }, [c]],
      [{ self: b.id }, [b]],
    ];
    const want = new Map(list.map((s) => [s, []]));
    for (const [i, [choice, who, event = "for"]] of steps.entries()) {
      const args = [i, bytes(i), { nested: [{ data: bytes(300, i) }] }];
      await w.to("emit", choice, event, ...args);
      for (const s of who) want.get(s).push([event, ...args]);
    }
    await ask(a, "leave", "red");
    await w.to("emit", { rooms: ["red"] }, "left");
    await settled([...list, stranger]);
    for (const s of list) assert.deepEqual(s.seen, want.get(s));
    assert.deepEqual(heard, []);
  });

  it("many/collects an answer of each", async (w) => {
    const list = await some(w, 3);
    await ask(list[0], "join", ["red"]);
    for (const [i, s] of list.entries()) s.on("question", (data, cb) => cb({ i, data }));
    const got = await w.to("ask", { timeout: 20_000 }, "question", bytes(400));
    assert.equal(got.late, false);
    assert.deepEqual(got.answers.sort((a, b) => a.i - b.i), [0, 1, 2].map((i) => ({ i, data: bytes(400) })));
    assert.deepEqual(await w.to("ask", { rooms: ["red"], timeout: 20_000 }, "question", 1), { answers: [{ i: 0, data: 1 }], late: false });
    assert.deepEqual(await w.to("ask", { rooms: ["nobody"], timeout: 20_000 }, "question", 1), { answers: [], late: false });
  });

  it("many/has the answers that came in time", async (w) => {
    const [a, b, c] = await some(w, 3);
    a.on("question", (cb) => cb("a"));
    let late;
    b.on("question", (cb) => { late = cb; });
    c.on("question", (cb) => cb("c"));
    const got = await w.to("ask", { timeout: 1000 }, "question");
    assert.deepEqual({ late: got.late, answers: got.answers.sort() }, { late: true, answers: ["a", "c"] });
    late("b");
    late("b again");
    assert.equal(await ask(b, "ack", 1), 1);
  });

  it("many/does not wait for the answer of a client that leaves", async (w) => {
    if (w.control) return; // S7.6: it waits until time is over
    const [a, b] = await some(w, 2);
    a.on("question", (cb) => cb("a"));
    b.on("question", () => b.disconnect());
    const got = await w.to("ask", { timeout: 20_000 }, "question");
    assert.equal(got.late, false);
    assert.equal(got.answers.length, 2);
    assert.ok(got.answers.includes("a"), JSON.stringify(got));
  });

  it("many/finds sockets with their rooms and data", async (w) => {
    const list = await some(w, 3);
    const [a, b, c] = list;
    await ask(a, "join", ["red", "blue"]);
    await ask(b, "join", ["red"]);
    await ask(b, "set", "n", [1, { two: 2 }]);
    const ids = async (choice) => (await w.to("fetch", choice)).map((r) => r.id).sort();
    const sorted = (...l) => l.map((s) => s.id).sort();
    assert.deepEqual(await ids({}), sorted(a, b, c));
    assert.deepEqual(await ids({ rooms: ["red"] }), sorted(a, b));
    assert.deepEqual(await ids({ rooms: ["red"], except: ["blue"] }), sorted(b));
    assert.deepEqual(await ids({ from: a.id }), sorted(b, c));
    assert.deepEqual(await ids({ rooms: ["nobody"] }), []);
    const [remote] = await w.to("fetch", { rooms: [b.id] });
    assert.deepEqual([remote.rooms.sort(), remote.data], [[b.id, "red"].sort(), { n: [1, { two: 2 }] }]);
    assert.match(remote.address, /127\.0\.0\.1|::1/);
  });

  it("many/joins and leaves rooms from outside", async (w) => {
    const [a, b, c] = await some(w, 3);
    await w.to("join", {}, ["all", "more"]);
    await w.to("join", { rooms: [a.id, b.id] }, ["red"]);
    await w.to("leave", { rooms: ["red"], except: [a.id] }, ["more"]);
    const rooms = async (s) => (await ask(s, "info")).rooms.filter((r) => r !== s.id).sort();
    assert.deepEqual([await rooms(a), await rooms(b), await rooms(c)], [["all", "more", "red"], ["all", "red"], ["all", "more"]]);
    await w.to("leave", {}, ["all"]);
    assert.deepEqual(await rooms(c), ["more"]);
    await w.to("emit", { rooms: ["red"] }, "red");
    await settled([a, b, c]);
    assert.deepEqual([a.seen, b.seen, c.seen], [[["red"]], [["red"]], []]);
  });

  it("many/disconnects sockets from outside", async (w) => {
    const [a, b, c] = await some(w, 3);
    const ends = [a, b].map((s) => once(s, "disconnect"));
    const { id } = a;
    await ask(a, "join", ["red"]);
    const closed = once(a.io.engine, "close");
    await w.to("disconnect-sockets", { rooms: ["red"] }, false);
    assert.equal((await ends[0])[0], "io server disconnect");
    const end = await w.ended(id);
    assert.deepEqual([end.reason, end.rooms.sort()], ["server namespace disconnect", [id, "red"].sort()]);
    await closed; // the client does, having no other namespace
    await w.to("disconnect-sockets", { except: [c.id] }, true);
    assert.equal((await ends[1])[0], "io server disconnect");
    assert.equal(await ask(c, "ack", 1), 1);
    assert.deepEqual((await w.to("fetch", {})).map((r) => r.id), [c.id]);
    // It does not come back by itself, but may.
    a.connect();
    await once(a, "connect");
    assert.notEqual(a.id, id);
  });

  it("many/volatile events come when the client is ready", async (w) => {
    const [s] = await some(w, 1);
    await until(async () => {
      await w.to("emit", { volatile: true }, "all", bytes(3));
      await w.to("emit", { self: s.id, volatile: true }, "self", 1);
      await ask(s, "ack", 0);
      return ["all", "self"].every((name) => s.seen.some(([event]) => event === name));
    }, "volatile events");
  });

  if (mode === "polling") it("many/volatile events are dropped behind another", async (w) => {
    const [s] = await some(w, 1);
    for (let i = 0; i < 20; i++) await w.to("regular-then-volatile", { rooms: [s.id] });
    await settled([s]);
    const count = (name) => s.seen.filter(([event]) => event === name).length;
    assert.equal(count("regular"), 20);
    assert.ok(count("volatile") < 20, "none was dropped");
  });

  it("many/sends compressed and plain", async (w) => {
    const [s] = await some(w, 1);
    const text = "0123456789".repeat(8000);
    // cost is the number of bytes that an event comes with.
    const cost = async (choice) => {
      const socket = s.io.engine.transport.ws?._socket;
      const before = socket?.bytesRead;
      const got = once(s, "text");
      await w.to("emit", choice, "text", text);
      assert.deepEqual(await got, [text]);
      return socket?.bytesRead - before;
    };
    const [packed, plain] = [await cost({}), await cost({ plain: true })];
    if (mode === "polling") return;
    assert.ok(packed < text.length / 4, `${packed} bytes`);
    if (!w.control) assert.ok(plain >= text.length, `${plain} bytes`); // E5.6
  });
}
