// SPDX-License-Identifier: MIT

// permessage-deflate (RFC 7692) with the npm package ws, against a WebSocket that
// echoes and against Engine.IO.
// usage: node deflate.mjs --url URL --echo WEBSOCKET_URL [--only TEXT]

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import WebSocket from "ws";
import { bytes, deadline, once, run, test } from "./harness.mjs";

const { values: opt } = parseArgs({
  options: {
    url: { type: "string" },
    echo: { type: "string" },
    only: { type: "string" },
  },
});
const base = opt.url.replace(/^http/, "ws");

// noise is text that deflate makes somewhat smaller, and much if it has seen it before.
function noise(n, seed) {
  let s = "";
  for (let i = 0; s.length < n; i++) s += `{"id":"${createHash("sha1").update(`${seed} ${i}`).digest("hex")}"},`;
  return s.slice(0, n);
}

// dial opens a WebSocket; its answers are taken with next.
async function dial(t, url, perMessageDeflate) {
  const ws = new WebSocket(url, { perMessageDeflate });
  t.defer(() => ws.terminate());
  const [answers, waiting] = [[], []];
  const engine = url.includes("EIO=4");
  ws.on("message", (data, binary) => {
    let message = binary ? data : data.toString();
    if (engine && message === "2") {
      ws.send("3");
      return;
    }
    if (engine && !binary) message = message.slice(1);
    if (waiting.length > 0) waiting.shift()(message);
    else answers.push(message);
  });
  const upgrade = new Promise((resolve) => { ws.once("upgrade", (...args) => resolve(args)); });
  await deadline(new Promise((resolve, reject) => ws.on("open", resolve).on("error", reject)), 30_000, "open");
  const [{ socket, headers }] = await upgrade;
  const next = () => (answers.length > 0 ? answers.shift() : new Promise((resolve) => { waiting.push(resolve); }));
  if (engine) assert.ok((await next()).startsWith("{"));
  const send = (data, options) => ws.send(engine && typeof data === "string" ? `4${data}` : data, options);
  return {
    ws,
    deflate: headers["sec-websocket-extensions"] ?? "",
    next,
    send,
    async ask(data, options) {
      send(data, options);
      return next();
    },
    // cost says how many bytes came and went during fn.
    async cost(fn) {
      const before = [socket.bytesRead, socket.bytesWritten];
      await fn();
      return { down: socket.bytesRead - before[0], up: socket.bytesWritten - before[1] };
    },
  };
}

async function same(peer, data, options) {
  const got = await peer.ask(data, options);
  assert.ok(typeof data === "string" ? got === data : data.equals(got), `${data.length} of ${typeof data} came back changed`);
}

const ends = {
  "ws-echo": { url: opt.echo },
  deflate: { url: `${base}/deflate/?EIO=4&transport=websocket`, takeover: false },
  takeover: { url: `${base}/takeover/?EIO=4&transport=websocket`, takeover: true },
};

for (const [name, end] of Object.entries(ends)) {
  const it = (title, fn) => test(`${name}/${title}`, fn);

  it("is not compressed for a client that did not ask", async (t) => {
    const peer = await dial(t, end.url, false);
    assert.equal(peer.deflate, "");
    await same(peer, "a".repeat(10_000));
    await same(peer, bytes(10_000));
  });

  for (const server of [true, false]) {
    for (const client of [true, false]) {
      it(`context takeover: server ${server}, client ${client}`, async (t) => {
        const peer = await dial(t, end.url, { threshold: 0, serverNoContextTakeover: !server || undefined, clientNoContextTakeover: !client || undefined });
        assert.match(peer.deflate, /^permessage-deflate/);
        for (const n of [0, 1, 10, 125, 126, 1000, 65_535, 65_536, 200_000]) {
          await same(peer, "a".repeat(n));
          await same(peer, bytes(n));
          await same(peer, noise(n, 1));
        }
        for (const text of ["ü€😀\u{10ffff}\0", JSON.stringify(["event", { a: [1, 2, 3] }])]) {
          for (let i = 0; i < 20; i++) await same(peer, text);
        }
        // What repeats within a message is compressed ...
        const once = await peer.cost(() => same(peer, "abcdefgh".repeat(5000)));
        assert.ok(once.down < 4000 && once.up < 4000, `40,000 bytes took ${JSON.stringify(once)}`);
        // ... and what repeats from message to message, if the window is kept.
        await same(peer, noise(8000, 2));
        const again = await peer.cost(() => same(peer, noise(8000, 2)));
        const down = !peer.deflate.includes("server_no_context_takeover");
        const up = !peer.deflate.includes("client_no_context_takeover") && client;
        assert.deepEqual([again.down < 2000, again.up < 2000], [down, up], `8,000 known bytes took ${JSON.stringify(again)}`);
        if (end.takeover !== undefined) assert.deepEqual([down, up], [end.takeover && server, end.takeover && client]);
      });
    }
  }

  for (let bits = 9; bits <= 15; bits++) {
    it(`a window of ${bits} bits`, async (t) => {
      const peer = await dial(t, end.url, { threshold: 0, serverMaxWindowBits: bits, clientMaxWindowBits: bits });
      assert.match(peer.deflate, /^permessage-deflate/);
      const offered = peer.deflate.match(/server_max_window_bits=(\d+)/)?.[1] ?? 15;
      assert.ok(offered <= bits, `${bits} bits asked for, got ${peer.deflate}`);
      const block = noise(1 << bits, bits);
      // Distances around the size of the window, in one message and from one to the next.
      for (const text of [block + block, block.slice(1) + block, block + "x" + block, block.slice(300), "a".repeat(70_000)]) {
        await same(peer, text);
        await same(peer, Buffer.from(text.slice(0, 700)));
      }
      const cost = await peer.cost(() => same(peer, "abcdefgh".repeat(5000)));
      assert.ok(cost.down < 4000 && cost.up < 4000, `40,000 bytes took ${JSON.stringify(cost)}`);
    });
  }

  it("fragments, control frames between them, and messages that are not compressed", async (t) => {
    const peer = await dial(t, end.url, { threshold: 0 });
    const pong = once(peer.ws, "pong");
    peer.send("one ", { fin: false, compress: true });
    peer.ws.send("two ".repeat(1000), { fin: false });
    peer.ws.ping("between");
    peer.ws.send("three", { fin: true });
    assert.equal(await peer.next(), `one ${"two ".repeat(1000)}three`);
    assert.equal((await pong)[0].toString(), "between");
    await same(peer, "plain ".repeat(1000), { compress: false });
    await same(peer, "compressed ".repeat(1000));
    await same(peer, bytes(3000), { compress: false });
  });

  it("many messages in order", async (t) => {
    const peer = await dial(t, end.url, { threshold: 0 });
    const sent = [...Array(500).keys()].map((i) => (i % 4 ? `message ${i} `.repeat(i % 50) : bytes(i * 3, i)));
    for (const data of sent) peer.send(data);
    for (const data of sent) {
      const got = await peer.next();
      assert.ok(typeof data === "string" ? got === data : data.equals(got), "a message came back changed");
    }
  });

  it("is closed for what inflates to too much", async (t) => {
    const peer = await dial(t, end.url, { threshold: 0 });
    const gone = once(peer.ws, "close");
    peer.ws.on("error", () => {});
    peer.send("\0".repeat(200_000_000 / 8)); // about 25 kB on the wire
    const [code] = await gone;
    assert.equal(code, 1009);
    const other = await dial(t, end.url, { threshold: 0 });
    await same(other, "still there");
  });
}

await run({ only: opt.only, width: 6 });
