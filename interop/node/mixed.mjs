// SPDX-License-Identifier: MIT

// Two official servers with an official adapter, in one cluster with servers of ours: each
// operation from each of them, seen by a client of each.
//
//   node mixed.mjs --bus classic|sharded|private|streams|postgres --backend URL --servers URL,URL
//
// All servers do what "do" asks for (see mixed_test.go), so that the cases are the same.

import assert from "node:assert/strict";
import http from "node:http";
import { parseArgs } from "node:util";
import { createAdapter as createPostgresAdapter } from "@socket.io/postgres-adapter";
import { Emitter as PostgresEmitter } from "@socket.io/postgres-emitter";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import pg from "pg";
import { createClient } from "redis";
import { Server } from "socket.io";
import { ask, bytes, collect, load, once, run, test, until } from "./harness.mjs";

const { values: opt } = parseArgs({
  options: { bus: { type: "string" }, backend: { type: "string" }, servers: { type: "string" } },
});
await load("socket.io-client");

const connections = [];
async function redis() {
  const client = createClient({ url: opt.backend });
  connections.push(client);
  await client.connect();
  return client;
}

async function postgres() {
  const pool = new pg.Pool({ connectionString: opt.backend });
  pool.on("error", () => {});
  await pool.query("CREATE TABLE IF NOT EXISTS socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)").catch(() => {}); // others make it, too
  return pool;
}

async function adapter() {
  switch (opt.bus) {
    case "classic": return createAdapter(await redis(), await redis());
    case "sharded": return createShardedAdapter(await redis(), await redis());
    case "private": return createShardedAdapter(await redis(), await redis(), { subscriptionMode: "dynamic-private" });
    case "streams": return createStreamsAdapter(await redis());
    case "postgres": return createPostgresAdapter(await postgres());
    default: throw new Error(opt.bus);
  }
}

// serve starts an official server and returns its URL.
async function serve(name) {
  const web = http.createServer();
  const io = new Server(web, { adapter: await adapter() });
  io.on("connection", (s) => {
    s.data.name = s.handshake.auth.name;
    s.on("do", async (o, cb) => cb(await act(io, o)));
  });
  io.on("ping", (data, cb) => cb([name, data]));
  io.on("note", (text) => io.local.emit("noted", text));
  await new Promise((resolve) => { web.listen(0, "127.0.0.1", resolve); });
  return `http://127.0.0.1:${web.address().port}`;
}

async function act(io, o) {
  let to = io;
  for (const room of o.to ?? []) to = to.to(room);
  for (const room of o.except ?? []) to = to.except(room);
  if (o.local) to = to.local;
  switch (o.op) {
    case "emit": return to.emit("news", ...o.args);
    case "ask":
      return new Promise((resolve) => {
        to.timeout(o.timeout).emit("question", ...o.args, (err, answers) => resolve({ answers: answers ?? [], failed: Boolean(err) }));
      });
    case "fetch": return (await to.fetchSockets()).map((s) => ({ id: s.id, rooms: [...s.rooms].sort(), name: s.data.name, secure: s.handshake.secure, agent: s.handshake.headers["user-agent"] ?? "" }));
    case "join": return void to.socketsJoin(o.rooms);
    case "leave": return void to.socketsLeave(o.rooms);
    case "kick": return void to.disconnectSockets(o.close);
    case "servers": return io.serverSideEmitWithAck("ping", o.args[0]).catch((err) => err.responses ?? []);
    case "tell": return void io.serverSideEmit("note", o.args[0]);
    default: throw new Error(o.op);
  }
}

const urls = {};
opt.servers.split(",").forEach((url, i) => { urls[`go${i + 1}`] = url; });
urls.node1 = await serve("node1");
urls.node2 = await serve("node2");
const names = Object.keys(urls);

// crowd connects a client to each server.
async function crowd(t) {
  const all = {};
  for (const name of names) {
    const s = await t.connect(urls[name], { transports: ["websocket"], auth: { name } });
    all[name] = { s, news: collect(s, "news"), noted: collect(s, "noted") };
  }
  return all;
}

