// SPDX-License-Identifier: MIT

// The control: the same servers as `sio serve` and interop/testserver, made of
// the official packages. A test that fails here is wrong, whatever sio does.
// usage: node reference.mjs [--cert FILE --key FILE]
// It prints {"url": ...} once it listens, and with a certificate a second such line
// for HTTPS. It ends when its standard input does.
//   /engine.io/  an Engine.IO server that echoes (interval 300 ms, timeout 200 ms)
//   /engine3/    the same, with revision 3
//   /echo/       the same, with 400 ms/10 s and 2 MB
//   /deflate/    the same, with permessage-deflate but no context takeover
//   /takeover/   the same, with permessage-deflate
//   /fast/       Socket.IO with interval 300 ms, timeout 200 ms and a connectTimeout of 1 s
//   /socket.io/  Socket.IO with an interval of 1 s and a timeout of 10 s, and revision 3
//   /msgpack/    the same, with socket.io-msgpack-parser
//   /ws-echo     a WebSocket that echoes, with permessage-deflate

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { parseArgs } from "node:util";
import { Server as Engine } from "engine.io";
import { Server } from "socket.io";
import parser from "socket.io-msgpack-parser";
import { WebSocketServer } from "ws";

const { values: opt } = parseArgs({ options: { cert: { type: "string" }, key: { type: "string" } } });

const fast = { pingInterval: 300, pingTimeout: 200, maxHttpBufferSize: 1e6 };
const calm = { pingInterval: 400, pingTimeout: 10_000, maxHttpBufferSize: 2e6, allowEIO3: true };
const both = { destroyUpgrade: false };
const plainDeflate = { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true };

// What was seen of the requests that carry a parameter "run".
const kinds = new Map();
function note(req) {
  const query = new URL(req.url, "http://localhost").searchParams;
  if (!query.get("run") || !query.has("transport")) return;
  const kind = `${req.method} HTTP/${req.httpVersionMajor} ${query.get("transport")}`;
  const run = query.get("run");
  kinds.set(run, [...new Set([...kinds.get(run) ?? [], kind])].sort());
}

function serve(web) {
  web.on("request", (req, res) => {
    const url = new URL(req.url, "http://localhost");
    if (url.pathname === "/requests") {
      res.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(kinds.get(url.searchParams.get("run")) ?? null));
    } else if (url.pathname === "/") {
      res.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>interop</title>");
    } else {
      res.writeHead(404).end();
    }
  });
  echo(web, "/engine.io/", fast);
  echo(web, "/engine3/", { ...fast, allowEIO3: true });
  echo(web, "/echo/", calm);
  echo(web, "/deflate/", { ...calm, perMessageDeflate: plainDeflate });
  echo(web, "/takeover/", { ...calm, perMessageDeflate: { threshold: 0 } });
  app(new Server(web, { ...fast, ...both, connectTimeout: 1000, path: "/fast/" }));
  app(new Server(web, { ...both, pingInterval: 3000, pingTimeout: 10_000, allowEIO3: true }));
  app(new Server(web, { ...both, pingInterval: 1000, pingTimeout: 10_000, path: "/msgpack/", parser }));
  const ws = new WebSocketServer({ noServer: true, maxPayload: 20e6, perMessageDeflate: { threshold: 0 } });
  ws.on("connection", (s) => {
    s.on("error", () => {}); // it closes itself
    s.on("message", (data, binary) => s.send(data, { binary }));
  });
  web.on("upgrade", (req, socket, head) => {
    if (req.url === "/ws-echo") ws.handleUpgrade(req, socket, head, (s) => ws.emit("connection", s, req));
  });
  for (const event of ["request", "upgrade"]) web.prependListener(event, note);
  web.listen(0, "127.0.0.1", () => {
    const scheme = web instanceof https.Server ? "https" : "http";
    process.stdout.write(JSON.stringify({ url: `${scheme}://127.0.0.1:${web.address().port}` }) + "\n");
    if (scheme === "http" && opt.cert) {
      serve(https.createServer({ cert: readFileSync(opt.cert), key: readFileSync(opt.key) }));
    }
  });
}

