// SPDX-License-Identifier: MIT

// The official server with the events of the benchmark.
// usage: node server.mjs [--bus URL] [--uws] [--deflate] [--namespaces N] [--rooms N] [--check]
// It prints the URL once it listens, and ends when its standard input does.

import http from "node:http";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { Server } from "socket.io";

const { values: opt } = parseArgs({
  options: {
    bus: { type: "string" },
    uws: { type: "boolean" },
    deflate: { type: "boolean" },
    check: { type: "boolean" },
    namespaces: { type: "string", default: "0" },
    rooms: { type: "string", default: "0" },
  },
});

const uws = opt.uws ? createRequire(import.meta.url)("@btc-vision/uwebsockets.js") : null;
if (opt.check) process.exit(0);

const io = new Server({
  serveClient: false,
  maxHttpBufferSize: 4 << 20,
  perMessageDeflate: opt.deflate ? { threshold: 512, serverNoContextTakeover: true } : false,
});

// adapter returns the official adapter of a bus.
async function adapter(address) {
  const url = new URL(address);
  const mode = url.searchParams.get("mode") ?? "classic";
  if (url.protocol === "postgres:") {
    const [{ default: pg }, { createAdapter }] = await Promise.all([import("pg"), import("@socket.io/postgres-adapter")]);
    const pool = new pg.Pool({ connectionString: address });
    await pool.query("CREATE TABLE IF NOT EXISTS socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)").catch(() => {});
    return createAdapter(pool);
  }
  const { createClient } = await import("redis");
  const client = async () => { const c = createClient({ url: `redis://${url.host}` }); await c.connect(); return c; };
  if (mode === "streams") return (await import("@socket.io/redis-streams-adapter")).createAdapter(await client());
  const { createAdapter, createShardedAdapter } = await import("@socket.io/redis-adapter");
  return (mode === "sharded" ? createShardedAdapter : createAdapter)(await client(), await client());
}
if (opt.bus) io.adapter(await adapter(opt.bus));

function serve(ns) {
  ns.on("connection", (s) => {
    for (let i = 0; i < Number(opt.rooms); i++) s.join(`${s.id}-${i}`);
    s.on("echo", (data) => s.emit("echo", data));
    s.on("bin", (data) => s.emit("bin", data));
    s.on("ack", (data, cb) => cb(data));
    s.on("broadcast", (data) => ns.emit("broadcast", data));
    s.on("join", (room, cb) => { s.join(room); cb(); });
    s.on("room", (room, data) => ns.to(room).emit("room", data));
  });
}

serve(io.of("/"));
for (let i = 0; i < Number(opt.namespaces); i++) serve(io.of(`/n${i}`));

const ready = (port) => process.stdout.write(`http://127.0.0.1:${port}\n`);
if (uws) {
  const app = uws.App();
  io.attachApp(app, opt.deflate ? { compression: uws.SHARED_COMPRESSOR } : {});
  app.listen("127.0.0.1", 0, (token) => ready(uws.us_socket_local_port(token)));
} else {
  const web = http.createServer();
  io.attach(web);
  web.listen(0, "127.0.0.1", 4096, () => ready(web.address().port));
}
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
