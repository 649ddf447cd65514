// SPDX-License-Identifier: MIT

// A very small test runner. It prints one JSON object per line, so that the Go
// test that started it can turn every case into a subtest of its own:
//   {"case":"...","ok":true,"ms":12}   or   {"case":"...","ok":false,"error":"..."}
// and at the end {"done":<number of cases>}, so that a lost case is noticed.

const cases = [];

// What load has loaded: one version of the Socket.IO client.
export let io, Manager, version;

// load takes a socket.io-client by the name that it has in package.json.
export async function load(name) {
  const client = (await import(name)).default;
  io = client.io ?? client;
  ({ Manager } = client);
  version = { "socket.io-client-2": 2, "socket.io-client-3": 3, "socket.io-client": 4 }[name];
}

// transports are those of each way to connect.
export const transports = {
  polling: ["polling"],
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
};

// test registers a case. Those with the same lane run one after the other.
export function test(name, fn, { timeout = 60_000, lane = Symbol(name) } = {}) {
  cases.push({ name, fn, timeout, lane });
}

// run runs all cases, so many lanes at a time, and ends the process.
export async function run({ only, end, width = 1 } = {}) {
  const lanes = new Map();
  let ran = 0;
  for (const c of cases) {
    if (only && !c.name.includes(only)) continue;
    lanes.set(c.lane, [...lanes.get(c.lane) ?? [], c]);
    ran++;
  }
  const queue = [...lanes.values()];
  const work = async () => {
    for (let lane = queue.shift(); lane; lane = queue.shift()) {
      for (const c of lane) await one(c);
    }
  };
  await Promise.all([...Array(width)].map(work));
  print({ done: ran });
  await end?.();
  // Whatever a failed case left open must not keep the process alive.
  process.exit(0);
}

async function one(c) {
  const t = new Context();
  const start = Date.now();
  const line = { case: c.name, ok: true };
  try {
    await deadline(c.fn(t), c.timeout, "the case");
  } catch (err) {
    line.ok = false;
    line.error = String(err?.stack ?? err);
    await t.look(c.name).catch(() => {});
  }
  await t.close();
  line.ms = Date.now() - start;
  print(line);
}

export function print(value) {
  process.stdout.write(JSON.stringify(value) + "\n");
}

// deadline rejects when p takes longer than ms.
export function deadline(p, ms, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
  });
  return Promise.race([p, late]).finally(() => clearTimeout(timer));
}

// once waits for one event of any emitter and resolves with its arguments.
export function once(emitter, event, ms = 30_000) {
  return deadline(new Promise((resolve) => {
    emitter.once(event, (...args) => resolve(args));
  }), ms, `event ${JSON.stringify(event)}`);
}

// collect records the arguments of every occurrence of event.
export function collect(emitter, event) {
  const seen = [];
  emitter.on(event, (...args) => seen.push(args));
  return seen;
}

// until polls a condition: for the few things that announce themselves by no event.
export function until(cond, what, ms = 30_000) {
  let over = false;
  const poll = async () => {
    while (!over && !await cond()) await new Promise((resolve) => { setTimeout(resolve, 10); });
  };
  return deadline(poll(), ms, what).finally(() => { over = true; });
}

export function bytes(n, seed = 1) {
  const b = Buffer.alloc(n);
  for (let i = 0; i < n; i++) b[i] = (i * 31 + seed) & 0xff;
  return b;
}

// Context is what a case gets; it closes what the case opened.
class Context {
  #open = [];

  // look is called with the name of a case that failed, before it is cleaned up.
  async look() {}

  defer(fn) {
    this.#open.push(fn);
  }

  // socket makes a client with a connection of its own, without waiting for it.
  socket(url, options = {}) {
    const s = io(url, { forceNew: true, reconnection: false, ...options });
    this.defer(() => { s.io.reconnection(false); s.disconnect(); s.io.engine?.close(); });
    return s;
  }

  // connect makes a client and waits until it is connected.
  async connect(url, options = {}) {
    const s = this.socket(url, options);
    await connected(s);
    return s;
  }

  manager(url, options = {}) {
    const m = new Manager(url, { reconnection: false, ...options });
    this.defer(() => { m.reconnection(false); (m._close ?? m.close).call(m); });
    return m;
  }

  async close() {
    for (const fn of this.#open.reverse()) {
      try {
        await fn();
      } catch {
        // Cleaning up after a failed case must not hide its error.
      }
    }
  }
}

// connected waits for "connect" and rejects on "connect_error", or version 2's "error".
export function connected(s, ms = 30_000) {
  if (s.connected) return Promise.resolve(s);
  return deadline(new Promise((resolve, reject) => {
    s.once("connect", () => resolve(s));
    for (const event of ["connect_error", "error"]) {
      s.once(event, (err) => {
        reject(new Error(`${event}: ${err.message ?? err} ${JSON.stringify(err.data ?? err.description?.message ?? null)}`));
      });
    }
  }), ms, "connect");
}

// ask emits with an acknowledgement and returns its first argument.
export function ask(s, event, ...args) {
  if (version === 4) return s.timeout(30_000).emitWithAck(event, ...args);
  return deadline(new Promise((resolve) => { s.emit(event, ...args, resolve); }), 30_000, `the answer to ${event}`);
}

// upgraded waits until the connection has moved to WebSocket.
export async function upgraded(s) {
  if (s.io.engine.transport.name !== "websocket") await once(s.io.engine, "upgrade");
  // The server may not have read the upgrade packet yet; what it answers, it has.
  await ask(s, "ack", 0);
}
