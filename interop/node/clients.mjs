// SPDX-License-Identifier: MIT

// One version of the Socket.IO client, over each transport.
// usage: node clients.mjs --client NAME --lab URL [--contract URL] [--only TEXT]
// NAME is that of package.json. Version 2 speaks a protocol of its own: old.mjs.

import { parseArgs } from "node:util";
import { contract } from "./contract.mjs";
import { load, run, transports } from "./harness.mjs";
import { lab } from "./lab.mjs";
import { old } from "./old.mjs";

const { values: opt } = parseArgs({
  options: {
    client: { type: "string" },
    contract: { type: "string" },
    lab: { type: "string" },
    only: { type: "string" },
  },
});

await load(opt.client);
for (const mode of Object.keys(transports)) {
  if (opt.client === "socket.io-client-2") {
    old(opt.lab, mode);
  } else {
    if (opt.contract) contract(opt.contract, mode);
    lab(opt.lab, mode);
  }
}
await run({ only: opt.only, width: 6 });
