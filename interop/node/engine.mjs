// SPDX-License-Identifier: MIT

// The Engine.IO client against the echo servers of interop/testserver (or
// reference.mjs): version 6 speaks revision 4 of the protocol, version 3 revision 3.
// usage: node engine.mjs --client engine.io-client|engine.io-client-3 --url URL [--only TEXT]

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { bytes, collect, once, run, test, transports, until } from "./harness.mjs";
import { proxy } from "./proxy.mjs";

const { values: opt } = parseArgs({
  options: { client: { type: "string" }, url: { type: "string" }, only: { type: "string" } },
});
const client = await import(opt.client);
const Socket = client.Socket ?? client.default;
const revision = opt.client === "engine.io-client" ? 4 : 3;

// socket makes a client without waiting for it.
function socket(t, options, path = "/echo/", url = opt.url) {
  const s = new Socket(url, { path, ...options });
  t.defer(() => s.close());
  return s;
}

// open makes a client and waits for it, and for its upgrade.
async function open(t, mode, more = {}, path = "/echo/") {
  const s = socket(t, { transports: transports[mode], ...more }, path);
  const upgrade = mode === "upgrade" ? once(s, "upgrade") : null;
  await once(s, "open");
  if (upgrade) {
    await upgrade;
    await ask(s, "until here the server has read");
  }
  return s;
}

// ask sends a message and waits for the next one. An empty text is undefined here.
async function ask(s, data) {
  const answer = once(s, "message");
  s.send(data);
  return (await answer)[0] ?? "";
}

// reason asks another client for the reason with which the server saw id end.
async function reason(watcher, id) {
  let got;
  await until(async () => (got = await ask(watcher, `reason:${id}`)) !== "reason ", `the server's reason for ${id}`);
  return got.slice("reason ".length);
}

function cases(mode, name, more = {}, path = "/echo/") {
  const it = (title, fn, o) => test(`${name}/${title}`, fn, o);

  it("gets the handshake", async (t) => {
    const s = socket(t, { transports: transports[mode], ...more }, path);
    const upgrade = mode === "upgrade" ? once(s, "upgrade") : null;
    const [h] = await once(s, "handshake");
    assert.match(h.sid, /^[\w-]{20}$/);
    const want = { upgrades: mode === "websocket" ? [] : ["websocket"], pingInterval: 400, pingTimeout: 10_000, maxPayload: 2e6 };
    assert.deepEqual(h, { sid: h.sid, ...want });
    await upgrade;
    assert.equal(s.transport.name, transports[mode].at(-1));
    // The server reads the client's upgrade packet before it reads this.
    const seen = JSON.parse(await ask(s, "session"));
    assert.deepEqual(seen, { id: h.sid, protocol: revision, transport: transports[mode].at(-1), upgraded: mode === "upgrade" });
  });

  it("echoes text", async (t) => {
    const s = await open(t, mode, more, path);
    for (const text of ["hello", "", "ü€\u2028\u2029\0", "😀 a \u{10ffff}", "\\n \\\\n \" '", ...(revision === 3 ? ["\x1e"] : []), "1:4", "é".repeat(40_000), "😀".repeat(70_000)]) {
      assert.ok(await ask(s, text) === text, `text ${JSON.stringify(text.slice(0, 20))} came back changed`);
    }
  });

  it("echoes binary", async (t) => {
    const s = await open(t, mode, more, path);
    for (const size of [0, 1, 2, 3, 125, 126, 65_535, 70_000, 900_000]) {
      const got = await ask(s, bytes(size));
      assert.ok(Buffer.isBuffer(got), `want a Buffer of ${size} bytes, got ${typeof got}`);
      assert.ok(bytes(size).equals(got), `${size} bytes came back changed`);
    }
  });

  it("keeps messages in order, from the first moment on, both ways", async (t) => {
    // In mode "upgrade" this runs across the change of transport.
    const s = socket(t, { transports: transports[mode], ...more }, path);
    const got = collect(s, "message");
    await once(s, "open");
    const want = [];
    s.send("burst:500");
    for (let i = 0; i < 300; i++) {
      want.push(i % 3 ? `text ${i} ü😀` : bytes(i, i));
      s.send(want.at(-1));
      if (i % 20 === 0) await new Promise((resolve) => { setTimeout(resolve, 3); });
    }
    s.send("burst:200");
    const burst = (n) => [...Array(n).keys()].map((i) => `burst ${i}`);
    await until(() => got.length >= 1000, "1000 messages", 40_000);
    assert.deepEqual(got.map(([data]) => data), [...burst(500), ...want, ...burst(200)]);
    // All of it may have gone over polling, before the probe was answered.
    if (mode === "upgrade") await until(() => s.transport.name === "websocket", "the upgrade");
  }, { timeout: 60_000 });

  it("keeps its heartbeat", async (t) => {
    const s = await open(t, mode, more, path);
    const [packets, sent] = [collect(s, "packet"), collect(s, "packetCreate")];
    const count = (list, type) => list.filter(([p]) => p.type === type).length;
    const [theirs, own] = revision === 4 ? ["ping", "pong"] : ["pong", "ping"];
    await until(() => count(packets, theirs) >= 3, `three ${theirs}s`);
    assert.ok(count(sent, own) >= 3);
    assert.equal(count(packets, own), 0);
    assert.equal(await ask(s, "alive"), "alive");
  });

  it("is closed by the server, after what was sent before", async (t) => {
    const [s, watcher] = await Promise.all([open(t, mode, more, path), open(t, mode, more, path)]);
    const { id } = s;
    const got = collect(s, "message");
    const end = once(s, "close");
    s.send("last:50");
    // Over polling a pong may be under way, and come too late.
    assert.match((await end)[0], mode === "polling" ? /^transport (close|error)$/ : /^transport close$/);
    assert.deepEqual(got.map(([text]) => text), [...Array(50).keys()].map(String));
    assert.equal(await reason(watcher, id), "forced close");
  });

  it("closes", async (t) => {
    const [s, watcher] = await Promise.all([open(t, mode, more, path), open(t, mode, more, path)]);
    const { id } = s;
    const end = once(s, "close");
    s.send("on its way");
    s.close();
    assert.equal((await end)[0], "forced close");
    assert.equal(await reason(watcher, id), "transport close");
  });

  it("closes at once", async (t) => {
    const watcher = await open(t, mode, more, path);
    const s = socket(t, { transports: transports[mode], ...more }, path);
    const end = once(s, "close");
    const [{ sid }] = await once(s, "handshake");
    s.close();
    assert.equal((await end)[0], "forced close");
    // An upgrade that is under way may be cut off first.
    assert.match(await reason(watcher, sid), /^transport (close|error)$/);
  });

  it("is closed for a message that is too large", async (t) => {
    const [s, watcher] = await Promise.all([open(t, mode, more, path), open(t, mode, more, path)]);
    const { id } = s;
    const end = once(s, "close");
    s.send("x".repeat(2_100_000));
    assert.equal((await end)[0], mode === "polling" ? "transport error" : "transport close");
    // E3.10: a POST that is too large leaves the session alone.
    if (mode !== "polling") assert.equal(await reason(watcher, id), "transport error");
  });
}

