// SPDX-License-Identifier: MIT

import net from "node:net";

// proxy starts a TCP proxy in front of url. cut() breaks every connection, and
// while blocked new ones are refused: that is what a lost network looks like.
// It passes on TLS too, but then cannot see upgrades. With upgrades: false it ends a connection that asks for WebSocket, as some real proxies do.
export async function proxy(t, url, { upgrades = true } = {}) {
  const target = new URL(url);
  const pairs = new Set();
  let blocked = false;
  const server = net.createServer((down) => {
    if (blocked) {
      down.destroy();
      return;
    }
    const up = net.connect(Number(target.port), target.hostname);
    const pair = [down, up];
    pairs.add(pair);
    for (const [from, to] of [[down, up], [up, down]]) {
      from.on("error", () => {});
      from.on("close", () => {
        to.destroy();
        pairs.delete(pair);
      });
      from.pipe(to);
    }
    if (!upgrades) {
      down.on("data", (data) => {
        if (/\r\nupgrade: websocket\r\n/i.test(data.toString("latin1"))) down.destroy();
      });
    }
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  const cut = () => {
    for (const pair of pairs) for (const s of pair) s.destroy();
  };
  t.defer(() => {
    cut();
    server.close();
  });
  return {
    url: `${target.protocol}//127.0.0.1:${server.address().port}`,
    cut,
    block(on) {
      blocked = on;
      if (on) cut();
    },
  };
}
