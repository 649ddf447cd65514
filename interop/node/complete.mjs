// SPDX-License-Identifier: MIT

// The official client against testserver.NewComplete, with one codec over each transport.
// usage: node complete.mjs --url URL --codec default|msgpack [--control true] [--only TEXT]

import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import parser from "socket.io-msgpack-parser";
import { ask, connected, load, run, test, transports, until, upgraded } from "./harness.mjs";
import { client } from "./complete-client.mjs";
import { many } from "./complete-many.mjs";
import { namespaces } from "./complete-namespaces.mjs";
import { recovery } from "./complete-recovery.mjs";

const { values: opt } = parseArgs({
  options: { url: { type: "string" }, codec: { type: "string" }, control: { type: "string" }, only: { type: "string" } },
});

// What a failed case was waiting for fails later, and must not end the others.
process.on("unhandledRejection", () => {});

// A World is a namespace of a test's own on one kind of server, and a desk from which orders
// are given that does not share its connections.
class World {
  constructor(t, mode, kind, name) {
    this.t = t;
    this.mode = mode;
    this.nsp = name;
    this.control = opt.control === "true";
    this.base = opt.url;
    this.options = {
      path: `/${opt.codec}-${kind}/`,
      transports: transports[mode],
      ...opt.codec === "msgpack" ? { parser } : {},
    };
  }

  // socket makes a client of the namespace; more may have a url, another nsp, and options.
  socket({ url = this.base, nsp = this.nsp, ...more } = {}) {
    return this.t.socket(url + nsp, { ...this.options, ...more });
  }

  async open(more) {
    const s = this.socket(more);
    await connected(s);
    // Now it has what the server emitted first.
    await (this.mode === "upgrade" ? upgraded(s) : ask(s, "ack", 0));
    return s;
  }

  // to gives an order that has to do with a choice of sockets.
  async to(event, choice, ...args) {
    return this.order(event, { nsp: this.nsp, ...choice }, ...args);
  }

  async order(event, ...args) {
    this.desk ??= this.t.connect(`${this.base}/desk`, { ...this.options, transports: ["websocket"] });
    return ask(await this.desk, event, ...args);
  }

  // ended waits until the server has seen the socket end, for the so many-th time.
  async ended(id, times = 1) {
    let end;
    await until(async () => (end = await this.order("end", id)).times >= times, `the server to see ${id} end`);
    return end;
  }
}

await load("socket.io-client");
for (const mode of Object.keys(transports)) {
  // it registers a case for one kind of server.
  const it = (kind) => (name, fn, prefix = "/case-") => {
    test(`${mode}/${name}`, (t) => fn(new World(t, mode, kind, prefix + randomUUID())));
  };
  recovery(it);
  many(it("plain"), mode);
  namespaces(it("plain"), it("family"), mode);
  client(it("plain"), mode);
}
await run({ only: opt.only, width: 6 });
