// SPDX-License-Identifier: MIT

// The clients as browsers load them, old and new, in Chromium: what they can do there
// and not in Node is XHR2 with binary, JSONP, and HTTP/2.
// usage: node bundles.mjs --chromium PATH --plain URL --secure URL [--connect URL] [--control true] [--only TEXT]
// --connect is a server that takes WebSockets over HTTP/2 (RFC 8441).

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { run, test, transports } from "./harness.mjs";

const { values: opt } = parseArgs({
  options: {
    chromium: { type: "string" },
    plain: { type: "string" },
    secure: { type: "string" },
    connect: { type: "string" },
    control: { type: "string", default: "false" },
    only: { type: "string" },
  },
});
const control = opt.control === "true";
const timeout = 40_000; // the first case of each client loads its page

const profile = mkdtempSync(path.join(tmpdir(), "sio-chromium-"));
const browser = await chromium.launch({
  executablePath: opt.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", `--disk-cache-dir=${profile}`],
});
process.on("exit", () => rmSync(profile, { recursive: true, force: true }));

const read = (file) => readFileSync(new URL(`node_modules/${file}`, import.meta.url), "utf8");
const bundles = {
  "engine.io-client-3": read("engine.io-client-3/engine.io.js"),
  "engine.io-client": read("engine.io-client/dist/engine.io.min.js"),
  "socket.io-client-2": read("socket.io-client-2/dist/socket.io.js"),
  "socket.io-client-3": read("socket.io-client-3/dist/socket.io.min.js"),
  "socket.io-client": read("socket.io-client/dist/socket.io.min.js"),
};

// open shows a page of the server with a client in it. The cases of one client share
// the page, and run one after the other: a browser has six connections to a server.
const pages = new Map();
function open(url, name) {
  const key = `${url} ${name}`;
  if (!pages.has(key)) pages.set(key, show(url, name));
  return pages.get(key);
}

async function show(url, name) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (err) => errors.push(String(err)));
  page.healthy = () => assert.deepEqual(errors, [], "errors in the page");
  await page.goto(url);
  await page.addScriptTag({ content: bundles[name] });
  await page.evaluate(() => {
    window.once = (s, event) => new Promise((resolve, reject) => {
      s.once(event, (...args) => resolve(args));
      setTimeout(() => reject(new Error(`no ${event} within 15 s`)), 15_000);
    });
    window.bytes = (n, seed = 1) => Uint8Array.from({ length: n }, (_, i) => (i * 31 + seed) & 0xff);
    // plain makes binary comparable.
    window.plain = async (data) => {
      const buffer = data instanceof Blob ? await data.arrayBuffer() : data;
      return buffer instanceof ArrayBuffer ? [...new Uint8Array(buffer)] : data;
    };
  });
  return page;
}

// requests returns how the server saw the requests of a run.
async function requests(page, name) {
  return page.evaluate(async (name) => (await fetch(`/requests?run=${name}`)).json(), name);
}

// ---- Engine.IO -----------------------------------------------------------------------