for (const mode of Object.keys(transports)) cases(mode, mode);
// Over TLS the transports are enough.
if (opt.url.startsWith("http:")) {
  // b64=1: binary as base64, over WebSocket too.
  for (const mode of Object.keys(transports)) cases(mode, `${mode} without binary`, { forceBase64: true });
  for (const path of ["/deflate/", "/takeover/"]) {
    cases("websocket", `websocket with permessage-deflate at ${path.replaceAll("/", "")}`, { perMessageDeflate: { threshold: 0 } }, path);
  }
}

for (const mode of Object.keys(transports)) {
  test(`${mode}/sends a query and headers of its own`, async (t) => {
    const run = `engine-${revision}-${mode}`;
    await open(t, mode, { query: { run, x: "ä b&c" }, extraHeaders: { "X-Test": "1" } });
    const kinds = await (await fetch(`${opt.url}/requests?run=${run}`)).json();
    const want = mode === "polling" ? ["GET HTTP/1 polling"] : mode === "websocket" ? ["GET HTTP/1 websocket"] : ["GET HTTP/1 polling", "GET HTTP/1 websocket"];
    assert.deepEqual(kinds.filter((kind) => kind.startsWith("GET")), want);
  });

  test(`${mode}/notices that its connection was lost`, async (t) => {
    const p = await proxy(t, opt.url);
    const watcher = await open(t, mode);
    const s = socket(t, { transports: transports[mode] }, "/echo/", p.url);
    const upgrade = mode === "upgrade" ? once(s, "upgrade") : null;
    await once(s, "open");
    await upgrade;
    assert.equal(await ask(s, "still there"), "still there");
    const { id } = s;
    const end = once(s, "close");
    p.block(true);
    assert.match((await end)[0], /^transport (close|error)$/);
    // Over polling the server sees it only if a request was cut off.
    if (mode !== "polling") assert.match(await reason(watcher, id), /^transport (close|error)$/);
  });
}

if (opt.url.startsWith("http:")) test("upgrade/stays on polling when the upgrade fails", async (t) => {
  const p = await proxy(t, opt.url, { upgrades: false });
  const s = socket(t, { transports: transports.upgrade }, "/echo/", p.url);
  const failed = once(s, "upgradeError");
  await once(s, "open");
  await failed;
  assert.equal(s.transport.name, "polling");
  assert.equal(await ask(s, "still there"), "still there");
});

test("is refused where its revision is not admitted", async (t) => {
  if (revision === 4) return;
  for (const mode of ["polling", "websocket"]) {
    const s = socket(t, { transports: transports[mode] }, "/engine.io/");
    const end = once(s, "close");
    const [err] = await once(s, "error");
    assert.ok(err instanceof Error);
    assert.equal((await end)[0], "transport error");
  }
});

await run({ only: opt.only, width: 8 });
