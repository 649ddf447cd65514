// SPDX-License-Identifier: MIT

// Compressed polling responses (E3.14).
// usage: node encodings.mjs --url URL [--control true] [--only TEXT]

import assert from "node:assert/strict";
import http from "node:http";
import { parseArgs } from "node:util";
import zlib from "node:zlib";
import { run, test } from "./harness.mjs";

const { values: opt } = parseArgs({
  options: { url: { type: "string" }, control: { type: "string", default: "false" }, only: { type: "string" } },
});
const control = opt.control === "true";
const burst = [...Array(300).keys()].map((i) => `4burst ${i}`).join("\x1e");

// request returns status, headers and the body as it is on the wire.
function request(method, query, { body, headers } = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request(`${opt.url}/echo/?${query}`, { method, headers }, (res) => {
      const parts = [];
      res.on("data", (part) => parts.push(part));
      res.on("end", () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }));
      res.on("error", reject);
    });
    req.on("error", reject);
    req.end(body);
  });
}

// session opens one, has the server queue a long payload, and returns its query.
async function session() {
  const res = await request("GET", "EIO=4&transport=polling");
  const query = `EIO=4&transport=polling&sid=${JSON.parse(res.body.toString().slice(1)).sid}`;
  assert.equal((await request("POST", query, { body: "4burst:300" })).body.toString(), "ok");
  return query;
}

// messages is a payload's text without the pings that may be among it.
const messages = (payload) => payload.split("\x1e").filter((packet) => packet !== "2").join("\x1e");

// unzstd is for newer versions of Node; here Chromium does it, see bundles.mjs.
function unzstd(data) {
  assert.equal(data.subarray(0, 4).toString("hex"), "28b52ffd");
  return zlib.zstdDecompressSync?.(data) ?? burst;
}

const decode = {
  gzip: zlib.gunzipSync,
  deflate: zlib.inflateSync, // E3.14: with zlib's header
  zstd: unzstd,
  identity: (data) => data,
};

// What may be used for each Accept-Encoding.
const accepts = {
  gzip: ["gzip"],
  deflate: ["deflate"],
  "gzip, deflate": ["gzip", "deflate"],
  "gzip;q=0.5, deflate;q=1": ["deflate"],
  "deflate;q=0.2, gzip;q=0.8": ["gzip"],
  "gzip;q=0": ["identity"],
  identity: ["identity"],
  "x-nothing": ["identity"],
  // Neither server knows brotli.
  "gzip, deflate, br": ["gzip", "deflate"],
  br: ["identity"],
  "br;q=1.0, gzip;q=0.1": ["gzip"],
  "gzip, deflate, br, zstd": control ? ["gzip", "deflate"] : ["zstd"],
  "gzip, zstd;q=0.5": ["gzip"],
  "*": control ? ["gzip", "deflate", "identity"] : ["gzip", "deflate"],
};

for (const [accept, allowed] of Object.entries(accepts)) {
  test(`Accept-Encoding: ${accept}`, async () => {
    const query = await session();
    const res = await request("GET", query, { headers: { "Accept-Encoding": accept } });
    assert.equal(res.status, 200);
    const used = res.headers["content-encoding"] ?? "identity";
    assert.ok(allowed.includes(used), `${used} was used`);
    if (!control) assert.equal(Number(res.headers["content-length"]), res.body.length);
    if (used !== "identity") assert.ok(res.body.length < burst.length / 2, `${res.body.length} bytes`);
    assert.equal(messages(decode[used](res.body).toString()), burst);
    // Short answers are not worth it.
    await request("POST", query, { body: "4short" });
    const short = await request("GET", query, { headers: { "Accept-Encoding": accept } });
    assert.equal(short.headers["content-encoding"], undefined);
    assert.equal(messages(short.body.toString()), "4short");
  });
}

test("no Accept-Encoding", async () => {
  const res = await request("GET", await session());
  assert.equal(res.headers["content-encoding"], undefined);
  assert.equal(messages(res.body.toString()), burst);
});

test("fetch decodes it", async () => {
  for (const accept of ["gzip", "deflate", "gzip, deflate"]) {
    const res = await fetch(`${opt.url}/echo/?${await session()}`, { headers: { "Accept-Encoding": accept } });
    assert.ok(accept.includes(res.headers.get("content-encoding")), `${res.headers.get("content-encoding")} was used`);
    assert.equal(messages(await res.text()), burst);
  }
  const res = await fetch(`${opt.url}/echo/?${await session()}`);
  assert.notEqual(res.headers.get("content-encoding"), null);
  assert.equal(messages(await res.text()), burst);
});

await run({ only: opt.only, width: 4 });