// command has a server do something.
const command = (c, o) => ask(c.s, "do", o);

// settled waits until the servers count each other: until then the others are not asked.
test("the servers find each other", async (t) => {
  const all = await crowd(t);
  for (const from of names) {
    await until(async () => (await command(all[from], { op: "servers", args: [1] })).length === names.length - 1, `${from}: ${names.length - 1} others`);
  }
});

let serial = 0;
for (const from of ["go1", "node1"]) {
  const it = (title, fn) => test(`${from} ${title}`, fn, { lane: "one after the other" });

  it("tells everybody, with binary data", async (t) => {
    const all = await crowd(t);
    const args = [`all ${++serial}`, { b: bytes(20, serial), list: [null, 1.5, "ü😀"] }, bytes(70_000)];
    await command(all[from], { op: "emit", args });
    for (const name of names) {
      await until(() => all[name].news.length >= 1, `the event at ${name}`);
      assert.deepEqual(all[name].news, [args]);
    }
  });

  it("tells a room, but some of it", async (t) => {
    const all = await crowd(t);
    const [room, out] = [`room ${++serial}`, `out ${serial}`];
    for (const name of ["go2", "node1", "node2"]) await command(all[name], { op: "join", to: [all[name].s.id], rooms: [room] });
    await command(all.go2, { op: "join", to: [all.go2.s.id], rooms: [out] });
    const seen = (name) => all[name].news.map(([text]) => text);
    // Rooms may need a moment to be known to others.
    await until(async () => {
      await command(all[from], { op: "emit", to: [room], args: ["try"] });
      return ["go2", "node1", "node2"].every((name) => seen(name).includes("try"));
    }, "the room to be known");
    await command(all[from], { op: "emit", to: [room], except: [out], args: ["some"] });
    await command(all[from], { op: "emit", args: ["end"] });
    for (const name of names) await until(() => seen(name).includes("end"), `the end at ${name}`);
    assert.deepEqual(names.filter((name) => seen(name).includes("some")), ["node1", "node2"]);
    assert.ok(!seen("go1").includes("try"));
  });

  it("tells its own clients only", async (t) => {
    const all = await crowd(t);
    await command(all[from], { op: "emit", local: true, args: ["local"] });
    await command(all[from], { op: "emit", args: ["end"] });
    for (const name of names) {
      await until(() => all[name].news.some(([text]) => text === "end"), `the end at ${name}`);
      assert.equal(all[name].news.some(([text]) => text === "local"), name === from);
    }
  });

  // Node publishes over a pool of connections to PostgreSQL, which overtake each other.
  if (opt.bus !== "postgres" || from.startsWith("go")) it("keeps the order", async (t) => {
    const all = await crowd(t);
    for (let i = 0; i < 200; i++) all[from].s.emit("do", { op: "emit", args: [i] }, () => {});
    for (const name of names) {
      await until(() => all[name].news.length >= 200, `200 events at ${name}`);
      assert.deepEqual(all[name].news.map(([i]) => i), [...Array(200).keys()]);
    }
  });

  it("asks everybody", async (t) => {
    const all = await crowd(t);
    for (const name of names) all[name].s.on("question", (data, cb) => cb([name, data]));
    for (const data of ["text", bytes(30)]) {
      const { answers, failed } = await command(all[from], { op: "ask", timeout: 20_000, args: [data] });
      assert.equal(failed, false);
      assert.deepEqual(answers.map(([name]) => name).sort(), names);
      for (const [, back] of answers) assert.deepEqual(back, data);
    }
  });

  it("asks everybody, and some do not answer", async (t) => {
    const all = await crowd(t);
    for (const name of ["go1", "node2"]) all[name].s.on("question", (data, cb) => cb(name));
    const { answers, failed } = await command(all[from], { op: "ask", timeout: 700, args: ["x"] });
    assert.equal(failed, true);
    assert.deepEqual(answers.sort(), ["go1", "node2"]);
  });

  it("fetches sockets", async (t) => {
    const all = await crowd(t);
    const room = `room ${++serial}`;
    await command(all[from], { op: "join", rooms: [room] });
    let list;
    await until(async () => (list = await command(all[from], { op: "fetch", to: [room] })).length === names.length, "all sockets");
    for (const name of names) {
      const s = list.find((one) => one.name === name);
      assert.deepEqual(s, { id: all[name].s.id, rooms: [room, all[name].s.id].sort(), name, secure: false, agent: s.agent });
    }
  });

  it("moves and disconnects sockets of others", async (t) => {
    const all = await crowd(t);
    const room = `room ${++serial}`;
    for (const name of names) {
      const only = { to: [all[name].s.id] };
      const rooms = async () => (await command(all[name], { op: "fetch", ...only, local: true }))[0]?.rooms ?? [];
      await command(all[from], { op: "join", ...only, rooms: [room, "more"] });
      await until(async () => (await rooms()).includes(room), `${name} to be in the room`);
      await command(all[from], { op: "leave", ...only, rooms: [room] });
      await until(async () => !(await rooms()).includes(room), `${name} to be out of the room`);
      assert.ok((await rooms()).includes("more"));
    }
    const gone = {};
    for (const name of names) all[name].s.on("disconnect", (reason) => { gone[name] = reason; });
    for (const name of names.filter((n) => n !== from)) {
      await command(all[from], { op: "kick", to: [all[name].s.id], close: name.endsWith("2") });
      await until(() => gone[name], `${name} to be disconnected`);
      assert.equal(gone[name], "io server disconnect");
    }
    assert.equal(gone[from], undefined);
  });

  it("talks to the other servers", async (t) => {
    const all = await crowd(t);
    for (const data of opt.bus === "classic" ? ["text"] : ["text", bytes(10)]) { // A3.15: Node's requests are JSON
      const answers = await command(all[from], { op: "servers", args: [data] });
      assert.deepEqual(answers.map(([name]) => name).sort(), names.filter((n) => n !== from));
      for (const [, back] of answers) assert.deepEqual(back, data);
    }
    await command(all[from], { op: "tell", args: [`note ${++serial}`] });
    for (const name of names.filter((n) => n !== from)) {
      await until(() => all[name].noted.length > 0, `the note at ${name}`);
      assert.deepEqual(all[name].noted, [[`note ${serial}`]]);
    }
    assert.deepEqual(all[from].noted, []);
  });
}

