// SPDX-License-Identifier: MIT

// Namespaces that are made on demand, middlewares, and listeners for all events (S3, S4, S5).

import assert from "node:assert/strict";
import { ask, collect, connected, once, until } from "./harness.mjs";

export function namespaces(it, alone, mode) {
  alone("namespaces/a matching name is one of its own, and a child of its parent", async (w) => {
    const [a, b] = await Promise.all([w.open(), w.open({ nsp: `${w.nsp}-2` })]);
    const seen = [a, b].map((s) => collect(s, w.nsp));
    await w.to("emit", {}, w.nsp, "own");
    await ask(b, "join", [w.nsp]);
    await w.order("parent", "", w.nsp, "all");
    await w.order("parent", w.nsp, w.nsp, "room");
    await Promise.all([a, b].map((s) => ask(s, "ack", 0)));
    assert.deepEqual(seen, [[["own"], ["all"]], [["all"], ["room"]]]);
  });

  it("namespaces/a function decides, by the auth", async (w) => {
    const refused = async (more) => {
      const s = w.socket(more);
      const [err] = await once(s, "connect_error");
      assert.deepEqual([err.message, err.data, s.active], ["Invalid namespace", undefined, false]);
      return s;
    };
    const s = await refused({ auth: { token: "other" } });
    await refused();
    await refused({ nsp: "/func-error", auth: { token: "open" } });
    await refused({ nsp: "/nobody" });
    s.auth = (cb) => cb({ token: "open" });
    s.connect();
    await connected(s);
    assert.equal(await ask(s, "ack", 1), 1);
  }, "/func-");

  it("namespaces/made at once by many is one", async (w) => {
    const list = await Promise.all([...Array(8)].map(() => w.open()));
    assert.equal((await w.to("fetch", {})).length, list.length);
  });

  it("namespaces/goes with its last client, and comes again", async (w) => {
    const [a, b] = await Promise.all([w.open(), w.open()]);
    assert.equal(await w.order("exists", w.nsp), true);
    const { id } = a;
    a.disconnect();
    await w.ended(id);
    assert.equal(await w.order("exists", w.nsp), true);
    b.disconnect();
    await until(async () => !await w.order("exists", w.nsp), "the namespace to go");
    const s = w.socket({ auth: { token: "reject" } });
    await once(s, "connect_error");
    await until(async () => !await w.order("exists", w.nsp), "the namespace to go again");
    s.disconnect();
    a.connect();
    await connected(a);
    assert.equal(await ask(a, "ack", 1), 1);
  });

  it("namespaces/share a connection", async (w) => {
    const m = w.t.manager(w.base, w.options);
    const list = ["", "-b", "-c"].map((end) => m.socket(w.nsp + end));
    await Promise.all(list.map((s) => connected(s)));
    assert.equal(new Set(list.map((s) => s.id)).size, 3);
    const answers = await Promise.all(list.map((s, i) => ask(s, "ack", i)));
    assert.deepEqual(answers, [0, 1, 2]);
    // One leaves, the server ends one with its connection, and so the third.
    const ids = list.map((s) => s.id);
    list[0].disconnect();
    assert.equal((await w.ended(ids[0])).reason, "client namespace disconnect");
    const ends = list.slice(1).map((s) => once(s, "disconnect"));
    list[1].emit("kick", true);
    for (const end of ends) assert.equal((await end)[0], "io server disconnect");
    for (const id of ids.slice(1)) assert.equal((await w.ended(id)).reason, "server namespace disconnect");
  });

  it("namespaces/all end with their connection", async (w) => {
    const m = w.t.manager(w.base, w.options);
    const list = ["", "-b"].map((end) => m.socket(w.nsp + end));
    await Promise.all(list.map((s) => connected(s)));
    const ids = list.map((s) => s.id);
    m.engine.close();
    for (const id of ids) {
      const end = await w.ended(id);
      assert.deepEqual([end.reason, end.rooms], ["transport close", [id]]);
    }
  });

  it("middlewares/refuse with data, and are asked again", async (w) => {
    const s = w.socket({ auth: { token: "reject", room: "lobby" } });
    const [err] = await once(s, "connect_error");
    assert.deepEqual([err.message, err.data, s.active, s.connected], ["rejected", { code: 9, why: ["token"] }, false, false]);
    const other = await w.open();
    assert.deepEqual(await w.to("fetch", { rooms: ["lobby"] }), []);
    s.auth = { room: "lobby" };
    s.connect();
    await connected(s);
    assert.deepEqual((await w.to("fetch", { rooms: ["lobby"] })).map((r) => r.id), [s.id]);
    assert.equal(await w.order("runs", w.nsp), 3);
    assert.equal(await ask(other, "ack", 1), 1);
  });

  it("middlewares/keep the client waiting, and what it emits", async (w) => {
    assert.equal(await w.order("runs", w.nsp), 0);
    const s = w.socket({ auth: { wait: 3000 } });
    for (let i = 0; i < 3; i++) s.emit("echo", i);
    const echo = collect(s, "echo");
    await until(() => w.order("runs", w.nsp), "the middleware to run");
    assert.equal(s.connected, false);
    assert.deepEqual(await w.to("fetch", {}), []);
    await connected(s);
    await until(() => echo.length === 3, "three echoes");
    assert.deepEqual(echo, [[0], [1], [2]]);
  });

  it("middlewares/a client that leaves meanwhile never connects", async (w) => {
    assert.equal(await w.order("runs", w.nsp), 0);
    const s = w.socket({ auth: { wait: 3000 } });
    await until(() => w.order("runs", w.nsp), "the middleware to run");
    s.io.engine.close();
    const next = await w.open();
    assert.deepEqual((await w.to("fetch", {})).map((r) => r.id), [next.id]);
    await new Promise((resolve) => { setTimeout(resolve, 3100); });
    assert.deepEqual((await w.to("fetch", {})).map((r) => r.id), [next.id]);
  });

  it("listeners/hear all that comes and goes, and a middleware keeps events", async (w) => {
    const s = await w.open({ auth: { log: true } });
    const before = (await w.order("heard", w.nsp)).length;
    const heard = async () => (await w.order("heard", w.nsp)).slice(before);
    const back = once(s, "echo");
    s.emit("echo", 1);
    await back;
    s.emit("forbidden");
    await until(async () => (await heard()).includes("forbidden"), "the middleware");
    s.emit("nobody handles this");
    await ask(s, "ack", 1); // answers are not among what is sent
    await w.to("emit", {}, "broadcast", 1);
    assert.deepEqual(await heard(), [
      "in echo", "out echo", "in forbidden", "forbidden", "in nobody handles this", "in ack", "out broadcast",
    ]);
    assert.equal(s.connected, true);
  });

  it("listeners/of the client hear all that comes and goes", async (w) => {
    const s = await w.open();
    const [log, back] = [[], once(s, "echo")];
    s.onAny((event) => log.push(`in ${event}`));
    s.onAnyOutgoing((event) => log.push(`out ${event}`));
    s.emit("echo", 1);
    await back;
    await ask(s, "ack", 1);
    await w.to("emit", {}, "broadcast");
    await until(() => log.length >= 4, "the broadcast");
    assert.deepEqual(log.filter((line) => line !== "in hello"), ["out echo", "in echo", "out ack", "in broadcast"]);
  });

  it("listeners/run once if they are for once", async (w) => {
    const s = await w.open();
    assert.equal(await ask(s, "only"), "once");
    await assert.rejects(s.timeout(100).emitWithAck("only"), /timed out/);
    assert.equal(await ask(s, "ack", mode), mode);
  });
}
