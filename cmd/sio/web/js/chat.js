// SPDX-License-Identifier: MIT
//
// The chat page. Events to the server: nick(name, ack), join(room, ack), message(text),
// typing(bool). Events from it: message, notice, typing, users.

import { $, h } from "./dom.js";
import { Socket } from "./socket.js";

const rooms = new Set(["lobby", "tea", "go"]);
const typists = new Map(); // name -> timer that forgets it
let socket = null;
let me = "";
let here = "";
let iType = 0; // timer while we are typing

// ---- connection ------------------------------------------------------------------

async function connect() {
  state("", "connecting");
  const config = await fetch("/playground/config.json", { cache: "no-store" }).then((res) => res.json());
  return new Promise((resolve, reject) => {
    socket = new Socket({ nsp: "/chat", path: config.path, mode: "upgrade" });
    socket.on("connect", resolve);
    socket.on("connect_error", reject);
    socket.on("disconnect", (reason) => lost("The connection is lost.", `(${reason})`));
    socket.on("message", message);
    socket.on("notice", ({ text }) => line(h("div", { class: "notice" }, text)));
    socket.on("typing", ({ nick, on }) => typing(nick, on));
    socket.on("users", ({ room, users: names }) => room === here && users(names));
    socket.connect();
  });
}

function state(kind, text) {
  $("server-state").dataset.state = kind;
  $("server-state").textContent = text;
}

function lost(title, text) {
  state("off", "not connected");
  $("offline-title").textContent = title;
  $("offline-text").textContent = text;
  $("offline").hidden = false;
  $("text").disabled = true;
}

/** Connects if needed, takes the name, enters the room. Returns an error to be shown. */
async function enter(name, room) {
  try {
    if (!socket?.connected) await connect();
  } catch {
    lost("The server does not answer.", "Start it with: go run ./cmd/sio serve");
    return "The server does not answer.";
  }
  $("offline").hidden = true;
  const taken = await socket.ask("nick", name);
  if (taken.error) return taken.error.message;
  me = taken.nick;
  return go(room);
}

async function go(room) {
  const joined = await socket.ask("join", room);
  if (joined.error) return joined.error.message;
  here = joined.room;
  rooms.add(here);
  state("on", `${me} in ${here}`);
  $("welcome").hidden = true;
  $("chat").hidden = false;
  $("text").disabled = false;
  $("room-title").textContent = here;
  $("messages").replaceChildren();
  for (const nick of [...typists.keys()]) typing(nick, false);
  $("room-list").replaceChildren(...[...rooms].map((name) =>
    h("li", {}, h("button", { type: "button", "aria-current": name === here ? "true" : null, "data-testid": `room-${name}`, onclick: () => go(name) }, h("span", { "aria-hidden": "true" }, "# "), name))));
  users(joined.users);
  $("text").focus();
  return "";
}

// ---- what arrives ----------------------------------------------------------------

function line(item) {
  const box = $("messages");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  box.append(item);
  while (box.children.length > 500) box.firstChild.remove();
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function message({ from, text, at }) {
  typing(from, false);
  const time = new Date(at);
  const item = h("div", { class: from === me ? "mine" : "theirs", "data-testid": "message" },
    h("b", {}, from), h("time", { datetime: at }, time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })), h("p", {}, text));
  item.style.setProperty("--hue", hue(from));
  line(item);
}

function typing(nick, on) {
  clearTimeout(typists.get(nick));
  typists.delete(nick);
  if (on && nick !== me) typists.set(nick, setTimeout(() => typing(nick, false), 5000));
  const names = [...typists.keys()];
  $("typing").textContent = names.length ? `${names.join(", ")} ${names.length === 1 ? "is" : "are"} typing \u2026` : "";
}

function users(names) {
  for (const nick of [...typists.keys()]) if (!names.includes(nick)) typing(nick, false);
  $("user-count").textContent = String(names.length);
  $("users").replaceChildren(...names.map((name) => {
    const item = h("li", { "data-testid": "user" }, h("span", { class: "badge", "aria-hidden": "true" }, [...name][0].toUpperCase()), h("span", {}, name), name === me && h("small", {}, "you"));
    item.style.setProperty("--hue", hue(name));
    return item;
  }));
}

const hue = (name) => [...name].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 360, 7);

// ---- what we do ------------------------------------------------------------------

async function attempt(promise) {
  let error;
  try {
    error = await promise;
  } catch (err) {
    error = err.message;
  }
  $("enter-error").textContent = error;
  $("nick").toggleAttribute("aria-invalid", Boolean(error));
}

$("enter").addEventListener("submit", (e) => {
  e.preventDefault();
  attempt(enter($("nick").value.trim(), $("room").value.trim()));
});
$("retry").addEventListener("click", () => attempt(enter(me || $("nick").value.trim() || "guest", here || $("room").value.trim())));
$("other-room").addEventListener("submit", (e) => {
  e.preventDefault();
  const room = $("other").value.trim();
  if (room) go(room);
  $("other").value = "";
});
$("say").addEventListener("submit", (e) => {
  e.preventDefault();
  const text = $("text").value.trim();
  if (text) socket.emit("message", text);
  $("text").value = "";
  stopped();
});
$("text").addEventListener("input", () => {
  if (!iType) socket.emit("typing", true);
  clearTimeout(iType);
  iType = setTimeout(stopped, 3000);
});

function stopped() {
  if (!iType) return;
  clearTimeout(iType);
  iType = 0;
  socket.emit("typing", false);
}

$("source").addEventListener("toggle", async () => {
  try {
    $("source-code").textContent = await fetch("/chat/source").then((res) => res.text());
  } catch {
    $("source-code").textContent = "The server does not answer.";
  }
});
$("nick").focus();
