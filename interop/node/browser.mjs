// SPDX-License-Identifier: MIT

// The pages of `sio serve`, and the official client's bundle, in a real browser.
// usage: node browser.mjs --url URL --chromium PATH --artifacts DIR [--only TEXT] [--pages false]

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { print, run, test } from "./harness.mjs";

const { values: opt } = parseArgs({
  options: {
    url: { type: "string" },
    chromium: { type: "string" },
    artifacts: { type: "string" },
    only: { type: "string" },
    pages: { type: "string", default: "true" },
  },
});
const url = opt.url;

// One browser for all cases, with a profile of its own that is removed again.
const profile = mkdtempSync(path.join(tmpdir(), "sio-chromium-"));
const browser = await chromium.launch({
  executablePath: opt.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", `--disk-cache-dir=${profile}`],
});
process.on("exit", () => rmSync(profile, { recursive: true, force: true }));

// open shows a page; errors in it fail the case when it ends.
async function open(t, at, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (err) => errors.push(String(err)));
  page.on("console", (m) => m.type() === "error" && errors.push(`${m.text()} ${m.location().url}`));
  t.defer(() => context.close());
  t.look = (name) => shot(page, `failed-${name.replaceAll(/[^a-z]+/gi, "-")}`);
  await page.goto(url + at);
  page.healthy = () => assert.deepEqual(errors, [], "errors in the page");
  return page;
}

async function shot(page, name) {
  const file = path.join(opt.artifacts, `${name}.png`);
  await page.screenshot({ path: file });
  print({ note: `screenshot: ${file}` });
}

const id = (page, name) => page.getByTestId(name);

// says waits until an element's text matches.
async function says(page, name, want) {
  const found = id(page, name).filter({ hasText: want });
  await found.first().waitFor({ state: "visible" }).catch(async () => {
    assert.fail(`${name}: want ${want}, got ${JSON.stringify(await id(page, name).allTextContents())}`);
  });
}

// ---- the playground -------------------------------------------------------------

// join connects the client that is acting over mode.
async function join(page, mode = "upgrade") {
  await page.locator("label", { has: id(page, `mode-${mode}`) }).click();
  await id(page, "connect").click();
  await says(page, "state-A", /^connected$/);
}

