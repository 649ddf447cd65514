// SPDX-License-Identifier: MIT

// The control: the same servers as `sio serve` and interop/testserver, made of
// the official packages. A test that fails here is wrong, whatever sio does.
// It prints {"url": ...} once it listens and ends when its standard input does.
//   /engine.io/  an Engine.IO server that echoes (interval 300 ms, timeout 200 ms)
//   /fast/       Socket.IO with the same heartbeat and a connectTimeout of 1 s
//   /socket.io/  Socket.IO with an interval of 1 s and a timeout of 10 s

import http from "node:http";
import { Server as Engine } from "engine.io";
import { Server } from "socket.io";

const web = http.createServer((_, res) => res.writeHead(404).end());
const fast = { pingInterval: 300, pingTimeout: 200, maxHttpBufferSize: 1e6 };

const engine = new Engine(fast);
engine.attach(web, { destroyUpgrade: false });
engine.on("connection", (s) => s.on("message", (data) => s.send(data)));

serve(new Server(web, { ...fast, connectTimeout: 1000, path: "/fast/", destroyUpgrade: false }));
serve(new Server(web, { pingInterval: 1000, pingTimeout: 10_000, destroyUpgrade: false }));

function serve(io) {
  const reasons = new Map();
  const deadline = (p) => p;
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
      s.on("ask", (event, ...args) => {
        const cb = args.pop();
        s.timeout(1000).emit(event, ...args, (err, ...answer) => {
          cb(err ? { error: String(err) } : { answer });
        });
      });
      s.on("ask-many", async (event, n, cb) => {
        cb(await Promise.all([...Array(n).keys()].map((i) => deadline(s.timeout(3000).emitWithAck(event, i)))));
      });
    });
  }
}

web.listen(0, "127.0.0.1", () => {
  process.stdout.write(JSON.stringify({ url: `http://127.0.0.1:${web.address().port}` }) + "\n");
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
