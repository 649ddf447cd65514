// SPDX-License-Identifier: MIT

// JavaScript clients of a soak: they do what those of package soak do, and look at the same
// things. They end when stdin does, and print what they have counted.
//
//   node soak.mjs --url URL --clients N --pause MS --rooms N

import { parseArgs } from "node:util";
import { io } from "socket.io-client";

const { values: opt } = parseArgs({ options: {
  url: { type: "string" }, clients: { type: "string" }, pause: { type: "string" }, rooms: { type: "string" },
} });
const [clients, pause, rooms] = [opt.clients, opt.pause, opt.rooms].map(Number);

const counts = {};
const count = (what) => { counts[what] = (counts[what] ?? 0) + 1; };
const print = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const violate = (violation) => print({ violation });
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const chance = (n) => Math.floor(Math.random() * n);

let ended = false;
process.stdin.on("end", () => { ended = true; }).resume();

class Member {
  constructor(i) {
    this.forget();
    const s = this.socket = io(opt.url, {
      forceNew: true, reconnectionDelay: 200, reconnectionDelayMax: 2000, timeout: 10_000,
      transports: i % 2 ? ["websocket"] : ["polling", "websocket"],
    });
    s.on("connect", () => {
      count("connections of JavaScript clients");
      if (s.recovered) count("recovered by JavaScript clients");
      else this.forget();
      this.live = true;
    });
    s.on("disconnect", (reason) => {
      count(`disconnected: ${reason}`);
      this.live = false;
      for (const [room, into] of this.rooms) if (!into) this.rooms.delete(room);
      if (reason === "io server disconnect") s.connect();
    });
    s.on("joined", (room) => this.moved(room, true));
    s.on("left", (room) => this.moved(room, false));
    s.on("ask", (n, answer) => answer(n));
    s.on("news", (server, room, n, data) => this.news(server, room, n, data));
    s.on("tick", (server, n) => {
      count("volatile events");
      const last = this.ticks.get(server) ?? 0;
      if (n <= last) violate(`${s.id}: tick ${n} of ${server} after ${last}`);
      this.ticks.set(server, n);
    });
  }

  forget() {
    this.rooms = new Map();
    this.asked = new Set();
    this.last = new Map();
    this.ticks = new Map();
  }

  moved(room, into) {
    count("rooms joined and left");
    if (!into || !this.rooms.get(room)) this.last.delete(room);
    // What is missed is chosen by the rooms in the end (S8.7): it may have joined again, and get
    // what came in between. And it is in a room before it is told so.
    if (into || this.live && !this.asked.has(room)) this.rooms.set(room, into);
    else this.rooms.delete(room);
    if (into) this.asked.delete(room);
  }

  news(server, room, n, data) {
    count("events to rooms");
    const { id, recovered } = this.socket;
    if (Buffer.isBuffer(data) && data.length !== n % 2000) violate(`${id}: ${data.length} bytes with number ${n}`);
    if (this.rooms.get(room) === false) violate(`${id}: ${n} of ${server} for ${room}, which it has left`);
    if (!this.last.has(room)) this.last.set(room, new Map());
    const last = this.last.get(room).get(server);
    if (last !== undefined && n !== last + 1) {
      violate(`${id} (recovered: ${recovered}): ${n} of ${server} for ${room} after ${last}`);
    }
    this.last.get(room).set(server, n);
  }

  move() {
    const into = [...this.rooms].filter(([, is]) => is).map(([room]) => room);
    if (into.length > chance(6)) this.socket.emit("leave", into[chance(into.length)]);
    else {
      const room = `room ${chance(rooms)}`;
      if (!this.rooms.get(room)) this.rooms.delete(room);
      this.asked.add(room);
      this.socket.emit("join", room);
    }
  }

  async number(n) {
    try {
      const got = await this.socket.timeout(10_000).emitWithAck("once", n);
      if (got !== n) violate(`${this.socket.id}: the answer to ${n} is ${got}`);
      count("events answered");
      return true;
    } catch {
      count("events without an answer");
      return false;
    }
  }

  async echo() {
    const data = Buffer.alloc(chance(300), 7);
    try {
      const got = await this.socket.timeout(10_000).emitWithAck("echo", data);
      if (!data.equals(got)) violate(`${this.socket.id}: ${data.length} bytes come back as ${got.length} others`);
      count("binary events answered");
    } catch {
      count("events without an answer");
    }
  }

  async live() {
    let n = 1;
    for (; !ended; n++) {
      await sleep(Math.random() * 2 * pause);
      const dice = chance(100);
      if (dice < 45) await this.number(n);
      else if (dice < 80) this.move();
      else if (dice < 97) await this.echo();
      else if (dice === 97) this.socket.disconnect().connect();
    }
    let well = false;
    for (let i = 0; i < 6 && !well; i++) well = await this.number(n++);
    if (!well) violate(`${this.socket.id}: no answer within a minute of peace`);
    this.socket.close();
  }
}

await Promise.all([...Array(clients).keys()].map((i) => new Member(i).live()));
print({ counts });
process.exit(0);
