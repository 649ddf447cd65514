// SPDX-License-Identifier: MIT

// usage: node clients.mjs --url URL --suite contract|lab --mode polling|websocket|upgrade [--only TEXT]

import { parseArgs } from "node:util";
import { contract } from "./contract.mjs";
import { run } from "./harness.mjs";
import { lab } from "./lab.mjs";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    suite: { type: "string" },
    mode: { type: "string" },
    only: { type: "string" },
  },
});

({ contract, lab })[values.suite](values.url, values.mode);
await run({ only: values.only });
