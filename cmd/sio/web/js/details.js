// SPDX-License-Identifier: MIT
//
// The details of one entry of the wire inspector: what it means, its raw form in
// pieces, its fields, its HTTP headers.

import { $, h } from "./dom.js";
import { hexdump } from "./explain.js";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3

export class Details {
  #pane = $("details");
  #current = null;

  constructor(close) {
    $("details-close").addEventListener("click", close);
    this.#pane.addEventListener("keydown", (e) => e.key === "Escape" && close());
  }

  hide() {
    this.#current = null;
    this.#pane.dataset.open = "false";
    $("details-title").textContent = "Details";
    $("details-body").replaceChildren(h("p", { class: "empty" }, "Choose an entry of the list to see what it means, field by field."));
  }

  show(r) {
    this.#current = r;
    this.#pane.dataset.open = "true";
    $("details-title").textContent = r.title;
    $("details-body").replaceChildren(
      h("p", { class: "meaning", "data-testid": "details-text" }, r.text),
      facts(r),
      ...(r.kind === "packet" ? packet(r) : r.kind === "http" ? exchange(r) : []),
    );
    $("details-body").scrollTop = 0;
    if (opensConnection(r)) this.#handshake(r);
  }

  // A page sees neither all headers of its requests nor any of a WebSocket's handshake.
  // The server keeps those of the requests that carry our trace parameter.
  async #handshake(r) {
    const transport = r.kind === "ws" ? "websocket" : "polling";
    let seen = null;
    try {
      const res = await fetch(`/playground/handshakes.json?trace=${r.traceId}`);
      seen = (await res.json()).findLast((x) => x.url.includes(`transport=${transport}`));
    } catch {
      // then there is nothing to show
    }
    if (this.#current !== r || !seen) return;
    const find = (headers, name) => headers.find(([k]) => k.toLowerCase() === name)?.[1];
    const key = find(seen.requestHeaders, "sec-websocket-key");
    const accept = find(seen.responseHeaders, "sec-websocket-accept");
    const body = $("details-body");
    body.append(
      h("h4", {}, "The exchange as the server saw it"),
      h("pre", { class: "headers", "data-testid": "handshake-request" }, h("b", {}, `${seen.method} ${seen.url} ${seen.proto}`), "\n", ...headers(seen.requestHeaders)),
      h("pre", { class: "headers", "data-testid": "handshake-response" }, h("b", {}, `${seen.proto} ${seen.status} ${seen.statusText}`), "\n", ...headers(seen.responseHeaders)),
    );
    if (!key || !accept) return;
    const proof = await sha1(key + GUID);
    if (this.#current !== r) return;
    body.append(
      h("p", { class: "note" }, "Upgrade and Connection ask to change the protocol; status 101 agrees. Sec-WebSocket-Accept proves that a WebSocket server has answered, and not one that echoes what it does not understand: it is the SHA-1 of the key and a fixed text of RFC 6455, in base64. ",
        proof && h("span", { "data-testid": "accept-proof" }, proof === accept ? "Your browser has just computed it again, and it matches: " : "It does not match! ", h("code", {}, proof))),
    );
  }
}

const opensConnection = (r) => (r.kind === "ws" && r.event !== "close") || (r.kind === "http" && !/[?&]sid=/.test(r.url));

function facts(r) {
  const list = [
    ["client", `client ${r.client}`],
    ["direction", r.dir === "out" ? "client \u2192 server" : "server \u2192 client"],
    ["transport", r.transport === "websocket" ? "WebSocket" : "HTTP long polling"],
    ["time", `${r.t.toFixed(1)} ms after connect`],
    ["size", r.size === null ? null : `${r.size} bytes`],
    ["carried by", r.http && `HTTP ${r.dir === "out" ? "request" : "response"} ${r.http.id}${r.http.n > 1 ? `, packet ${r.http.i + 1} of ${r.http.n}` : ""}`],
  ];
  return h("dl", { class: "facts" }, ...list.filter(([, v]) => v).flatMap(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]));
}

function packet(r) {
  if (r.hex) return [h("h4", {}, "Bytes"), h("pre", { class: "hex", "data-testid": "details-hex", tabindex: "0" }, hexdump(r.hex))];
  return [
    h("h4", {}, "Raw"),
    h("pre", { class: "raw", "data-testid": "details-raw", tabindex: "0" }, ...r.parts.map(([kind, text, name]) => h("span", { class: `part ${kind}`, title: name }, text))),
    h("h4", {}, "Field by field"),
    h("table", { class: "fields", "data-testid": "details-fields" },
      h("tbody", {}, ...r.parts.map(([kind, text, name, meaning]) =>
        h("tr", {},
          h("th", { scope: "row" }, name),
          kind === "json"
            ? h("td", {}, h("pre", { tabindex: "0" }, meaning))
            : h("td", {}, h("code", { class: `part ${kind}` }, text), h("span", { class: "means" }, meaning)))))),
  ];
}

function exchange(r) {
  const first = r.dir === "out" ? `${r.method} ${r.url}` : r.status ? `${r.status} ${r.statusText}` : null;
  return [
    first && h("h4", {}, r.dir === "out" ? "Request" : "Response", " as the page sees it"),
    first && h("pre", { class: "headers", tabindex: "0" }, h("b", {}, first), "\n", ...headers(r.headers ?? [])),
    r.body && h("h4", {}, "Body"),
    r.body && h("pre", { class: "raw", tabindex: "0" }, r.body.replaceAll("\x1e", "\u241e")),
    r.body?.includes("\x1e") && h("p", { class: "note" }, "\u241e stands for the character 0x1E between two packets."),
  ].filter(Boolean);
}

const headers = (pairs) => pairs.flatMap(([name, value]) => [h("span", { class: "name" }, name + ": "), value, "\n"]);

async function sha1(text) {
  if (!globalThis.crypto?.subtle) return null; // only on https and localhost
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(hash)));
}