if (opt.bus === "classic" || opt.bus === "postgres") {
  test("the official emitter reaches everybody", async (t) => {
    const all = await crowd(t);
    const emitter = opt.bus === "classic" ? new Emitter(await redis()) : new PostgresEmitter(await postgres());
    // B5: the emitter for PostgreSQL says nothing of the namespace, and official servers drop what it sends.
    const reached = opt.bus === "postgres" ? ["go1", "go2"] : names;
    emitter.emit("news", "emitted", bytes(12));
    for (const name of reached) {
      await until(() => all[name].news.length > 0, `the event at ${name}`);
      assert.deepEqual(all[name].news, [["emitted", bytes(12)]]);
    }
    emitter.in(all.go1.s.id).socketsJoin("emitted");
    await until(async () => (await command(all.go1, { op: "fetch", to: ["emitted"] })).length === 1, "the room");
    emitter.serverSideEmit("note", "by the emitter");
    for (const name of reached) await until(() => all[name].noted.length > 0, `the note at ${name}`);
    const gone = once(all.go2.s, "disconnect");
    emitter.in(all.go2.s.id).disconnectSockets();
    assert.deepEqual((await gone)[0], "io server disconnect");
  });
}

test("our emitter reaches everybody", async (t) => {
  const all = await crowd(t);
  await command(all.go1, { op: "emitter", args: ["by Go", bytes(5)] });
  for (const name of names) {
    await until(() => all[name].news.length > 0, `the event at ${name}`);
    assert.deepEqual(all[name].news, [["by Go", bytes(5)]]);
  }
});

await run({ end: async () => { for (const c of connections) c.destroy(); } });
