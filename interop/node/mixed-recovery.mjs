// SPDX-License-Identifier: MIT

// Connection state recovery across an official server and ours, by Redis Streams: a client
// leaves one, and returns to the other (S8, A5.12, A10.10).
//
//   node mixed-recovery.mjs --backend URL --servers URL,URL

import assert from "node:assert/strict";
import http from "node:http";
import { parseArgs } from "node:util";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { ask, bytes, collect, connected, load, once, run, test, until } from "./harness.mjs";

const { values: opt } = parseArgs({ options: { backend: { type: "string" }, servers: { type: "string" } } });
await load("socket.io-client");

const redis = createClient({ url: opt.backend });
await redis.connect();
const web = http.createServer();
const server = new Server(web, { adapter: createAdapter(redis), connectionStateRecovery: {} });
server.on("connection", (s) => {
  if (!s.recovered) s.data.name = s.handshake.auth.name;
  s.on("do", async (o, cb) => {
    let to = server;
    for (const room of o.to ?? []) to = to.to(room);
    switch (o.op) {
      case "emit": to.emit("news", ...o.args); return cb();
      case "join": to.socketsJoin(o.rooms); return cb();
      case "fetch": return cb((await to.fetchSockets()).map((c) => ({ id: c.id, rooms: [...c.rooms].sort(), name: c.data.name })));
      default: throw new Error(o.op);
    }
  });
});
await new Promise((resolve) => { web.listen(0, "127.0.0.1", resolve); });

const [go1, go2] = opt.servers.split(",");
const urls = { go1, go2, node: `http://127.0.0.1:${web.address().port}` };

for (const [from, to] of [["node", "go1"], ["go1", "node"], ["go1", "go2"]]) {
  test(`from ${from} to ${to}`, async (t) => {
    const options = { transports: ["websocket"], reconnection: false };
    const other = await t.connect(urls[to], { ...options, auth: { name: "other" } });
    const s = await t.connect(urls[from], { ...options, auth: { name: `from ${from}` } });
    const room = `${from}-${to}`;
    const command = (o) => ask(other, "do", { to: [room], ...o });
    const members = async () => (await command({ op: "fetch" })).map(({ id, rooms, name }) => ({ id, rooms, name }));
    const news = collect(s, "news");
    const what = () => news.map(([first]) => first);
    await until(async () => {
      await command({ op: "join", to: [s.id], rooms: [room] });
      return (await members()).length === 1;
    }, "the room");
    await command({ op: "emit", args: ["before"] });
    await until(() => news.length === 1, "the first event");

    const { id } = s;
    const gone = once(s, "disconnect");
    s.io.engine.close();
    await gone;
    await until(async () => (await members()).length === 0, "the server to notice");
    await command({ op: "emit", args: ["missed", bytes(5)] });
    await command({ op: "emit", to: ["elsewhere"], args: ["not for it"] });
    await command({ op: "emit", args: ["missed, too"] });
    s.io.uri = urls[to];
    s.connect();
    await connected(s);
    assert.equal(s.recovered, true);
    assert.equal(s.id, id);
    await command({ op: "emit", args: ["after"] });
    await until(() => what().includes("after"), "the last event");
    assert.deepEqual(what(), ["before", "missed", "missed, too", "after"]);
    assert.deepEqual(news[1][1], bytes(5));
    assert.deepEqual(await members(), [{ id, rooms: [id, room].sort(), name: `from ${from}` }]);
  });
}

await run({ end: async () => { redis.destroy(); } });
