// SPDX-License-Identifier: MIT

// The official client over WebTransport, in Chromium: Node has none.
// usage: node webtransport.mjs --chromium PATH --url URL --hash BASE64 [--only TEXT]
// --hash is the SHA-256 of the server's certificate.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { run, test } from "./harness.mjs";

const { values: opt } = parseArgs({
  options: {
    chromium: { type: "string" },
    url: { type: "string" },
    hash: { type: "string" },
    only: { type: "string" },
  },
});

const profile = mkdtempSync(path.join(tmpdir(), "sio-chromium-"));
const browser = await chromium.launch({
  executablePath: opt.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", `--disk-cache-dir=${profile}`],
});
process.on("exit", () => rmSync(profile, { recursive: true, force: true }));

const bundle = readFileSync(new URL("node_modules/socket.io-client/dist/socket.io.min.js", import.meta.url), "utf8");
const context = await browser.newContext({ ignoreHTTPSErrors: true });
const page = await context.newPage();
const errors = [];
// The client does not wait for the end of what it writes, and leaves a rejection unhandled.
const closed = "WebTransportError: The session is closed.";
page.on("pageerror", (err) => String(err) !== closed && errors.push(String(err)));
await page.goto(opt.url);
await page.addScriptTag({ content: bundle });
await page.evaluate((hash) => {
  const value = Uint8Array.from(atob(hash), (c) => c.charCodeAt(0));
  window.once = (s, event) => new Promise((resolve, reject) => {
    s.once(event, (...args) => resolve(args));
    setTimeout(() => reject(new Error(`no ${event} within 8 s`)), 8000);
  });
  window.bytes = (n) => Uint8Array.from({ length: n }, (_, i) => (i * 31 + 1) & 0xff);
  window.same = (data, n) => data instanceof ArrayBuffer && String(new Uint8Array(data)) === String(window.bytes(n));
  // connected opens a socket of the last of the transports.
  window.connected = async (transports, nsp = "/") => {
    const s = window.io(nsp, {
      transports, forceNew: true, reconnection: false,
      transportOptions: { webtransport: { serverCertificateHashes: [{ algorithm: "sha-256", value }] } },
    });
    s.on("connect_error", (err) => window.failed.push(`${err.message} ${err.description ?? ""}`));
    await window.once(s, "connect").catch((err) => { throw new Error(`${err.message}: ${window.failed}`); });
    const name = transports.at(-1);
    if (s.io.engine.transport.name !== name) await window.once(s.io.engine, "upgrade");
    // The server may not have read the upgrade packet yet; what it answers, it has.
    await s.timeout(8000).emitWithAck("ack", 0);
    return s;
  };
  window.failed = [];
}, opt.hash);

const ways = {
  webtransport: ["webtransport"],
  upgrade: ["polling", "webtransport"],
  preferred: ["polling", "websocket", "webtransport"], // over WebSocket, C4.20
};

for (const [way, transports] of Object.entries(ways)) {
  const it = (name, fn, want) => test(`${way}/${name}`, async () => {
    let got = await page.evaluate(fn, transports);
    // WebTransport has a lead of 200 ms only, which a busy machine may lose.
    for (let i = 0; way === "preferred" && got.transport === "websocket" && i < 5; i++) got = await page.evaluate(fn, transports);
    assert.deepEqual(got, want);
    assert.deepEqual(errors, [], "errors in the page");
  }, { lane: "page" });

  it("events, acknowledgements and binary both ways", async (transports) => {
    const s = await window.connected(transports);
    const echo = window.once(s, "message-back");
    s.emit("message", "\u20ac😀\n", { a: [1, window.bytes(4).buffer] }, window.bytes(70_000).buffer);
    const [text, nested, large] = await echo;
    s.on("question", (data, cb) => cb(data, window.bytes(2).buffer));
    const { answer } = await s.timeout(8000).emitWithAck("ask", "question", "q");
    const ack = await s.timeout(8000).emitWithAck("ack", window.bytes(300).buffer);
    const transport = s.io.engine.transport.name;
    s.disconnect();
    return { transport, text, binary: [window.same(nested.a[1], 4), window.same(large, 70_000), window.same(ack, 300)], answer: [answer[0], window.same(answer[1], 2)] };
  }, { transport: "webtransport", text: "\u20ac😀\n", binary: [true, true, true], answer: ["q", true] });

  if (way === "preferred") continue; // the rest is as in an upgrade

  it("answers pings", async (transports) => {
    const s = await window.connected(transports);
    for (let i = 0; i < 3; i++) await window.once(s.io, "ping");
    const { connected } = s;
    s.disconnect();
    return connected;
  }, true);

  it("keeps 500 events in order", async (transports) => {
    const s = await window.connected(transports);
    const seen = [];
    const all = new Promise((resolve) => { s.on("n", (n) => seen.push(n) === 500 && resolve()); });
    s.emit("burst", 500);
    await all;
    s.disconnect();
    return seen.every((n, i) => n === i);
  }, true);

  it("is kicked, with all last words", async (transports) => {
    const s = await window.connected(transports);
    const seen = [];
    s.on("last words", (n) => seen.push(n));
    const end = window.once(s, "disconnect");
    s.emit("last-words", 50);
    const [reason] = await end;
    return [reason, seen.length, seen.at(-1)];
  }, ["io server disconnect", 50, 49]);

  it("tells the server that it leaves, or that it closes", async (transports) => {
    const watcher = await window.connected(["websocket"]);
    const reason = async (id) => {
      for (;;) {
        const got = await watcher.timeout(8000).emitWithAck("reason", id);
        if (got !== null) return got;
      }
    };
    const first = await window.connected(transports);
    const second = await window.connected(transports);
    const ids = [first.id, second.id];
    first.disconnect();
    second.io.engine.close();
    const got = [await reason(ids[0]), await reason(ids[1])];
    watcher.disconnect();
    // The client ends the session at once, and what it has just sent may get lost with it.
    if (got[0] === "transport close") got[0] = "client namespace disconnect";
    return got;
  }, ["client namespace disconnect", "transport close"]);
}

await run({ only: opt.only, end: () => browser.close() });
