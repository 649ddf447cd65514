// SPDX-License-Identifier: MIT
//
// The playground page: clients, the panel that makes the chosen client act, scenarios.

import { Client } from "./client.js";
import { $, h } from "./dom.js";
import { Inspector } from "./inspector.js";
import { SCENARIOS } from "./scenarios.js";

const NAMES = ["A", "B", "C", "D", "E", "F"];
const inspector = new Inspector();
let path = "/socket.io/";
let clients = [];
let acting = null;

// ---- the server ------------------------------------------------------------------

async function reach() {
  $("server-state").textContent = "looking for the server";
  try {
    const res = await fetch("/playground/config.json", { cache: "no-store", signal: AbortSignal.timeout(3000) });
    if (!res.ok) throw new Error(`status ${res.status}`);
    const config = await res.json();
    path = config.path;
    for (const client of clients) client.path = path;
    $("server-state").dataset.state = "on";
    const { cluster } = config;
    $("server-state").textContent = `${location.host}${path}${cluster ? `, one of ${cluster.servers.length} servers` : ""}`;
    $("server-state").title = `sio ${config.version}${cluster ? `\nservers: ${cluster.servers.join(", ")}` : ""}`;
    $("offline").hidden = true;
    return true;
  } catch {
    $("server-state").dataset.state = "off";
    $("server-state").textContent = "server not reachable";
    $("offline").hidden = false;
    return false;
  }
}

// ---- clients ---------------------------------------------------------------------

function addClient() {
  const name = NAMES.find((n) => !clients.some((c) => c.name === n));
  if (!name) return null;
  const client = new Client(name);
  client.path = path;
  client.on("trace", (record) => inspector.add(client, record));
  client.on("select", () => choose(client));
  client.on("remove", () => removeClient(client));
  client.on("change", () => client === acting && panel());
  client.on("unreachable", reach);
  clients.push(client);
  clients.sort((a, b) => a.name.localeCompare(b.name));
  $("cards").insertBefore(client.card, clients[clients.indexOf(client) + 1]?.card ?? null);
  changed();
  return client;
}

function removeClient(client) {
  if (clients.length === 1) return;
  client.disconnect();
  client.card.remove();
  clients = clients.filter((c) => c !== client);
  if (acting === client) choose(clients[0]);
  changed();
  acting.$select.focus();
}

function changed() {
  inspector.clients(clients);
  $("add-client").disabled = clients.length === NAMES.length;
  for (const c of clients) c.$remove.disabled = clients.length === 1;
}

function choose(client) {
  acting = client;
  for (const c of clients) c.select(c === client);
  panel();
}

// ---- the panel -------------------------------------------------------------------

function panel() {
  const on = acting.state === "on";
  const live = on || acting.state === "connecting";
  $("acting").querySelector(".badge").textContent = acting.name;
  $("acting-name").textContent = `Client ${acting.name}`;
  for (const radio of document.querySelectorAll("[name=mode]")) radio.checked = radio.value === acting.mode;
  $("nsp").value = acting.nsp;
  $("token").value = acting.token;
  // The example is an event in the client's namespace, unless it has been changed.
  const example = (nsp) => `42${nsp === "/" ? "" : nsp + ","}["echo","by hand"]`;
  if (["/", "/playground"].map(example).includes($("raw-data").value)) $("raw-data").value = example(acting.nsp);
  $("settings").disabled = live;
  $("connect").textContent = live ? "Disconnect" : "Connect";
  $("connect").classList.toggle("primary", !live);
  $("actions").disabled = !on;
  $("actions-hint").textContent = on ? "" : `Connect client ${acting.name} to use these.`;
}

for (const radio of document.querySelectorAll("[name=mode]")) radio.addEventListener("change", () => (acting.mode = radio.value));
$("nsp").addEventListener("change", () => (acting.nsp = $("nsp").value));
$("token").addEventListener("input", () => (acting.token = $("token").value));
$("connection").addEventListener("submit", (e) => {
  e.preventDefault();
  if (acting.state === "on" || acting.state === "connecting") acting.disconnect();
  else acting.connect();
});

