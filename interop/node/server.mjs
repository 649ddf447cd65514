// SPDX-License-Identifier: MIT

// The official server, for the Go client: interop/client_test.go.
// usage: node server.mjs [--cert FILE --key FILE]
// It prints {"url": ...} once it listens, and with a certificate a second such line for
// HTTPS. It ends when its standard input does.
//   /socket.io/  the default parser
//   /msgpack/    socket.io-msgpack-parser
//   /recovery/   with connection state recovery
//   /small/      maxHttpBufferSize 10 kB, and permessage-deflate
//   /eio3only/   what a server of Socket.IO 2 says to a client of protocol 4

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { parseArgs } from "node:util";
import { Server } from "socket.io";
import parser from "socket.io-msgpack-parser";

const { values: opt } = parseArgs({ options: { cert: { type: "string" }, key: { type: "string" } } });
const base = { pingInterval: 1000, pingTimeout: 10_000, destroyUpgrade: false };

function serve(web) {
  web.on("request", (req, res) => {
    if (req.url.startsWith("/eio3only/")) {
      res.writeHead(400, { "Content-Type": "application/json" }).end('{"code":5,"message":"Unsupported protocol version"}');
    } else if (!/^\/(socket\.io|msgpack|recovery|small)\//.test(req.url)) {
      res.writeHead(404).end("not here");
    }
  });
  app(new Server(web, { ...base, cookie: true }));
  app(new Server(web, { ...base, path: "/msgpack/", parser }));
  app(new Server(web, { ...base, path: "/recovery/", connectionStateRecovery: {} }));
  app(new Server(web, { ...base, path: "/small/", maxHttpBufferSize: 10_000, perMessageDeflate: { threshold: 0 } }));
  web.listen(0, "127.0.0.1", () => {
    const scheme = web instanceof https.Server ? "https" : "http";
    process.stdout.write(JSON.stringify({ url: `${scheme}://127.0.0.1:${web.address().port}` }) + "\n");
    if (scheme === "http" && opt.cert) {
      serve(https.createServer({ cert: readFileSync(opt.cert), key: readFileSync(opt.key) }));
    }
  });
}

function app(io) {
  io.of("/refuse").use((s, next) => {
    const err = new Error("not today");
    err.data = { code: 7 };
    next(err);
  });
  io.of("/early").use((s, next) => {
    s.emit("early", 1);
    next();
  });
  for (const name of ["/", "/custom", "/early"]) {
    const ns = io.of(name);
    ns.on("connection", (s) => {
      s.on("echo", (...args) => s.emit("echo", ...args));
      s.on("ack", (...args) => args.pop()(...args));
      s.on("silent", () => {});
      // ask(data): asks the client, and sends its answer as answer(...).
      s.on("ask", (data) => s.emit("question", data, (...args) => s.emit("answer", ...args)));
      s.on("about", (cb) => cb({
        id: s.id, auth: s.handshake.auth, query: s.handshake.query.q ?? null, header: s.handshake.headers["x-test"] ?? null,
        cookie: s.handshake.headers.cookie ?? null, transport: s.conn.transport.name, rooms: s.rooms.size, recovered: s.recovered,
        compressed: s.conn.transport.socket?.extensions ?? "",
      }));
      s.on("join", (room, cb) => { s.join(room); cb(); });
      s.on("room", (room, ...args) => ns.to(room).emit("room", ...args));
      s.on("burst", (n) => { for (let i = 0; i < n; i++) s.emit("n", i); });
      s.on("kick", () => s.disconnect());
      s.on("kick all", () => s.disconnect(true));
      s.on("cut", () => s.conn.transport.close());
      s.on("garbage", () => s.conn.write("2{}"));
    });
  }
}

process.stdin.resume().on("end", () => process.exit());
serve(http.createServer());