// echo has the commands of testserver.NewEcho.
function echo(web, path, options) {
  const reasons = new Map();
  const engine = new Engine(options);
  engine.attach(web, { ...both, path });
  engine.on("connection", (s) => {
    s.on("close", (reason) => reasons.set(s.id, reason));
    s.on("message", (data) => {
      const [command, arg] = typeof data === "string" ? data.split(":") : [];
      const n = Number(arg);
      switch (command) {
        case "close": s.close(); break;
        case "last":
          for (let i = 0; i < n; i++) s.send(String(i));
          s.close();
          break;
        case "burst":
          for (let i = 0; i < n; i++) s.send(`burst ${i}`);
          break;
        case "blob": s.send(Buffer.from(Array.from({ length: n }, (_, i) => i % 251))); break;
        case "session":
          s.send(JSON.stringify({ id: s.id, protocol: s.protocol, transport: s.transport.name, upgraded: s.upgraded }));
          break;
        case "reason": s.send(`reason ${reasons.get(arg) ?? ""}`); break;
        default: s.send(data);
      }
    });
  });
}

function app(io) {
  const reasons = new Map();
  io.use((s, next) => {
    if (s.handshake.auth.token !== "reject") return next();
    const err = new Error("rejected");
    err.data = { token: "reject" };
    next(err);
  });
  const refused = io.of("/refused");
  refused.use((s, next) => {
    const err = new Error("not today");
    err.data = { code: 7, why: ["a", "b"] };
    next(err);
  });
  io.of("/closed").use((s, next) => next(new Error("closed today")));
  io.of("/secret").use((s, next) => next(new Error("internal")));
  for (const name of ["/", "/custom", "/playground"]) {
    const ns = io.of(name);
    ns.on("connection", (s) => {
      const at = new Date();
      s.emit("auth", s.handshake.auth);
      s.on("disconnect", (reason) => reasons.set(s.id, reason));
      s.on("message", (...args) => s.emit("message-back", ...args));
      s.on("message-with-ack", (...args) => args.pop()(...args));
      s.on("echo", (...args) => s.emit("echo", ...args));
      s.on("ack", (data, cb) => cb?.(data));
      s.on("broadcast", (data) => ns.emit("broadcast", data));
      s.on("join", (room, cb) => { s.join(room); cb?.(); });
      s.on("leave", (room, cb) => { s.leave(room); cb?.(); });
      s.on("room", (room, data) => ns.to(room).emit("room", data));
      s.on("bin", (data) => s.emit("bin", data));
      s.on("whoami", (cb) => cb?.({
        id: s.id,
        rooms: [...s.rooms],
        transport: s.conn.transport.name,
        connectedAt: at,
        clients: ns.sockets.size,
      }));
      s.on("kick", () => s.disconnect());
      s.on("panic", () => s.disconnect());
      s.on("others", (data) => s.broadcast.emit("others", data));
      s.on("union", (rooms, except, data, cb) => {
        ns.to(rooms).except(except).emit("union", data);
        cb();
      });
      s.on("id", (cb) => cb(s.id));
      s.on("handshake", (cb) => cb(s.handshake));
      s.on("reason", (id, cb) => cb(reasons.get(id) ?? null));
      s.on("leave-me", (close) => s.disconnect(close));
      s.on("last-words", (n) => {
        for (let i = 0; i < n; i++) s.emit("last words", i);
        s.disconnect(true);
      });
      s.on("burst", (n) => {
        for (let i = 0; i < n; i++) s.emit("n", i);
      });
      for (const [name, patience] of [["ask", 30_000], ["ask-briefly", 500]]) {
        s.on(name, (event, ...args) => {
          const cb = args.pop();
          s.timeout(patience).emit(event, ...args, (err, ...answer) => {
            cb(err ? { error: String(err) } : { answer });
          });
        });
      }
      s.on("ask-many", async (event, n, cb) => {
        cb(await Promise.all([...Array(n).keys()].map((i) => s.timeout(30_000).emitWithAck(event, i))));
      });
    });
  }
}

serve(http.createServer());
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