/** What is typed is JSON if it can be read as such, and text otherwise. */
function value(id) {
  const text = $(id).value;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function bytes(text) {
  const digits = text.replace(/[^0-9a-f]/gi, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const room = () => $("room-name").value || "lobby";
const ACTIONS = {
  echo: () => acting.send("echo", value("echo-data")),
  ack: () => acting.ask("ack", value("ack-data")),
  broadcast: () => acting.send("broadcast", value("broadcast-data")),
  join: () => acting.ask("join", room()),
  leave: () => acting.ask("leave", room()),
  room: () => acting.send("room", room(), value("room-data")),
  bin: () => acting.send("bin", bytes($("bin-data").value)),
  raw: () => acting.sendRaw($("raw-data").value),
  whoami: () => acting.ask("whoami"),
  kick: () => acting.send("kick"),
  panic: () => acting.send("panic"),
};
for (const form of document.querySelectorAll("#actions form"))
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    ACTIONS[e.submitter?.dataset.action ?? form.dataset.action]();
  });

// ---- scenarios -------------------------------------------------------------------

let running = 0;

async function play(id) {
  const { steps: make, run } = SCENARIOS[id];
  const me = ++running;
  const steps = make(acting.mode).map(([match, text, optional], i) => ({
    match,
    optional,
    item: h("li", { "data-testid": "step" }, h("button", { type: "button", disabled: true, onclick: () => inspector.select(steps[i].seen) }, h("span", { class: "num" }, String(i + 1)), text)),
    seen: 0,
  }));
  $("steps").replaceChildren(...steps.map((s) => s.item));
  $("steps-box").hidden = false;
  for (const b of document.querySelectorAll("#scenarios button")) b.setAttribute("aria-pressed", String(b.dataset.scenario === id));
  inspector.pause(false);
  inspector.watch(null);
  // Mostly, but not always, packets come in the order of the steps.
  inspector.watch((r) => {
    const at = steps.findIndex((s) => !s.seen && s.match(r));
    if (at < 0) return;
    r.mark = at + 1;
    steps[at].seen = r.n;
    steps[at].item.classList.add("seen");
    steps[at].item.firstChild.disabled = false;
  });
  const others = async (n) => {
    while (clients.length < n + 1) addClient();
    const more = clients.filter((c) => c !== acting).slice(0, n);
    for (const c of more) {
      if (c.state === "on" && c.nsp !== acting.nsp) await c.end();
      c.nsp = acting.nsp;
      await c.ready();
    }
    return more;
  };
  $("steps-status").textContent = "running";
  await run(acting, others);
  const missing = () => steps.filter((s) => !s.seen && !s.optional).length;
  for (let i = 0; i < 20 && me === running && missing(); i++) await new Promise((resolve) => setTimeout(resolve, 100));
  if (me !== running) return;
  $("steps-status").textContent = missing() ? `${steps.length - missing()} of ${steps.length} steps were seen.` : "Done. Choose a step to look at its packet.";
  panel();
}

$("scenarios").append(
  ...Object.entries(SCENARIOS).map(([id, { label }]) =>
    h("li", {}, h("button", { type: "button", class: "scenario", "aria-pressed": "false", "data-scenario": id, "data-testid": `scenario-${id}`, onclick: () => play(id) }, label)),
  ),
);

// ---- start -----------------------------------------------------------------------

$("add-client").addEventListener("click", () => choose(addClient() ?? acting));
$("connect-all").addEventListener("click", () => clients.forEach((c) => c.connect()));
$("disconnect-all").addEventListener("click", () => clients.forEach((c) => c.disconnect()));
$("retry").addEventListener("click", reach);
for (let i = 0; i < 3; i++) addClient();
choose(clients[0]);
reach();