// engine exercises an Engine.IO client in the page; it returns what was not as it should be.
async function engine([options, binary, ordered]) {
  const s = window.eio.Socket ? new window.eio.Socket(options) : window.eio(options);
  s.binaryType = "arraybuffer";
  const wrong = [];
  const upgrade = options.transports.length > 1 ? window.once(s, "upgrade") : null;
  await window.once(s, "open");
  await upgrade;
  const ask = async (data) => {
    const answer = window.once(s, "message");
    s.send(data);
    return (await answer)[0];
  };
  for (const text of ["hello", "ü€\u2028\u2029", "😀", "a\nb \\n \\\\n \\\\\\n \" ' </script>", "0123456789é😀".repeat(2000)]) {
    const got = await ask(text);
    if (got !== text) wrong.push([text.slice(0, 40), String(got).slice(0, 40)]);
  }
  for (const size of binary ? [0, 1, 255, 70_000] : []) {
    const got = await window.plain(await ask(window.bytes(size).buffer));
    if (JSON.stringify(got) !== JSON.stringify([...window.bytes(size)])) wrong.push([size, got]);
  }
  // Text and binary in one payload, in order.
  const all = [];
  s.on("message", (data) => all.push(data));
  const want = [];
  for (let i = 0; i < 50; i++) {
    const bin = binary && ordered && i % 2;
    want.push(bin ? [...window.bytes(i, i)] : `text ${i} ü😀`);
    s.send(bin ? window.bytes(i, i).buffer : want[i]);
  }
  for (const end = Date.now() + 15_000; all.length < 50 && Date.now() < end;) await new Promise((r) => { setTimeout(r, 10); });
  const got = await Promise.all(all.map(window.plain));
  if (JSON.stringify(got) !== JSON.stringify(want)) wrong.push(["order", got]);
  s.off("message");
  const session = JSON.parse(await ask("session"));
  const end = window.once(s, "close");
  s.send("close");
  let [reason] = await end;
  // Over polling a pong may be under way, and come too late.
  if (session.transport === "polling" && reason === "transport error") reason = "transport close";
  return { wrong, transport: session.transport, protocol: session.protocol, reason };
}

for (const name of ["engine.io-client-3", "engine.io-client"]) {
  const revision = name === "engine.io-client" ? 4 : 3;
  const ways = {
    ...Object.fromEntries(Object.keys(transports).map((mode) => [mode, { mode }])),
    "polling without binary": { mode: "polling", more: { forceBase64: true } },
    "websocket without binary": { mode: "websocket", more: { forceBase64: true } },
    "websocket with permessage-deflate": { mode: "websocket", more: { path: "/deflate/" } },
    "websocket with context takeover": { mode: "websocket", more: { path: "/takeover/" } },
    ...(revision === 3 ? {
      JSONP: { mode: "polling", more: { forceJSONP: true } },
      "JSONP, then upgrade": { mode: "upgrade", more: { forceJSONP: true } },
    } : {}),
  };
  for (const [way, { mode, more }] of Object.entries(ways)) {
    test(`${name}/${way}`, async () => {
      const page = await open(opt.plain, name);
      // Version 6 loses the order itself when it has to turn binary into base64.
      const ordered = revision === 3 || !more?.forceBase64;
      // E4.4: with JSONP the official server cannot send binary.
      const binary = way !== "JSONP" || !control;
      const got = await page.evaluate(engine, [{ path: "/echo/", transports: transports[mode], ...more }, binary, ordered]);
      assert.deepEqual(got, { wrong: [], transport: transports[mode].at(-1), protocol: revision, reason: "transport close" });
      page.healthy();
    }, { lane: name, timeout });
  }
}

// ---- Socket.IO -----------------------------------------------------------------------

// app exercises a Socket.IO client in the page.
async function app([options, old]) {
  const open = (nsp = "/") => window.io(nsp, { forceNew: true, reconnection: false, ...options });
  const ask = (s, ...args) => new Promise((resolve, reject) => {
    s.emit(...args, resolve);
    setTimeout(() => reject(new Error(`no answer to ${args[0]}`)), 15_000);
  });
  const result = {};
  const s = open();
  await window.once(s, "connect");
  if (options.transports.length > 1 && s.io.engine.transport.name === "polling") await window.once(s.io.engine, "upgrade");
  result.transport = s.io.engine.transport.name;
  result.sameId = s.id === s.io.engine.id;
  result.id = await ask(s, "id") === s.id;
  const echo = window.once(s, "message-back");
  s.emit("message", "\u20ac😀\n", { a: [1, window.bytes(4).buffer] }, window.bytes(70_000).buffer);
  const [text, nested, large] = await echo;
  result.echo = [text, await window.plain(nested.a[1]), JSON.stringify(await window.plain(large)) === JSON.stringify([...window.bytes(70_000)])];
  result.ack = await window.plain(await ask(s, "ack", window.bytes(3).buffer));
  s.on("question", (data, cb) => cb(data, window.bytes(2).buffer));
  const { answer } = await ask(s, "ask", "question", "q");
  result.answer = [answer[0], await window.plain(answer[1])];
  const other = open("/custom");
  await window.once(other, "connect");
  await ask(other, "join", `tab-${other.id}`);
  const heard = window.once(other, "union");
  await ask(other, "union", [`tab-${other.id}`], [], "hi tab");
  result.room = await heard;
  const refused = await window.once(open("/refused"), old ? "error" : "connect_error");
  result.refused = old ? refused[0] : refused[0].data;
  const end = window.once(s, "disconnect");
  s.emit("leave-me", true);
  result.kick = (await end)[0];
  const end2 = window.once(other, "disconnect");
  other.disconnect();
  result.own = (await end2)[0];
  return result;
}

