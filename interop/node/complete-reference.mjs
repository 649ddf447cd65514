// SPDX-License-Identifier: MIT

// The control for complete.mjs: the servers of interop/complete_test.go and the orders of
// testserver.NewComplete, made of the official packages.
// It prints {"url": ...} once it listens, and ends when its standard input does.

import http from "node:http";
import { Server } from "socket.io";
import parser from "socket.io-msgpack-parser";

const web = http.createServer().setMaxListeners(0);
const kinds = {
  recovery: { connectionStateRecovery: {} },
  strict: { connectionStateRecovery: { skipMiddlewares: false } },
  brief: { connectionStateRecovery: { maxDisconnectionDuration: 100 } },
  family: {},
  plain: { maxHttpBufferSize: 100_000, perMessageDeflate: {}, cleanupEmptyChildNamespaces: true },
};
for (const [kind, options] of Object.entries(kinds)) {
  for (const [codec, more] of Object.entries({ default: {}, msgpack: { parser } })) {
    complete(new Server(web, { path: `/${codec}-${kind}/`, destroyUpgrade: false, pingInterval: 1000, pingTimeout: 5000, ...options, ...more }));
  }
}

function complete(io) {
  const [runs, ends, heard] = [new Map(), new Map(), new Map()];
  const hear = (s, what) => heard.set(s.nsp.name, [...heard.get(s.nsp.name) ?? [], what]);
  const matched = io.of(/^\/case-/);
  const allowed = io.of((name, auth, next) => {
    if (name === "/func-error") return next(new Error("no answer"));
    next(null, name.startsWith("/func-") && auth.token === "open");
  });
  for (const p of [matched, allowed]) {
    p.use((s, next) => {
      const { token, room, wait } = s.handshake.auth;
      runs.set(s.nsp.name, (runs.get(s.nsp.name) ?? 0) + 1);
      if (room) s.join(room);
      const err = token === "reject" ? new Error("rejected") : undefined;
      if (err) err.data = { code: 9, why: ["token"] };
      setTimeout(() => next(err), wait ?? 0);
    });
    p.on("connection", (s) => serve(s));
  }
  desk(io, matched);

  function serve(s) {
    const values = new Map();
    s.use(([event], next) => next(event === "forbidden" ? new Error("forbidden") : undefined));
    s.on("error", (err) => hear(s, err.message));
    if (s.handshake.auth.log) {
      s.onAny((event) => hear(s, `in ${event}`));
      s.onAnyOutgoing((event) => hear(s, `out ${event}`));
    }
    s.once("only", (cb) => cb("once"));
    s.emit("hello", s.recovered);
    s.on("disconnecting", () => ends.set(s.id, { ...ends.get(s.id) ?? { times: 0, reason: "" }, rooms: [...s.rooms] }));
    s.on("disconnect", (reason) => {
      const e = ends.get(s.id);
      e.times++;
      e.reason = reason;
    });
    s.on("ack", (data, cb) => cb(data));
    s.on("echo", (...args) => s.emit("echo", ...args));
    s.on("message", (...args) => s.send(...args));
    s.on("info", (cb) => cb({ id: s.id, rooms: [...s.rooms], recovered: s.recovered, transport: s.conn.transport.name }));
    s.on("set", (key, value, cb) => { s.data[key] = value; cb(); });
    s.on("join", (rooms, cb) => { s.join(rooms); cb(); });
    s.on("leave", (room, cb) => { s.leave(room); cb(); });
    s.on("late", (ms, cb) => setTimeout(() => cb("late"), ms));
    s.on("third", (key, cb) => {
      const n = (values.get(key) ?? 0) + 1;
      values.set(key, n);
      if (n >= 3) cb(n);
    });
    s.on("close", () => s.conn.close());
    s.on("kick", (close) => s.disconnect(close));
  }

  function target(c) {
    const nsp = io.of(c.nsp);
    let t = nsp;
    if (c.self) t = nsp.sockets.get(c.self);
    else if (c.from) t = nsp.sockets.get(c.from).broadcast;
    if (c.rooms?.length) t = t.to(c.rooms);
    if (c.except?.length) t = t.except(c.except);
    if (c.volatile) t = t.volatile;
    if (c.timeout) t = t.timeout(c.timeout);
    return t.compress(!c.plain);
  }

  function desk(io, parent) {
    io.of("/desk").on("connection", (s) => {
      s.on("emit", (c, event, ...args) => { const cb = args.pop(); target(c).emit(event, ...args); cb(); });
      s.on("stream", async (c, event, n, wait, cb) => {
        for (let i = 0; i < n; i++) {
          target(c).emit(event, i);
          await new Promise((resolve) => { setTimeout(resolve, wait); });
        }
        cb();
      });
      s.on("regular-then-volatile", (c, cb) => { target(c).emit("regular"); target({ ...c, volatile: true }).emit("volatile"); cb(); });
      s.on("ask", (c, event, ...args) => {
        const cb = args.pop();
        target(c).emit(event, ...args, (err, answers) => cb({ answers, late: !!err }));
      });
      s.on("fetch", async (c, cb) => cb((await target(c).fetchSockets()).map((r) => ({
        id: r.id, rooms: [...r.rooms], data: r.data, address: r.handshake.address,
      }))));
      s.on("join", (c, rooms, cb) => { target(c).socketsJoin(rooms); cb(); });
      s.on("leave", (c, rooms, cb) => { target(c).socketsLeave(rooms); cb(); });
      s.on("disconnect-sockets", (c, close, cb) => { target(c).disconnectSockets(close); cb(); });
      s.on("parent", (room, event, ...args) => {
        const cb = args.pop();
        (room ? parent.to(room) : parent).emit(event, ...args);
        cb();
      });
      s.on("exists", (name, cb) => cb(io._nsps.has(name)));
      s.on("runs", (name, cb) => cb(runs.get(name) ?? 0));
      s.on("heard", (name, cb) => cb(heard.get(name) ?? []));
      s.on("end", (id, cb) => cb(ends.get(id) ?? { times: 0, reason: "", rooms: [] }));
    });
  }
}

web.listen(0, "127.0.0.1", () => {
  process.stdout.write(JSON.stringify({ url: `http://127.0.0.1:${web.address().port}` }) + "\n");
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