function pages() {
  for (const mode of ["polling", "websocket", "upgrade"]) {
    test(`playground/${mode}: connects, emits, asks, sends binary, and shows it all`, async (t) => {
      const page = await open(t, "/");
      await says(page, "server-state", /./);
      await join(page, mode);
      await says(page, "transport-A", mode === "polling" ? "polling" : "websocket");
      assert.match(await id(page, "id-A").textContent(), /^[\w-]{20}$/);

      await id(page, "echo-data").fill('{"say": "h\u00ef", "n": [1, null]}');
      await id(page, "do-echo").click();
      await says(page, "log-entry-A", /^echo .*h\u00ef/);
      await id(page, "do-ack").click();
      await says(page, "log-entry-A", /^ack answered/);
      await id(page, "bin-data").fill("00 01 fe ff");
      await id(page, "do-bin").click();
      await says(page, "log-entry-A", /^bin /);
      await id(page, "do-whoami").click();
      await says(page, "log-entry-A", new RegExp(`whoami answered.*${mode === "polling" ? "polling" : "websocket"}`));
      await id(page, "raw-data").fill('42["echo","by hand"]');
      await id(page, "do-raw").click();
      await says(page, "log-entry-A", /by hand/);

      // The inspector has both directions of it, and explains a packet field by field.
      const rows = page.getByTestId("row");
      for (const dir of ["out", "in"]) {
        const row = rows.and(page.locator(`[data-dir="${dir}"]`)).filter({ hasText: "by hand" }).first();
        await row.click();
        await says(page, "details-raw", /by hand/);
        assert.ok(await id(page, "details-fields").locator("tr").count() >= 3);
      }
      if (mode !== "polling") assert.ok(await page.locator('[data-testid="row"][data-transport="websocket"]').count() > 4);
      page.healthy();
      await shot(page, `playground-${mode}`);
    });
  }

  test("playground/rooms and broadcasts are seen arriving at several clients", async (t) => {
    const page = await open(t, "/");
    await id(page, "connect-all").click();
    for (const c of ["A", "B", "C"]) await says(page, `state-${c}`, /^connected$/);
    for (const c of ["A", "B"]) {
      await id(page, `select-${c}`).click();
      await id(page, "do-join").click();
      await says(page, `rooms-${c}`, "lobby");
    }
    await id(page, "room-data").fill("only for members");
    await id(page, "do-room").click();
    for (const c of ["A", "B"]) await says(page, `log-entry-${c}`, /^room .*only for members/);
    await id(page, "select-C").click();
    await id(page, "broadcast-data").fill("for all of us");
    await id(page, "do-broadcast").click();
    for (const c of ["A", "B", "C"]) await says(page, `log-entry-${c}`, /^broadcast .*for all of us/);
    assert.ok(!(await id(page, "log-C").textContent()).includes("only for members"));
    await id(page, "select-B").click();
    await id(page, "do-leave").click();
    await id(page, "rooms-B").filter({ hasNotText: "lobby" }).waitFor();
    await id(page, "do-room").click();
    await shot(page, "playground-rooms");
    await id(page, "disconnect-all").click();
    for (const c of ["A", "B", "C"]) await says(page, `state-${c}`, /^not connected$/);
    page.healthy();
  });

  test("playground/is refused with message and data, then let in", async (t) => {
    const page = await open(t, "/");
    await id(page, "token").fill("reject");
    await id(page, "connect").click();
    await says(page, "state-A", /^refused$/);
    await says(page, "log-entry-A", /^connect_error: .+\{/);
    await shot(page, "playground-refused");
    await id(page, "token").fill("");
    await id(page, "connect").click();
    await says(page, "state-A", /^connected$/);
    page.healthy();
  });

  test("playground/kick, panic and disconnect end only that client", async (t) => {
    const page = await open(t, "/");
    await id(page, "connect-all").click();
    for (const c of ["A", "B", "C"]) await says(page, `state-${c}`, /^connected$/);
    await id(page, "do-kick").click();
    await says(page, "log-entry-A", /^disconnect: io server disconnect$/);
    await id(page, "select-B").click();
    await id(page, "do-panic").click();
    await says(page, "log-entry-B", /^disconnect: /);
    await says(page, "state-C", /^connected$/);
    await id(page, "toggle-C").click();
    await says(page, "log-entry-C", /^disconnect: io client disconnect$/);
    page.healthy();
  });

  test("playground/every scenario runs to its end", async (t) => {
    const page = await open(t, "/");
    const names = await page.locator("[data-scenario]").evaluateAll((list) => list.map((b) => b.dataset.scenario));
    assert.ok(names.length >= 5, names.join());
    for (const name of names) {
      await id(page, `scenario-${name}`).click();
      await id(page, "steps-status").filter({ hasText: /^Done|were seen/ }).waitFor();
      assert.match(await id(page, "steps-status").textContent(), /^Done/, `scenario ${name}`);
      if (name === names[0]) await shot(page, "playground-scenario");
    }
  }, { timeout: 60_000 });

  test("playground/works by keyboard alone", async (t) => {
    const page = await open(t, "/");
    const focus = async (name) => {
      for (let i = 0; i < 80; i++) {
        if (await page.evaluate(() => document.activeElement?.dataset.testid) === name) return;
        await page.keyboard.press("Tab");
      }
      assert.fail(`${name} is not reached by Tab`);
    };
    await focus("connect");
    await page.keyboard.press("Enter");
    await says(page, "state-A", /^connected$/);
    await focus("echo-data");
    await page.keyboard.press("Enter");
    await says(page, "log-entry-A", /^echo /);
  });

  test("playground/on a phone, in the dark", async (t) => {
    const page = await open(t, "/", { viewport: { width: 390, height: 844 }, colorScheme: "dark", hasTouch: true, isMobile: true });
    await join(page);
    await id(page, "do-echo").tap();
    await says(page, "log-entry-A", /^echo /);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `the page is ${wide} px wider than the phone`);
    await shot(page, "playground-phone-dark");
    page.healthy();
  });

  test("playground/in the dark", async (t) => {
    const page = await open(t, "/", { colorScheme: "dark" });
    await join(page);
    await id(page, "do-echo").click();
    await says(page, "log-entry-A", /^echo /);
    await shot(page, "playground-dark");
  });

  // ---- the chat -------------------------------------------------------------------

  test("chat/two people talk, and a third in another room does not hear it", async (t) => {
    const enter = async (nick, room, options) => {
      const page = await open(t, "/chat", options);
      await id(page, "nick").fill(nick);
      await id(page, "room").fill(room);
      await id(page, "enter").click();
      await says(page, "room-title", room);
      return page;
    };
    const room = "tea";
    const ada = await enter("Ada", room);
    const bob = await enter("Bob", room, { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
    const eve = await enter("Eve", "elsewhere");
    await says(ada, "user", "Bob");
    await id(bob, "text").pressSequentially("hello <b>Ada</b>");
    await says(ada, "typing", "Bob is typing");
    await id(bob, "send").click();
    await says(ada, "message", "hello <b>Ada</b>");
    await id(ada, "text").fill("hello Bob");
    await id(ada, "text").press("Enter");
    await says(bob, "message", "hello Bob");
    assert.equal(await id(eve, "message").count(), 0);
    await shot(ada, "chat");
    await shot(bob, "chat-phone-dark");
    await eve.close();
    await bob.context().close();
    await id(ada, "user").filter({ hasText: "Bob" }).waitFor({ state: "detached" });
    ada.healthy();
  });

  test("chat/a name that is taken is refused", async (t) => {
    const pages = [];
    for (let i = 0; i < 2; i++) {
      const page = await open(t, "/chat");
      await id(page, "nick").fill("Solo");
      await id(page, "enter").click();
      pages.push(page);
      if (i === 0) await says(page, "room-title", /./);
    }
    await says(pages[1], "enter-error", /./);
  });
}

// ---- the official client, as browsers load it ------------------------------------

const bundle = readFileSync(new URL("node_modules/socket.io-client/dist/socket.io.min.js", import.meta.url), "utf8");

// official shows a page of the server's own origin, and loads the bundle into it. The
// page is the server's answer to a bad request, which any Socket.IO server has: one
// made up by the test would not be of the loopback network for Chromium.
async function official(t) {
  const context = await browser.newContext();
  t.defer(() => context.close());
  const page = await context.newPage();
  await page.goto(`${url}/socket.io/?EIO=4&transport=none`);
  await page.addScriptTag({ content: bundle });
  return page;
}

for (const mode of ["polling", "websocket", "upgrade"]) {
  test(`official bundle/${mode}: events, acks, binary, rooms, reasons`, async (t) => {
    const page = await official(t);
    const got = await page.evaluate(async (mode) => {
      const transports = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] }[mode];
      const open = (nsp = "/", more = {}) => window.io(nsp, { transports, forceNew: true, ...more });
      const once = (s, event) => new Promise((resolve, reject) => {
        s.once(event, (...args) => resolve(args));
        setTimeout(() => reject(new Error(`no ${event}`)), 5000);
      });
      const hex = (b) => [...new Uint8Array(b)].map((x) => x.toString(16).padStart(2, "0")).join("");
      const result = {};
      const s = open();
      await once(s, "connect");
      if (mode === "upgrade" && s.io.engine.transport.name === "polling") await once(s.io.engine, "upgrade");
      result.transport = s.io.engine.transport.name;
      s.emit("echo", "\u20ac", { a: [1] });
      result.echo = await once(s, "echo");
      result.ack = await s.emitWithAck("ack", { b: 2 });
      const waiting = once(s, "bin");
      s.emit("bin", new Uint8Array([0, 1, 254, 255]));
      result.bin = hex((await waiting)[0]);
      s.emit("bin", new Blob([new Uint8Array([9, 8, 7])]));
      result.blob = hex((await once(s, "bin"))[0]);
      result.ackBin = hex(await s.emitWithAck("ack", new Uint8Array([5]).buffer));
      const other = open("/playground");
      await once(other, "connect");
      await other.emitWithAck("join", "tab");
      const heard = once(other, "room");
      open("/playground").emit("room", "tab", "hi tab");
      result.room = await heard;
      const refused = open("/", { auth: { token: "reject" } });
      const [err] = await once(refused, "connect_error");
      result.refused = [err.message.length > 0, err.data !== undefined];
      const [err2] = await once(open("/nobody"), "connect_error");
      result.unknown = err2.message;
      const end = once(s, "disconnect");
      s.emit("kick");
      result.kick = (await end)[0];
      const end2 = once(other, "disconnect");
      other.disconnect();
      result.own = (await end2)[0];
      return result;
    }, mode);
    assert.deepEqual(got, {
      transport: mode === "polling" ? "polling" : "websocket",
      echo: ["\u20ac", { a: [1] }],
      ack: { b: 2 },
      bin: "0001feff",
      blob: "090807",
      ackBin: "05",
      room: ["hi tab"],
      refused: [true, true],
      unknown: "Invalid namespace",
      kick: "io server disconnect",
      own: "io client disconnect",
    });
  });
}

if (opt.pages === "true") pages();
await run({ only: opt.only, end: () => browser.close() });