async function checkApp(url, name, mode, more = {}) {
  const page = await open(url, name);
  const got = await page.evaluate(app, [{ transports: transports[mode], ...more }, name === "socket.io-client-2"]);
  assert.deepEqual(got, {
    transport: transports[mode].at(-1),
    sameId: name === "socket.io-client-2",
    id: true,
    echo: ["\u20ac😀\n", [1, 32, 63, 94], true],
    ack: [1, 32, 63],
    answer: ["q", [1, 32]],
    room: ["hi tab"],
    refused: { code: 7, why: ["a", "b"] },
    kick: "io server disconnect",
    own: "io client disconnect",
  });
  page.healthy();
  return page;
}

for (const name of ["socket.io-client-2", "socket.io-client-3"]) {
  for (const mode of Object.keys(transports)) {
    test(`${name}/${mode}`, () => checkApp(opt.plain, name, mode), { lane: name, timeout });
  }
}
if (!control) {
  const old = "socket.io-client-2";
  test(`${old}/JSONP`, () => checkApp(opt.plain, old, "polling", { forceJSONP: true }), { lane: old, timeout });
}

// ---- compression ---------------------------------------------------------------------

test("Chromium decodes polling responses", async () => {
  for (const url of [opt.plain, opt.secure]) {
    const page = await open(url, "engine.io-client");
    const [encoding, text] = await page.evaluate(async () => {
      const base = "/echo/?EIO=4&transport=polling";
      const { sid } = JSON.parse((await (await fetch(base)).text()).slice(1));
      await fetch(`${base}&sid=${sid}`, { method: "POST", body: "4burst:300" });
      const res = await fetch(`${base}&sid=${sid}`);
      return [res.headers.get("content-encoding"), await res.text()];
    });
    assert.notEqual(encoding, null);
    assert.equal(text.split("\x1e").filter((packet) => packet !== "2").join("\x1e"), [...Array(300).keys()].map((i) => `4burst ${i}`).join("\x1e"));
  }
}, { lane: "engine.io-client", timeout });

// ---- HTTPS ---------------------------------------------------------------------------

for (const server of ["secure", "connect"]) {
  if (!opt[server]) continue;
  for (const mode of Object.keys(transports)) {
    test(`${server}/${mode}`, async () => {
      const name = `${server}-${mode}`;
      const page = await checkApp(opt[server], "socket.io-client", mode, { query: { run: name } });
      if (control) return; // it has no HTTP/2
      const polls = ["GET HTTP/2 polling", "POST HTTP/2 polling"];
      const socket = server === "connect" ? "CONNECT HTTP/2 websocket" : "GET HTTP/1 websocket";
      const want = { polling: polls, websocket: [socket], upgrade: [...polls, socket] }[mode].sort();
      assert.deepEqual(await requests(page, name), want);
    }, { lane: server, timeout });
  }
  test(`${server}/engine.io-client, large messages and compression`, async () => {
    const page = await open(opt[server], "engine.io-client");
    for (const path of ["/echo/", "/takeover/"]) {
      const got = await page.evaluate(engine, [{ path, transports: ["websocket"] }, true, true]);
      assert.deepEqual(got, { wrong: [], transport: "websocket", protocol: 4, reason: "transport close" });
    }
    page.healthy();
  }, { lane: server, timeout });
}

await run({ only: opt.only, width: 3, end: () => browser.close() });
