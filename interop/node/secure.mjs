// SPDX-License-Identifier: MIT

// The clients' options about certificates, over each transport.
// usage: node secure.mjs --url HTTPS_URL --ca FILE [--only TEXT]

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Socket } from "engine.io-client";
import { ask, bytes, load, once, run, test, transports, upgraded } from "./harness.mjs";

const { values: opt } = parseArgs({
  options: { url: { type: "string" }, ca: { type: "string" }, only: { type: "string" } },
});
const ca = readFileSync(opt.ca);
await load("socket.io-client");

for (const mode of Object.keys(transports)) {
  for (const [name, more] of Object.entries({ ca: { ca }, "no verification": { rejectUnauthorized: false } })) {
    const options = { transports: transports[mode], ...more };
    test(`${mode}/engine.io-client with ${name}`, async (t) => {
      const s = new Socket(opt.url, { path: "/echo/", ...options });
      t.defer(() => s.close());
      const upgrade = mode === "upgrade" ? once(s, "upgrade") : null;
      await once(s, "open");
      await upgrade;
      for (const data of ["text ü😀", bytes(70_000)]) {
        const answer = once(s, "message");
        s.send(data);
        assert.deepEqual((await answer)[0], data);
      }
    });

    test(`${mode}/socket.io-client with ${name}`, async (t) => {
      const s = await t.connect(opt.url, options);
      if (mode === "upgrade") await upgraded(s);
      assert.equal(s.io.engine.transport.name, transports[mode].at(-1));
      assert.deepEqual(await ask(s, "ack", { a: ["ü😀", bytes(10)] }), { a: ["ü😀", bytes(10)] });
    });
  }

  test(`${mode}/a certificate that is not trusted`, async (t) => {
    const s = t.socket(opt.url, { transports: transports[mode] });
    const [err] = await once(s, "connect_error");
    assert.ok(err instanceof Error);
    assert.equal(s.connected, false);
  });
}

await run({ only: opt.only, width: 6 });
