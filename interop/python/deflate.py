# SPDX-License-Identifier: MIT
"""permessage-deflate (RFC 7692) with the package websockets.

usage: deflate.py --url URL --echo WEBSOCKET_URL [--only TEXT]
"""

import argparse
import hashlib
import json
import os
import time
import traceback

from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import connect

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--echo", required=True)
parser.add_argument("--only")
args = parser.parse_args()

ENGINE = args.url.replace("http", "ws", 1)
ENDS = {
    "ws-echo": args.echo,
    "deflate": f"{ENGINE}/deflate/?EIO=4&transport=websocket",
    "takeover": f"{ENGINE}/takeover/?EIO=4&transport=websocket",
}


def blob(n, seed=1):
    return bytes((i * 31 + seed) & 0xFF for i in range(n))


def noise(n, seed):
    """Text that deflate makes somewhat smaller, and much if it has seen it before."""
    return "".join(f'{{"id":"{hashlib.sha1(f"{seed} {i}".encode()).hexdigest()}"}},' for i in range(n // 50 + 1))[:n]


class Peer:
    """A WebSocket whose other end echoes."""

    def __init__(self, url, **params):
        self.engine = "EIO=4" in url
        self.connect = connect(url, compression=None, max_size=None, ping_interval=None,
                               extensions=[ClientPerMessageDeflateFactory(**params)])
        self.ws = self.connect.__enter__()
        self.deflate = [e for e in self.ws.protocol.extensions if e.name == "permessage-deflate"]
        if self.engine:
            assert self.ws.recv().startswith("0{")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        return self.connect.__exit__(*what)

    def send(self, data):
        self.ws.send("4" + data if self.engine and isinstance(data, str) else data)

    def recv(self):
        while True:
            got = self.ws.recv(timeout=8)
            if not self.engine or isinstance(got, bytes):
                return got
            if got != "2":
                return got[1:]
            self.ws.send("3")

    def same(self, data):
        self.send(data)
        got = self.recv()
        assert got == data, f"{len(data)} of {type(data)} came back changed"


def exchange(peer):
    assert peer.deflate, "permessage-deflate was not agreed on"
    for n in (0, 1, 10, 125, 126, 1000, 65_535, 65_536):
        for data in ("a" * n, blob(n), noise(n, 1)):
            peer.same(data)
    for _ in range(20):
        peer.same("\u00fc\u20ac\U0001f600\0")
        peer.same(json.dumps(["event", {"a": [1, 2, 3]}]))


def takeovers(url):
    for server in (True, False):
        for client in (True, False):
            with Peer(url, server_no_context_takeover=server, client_no_context_takeover=client) as peer:
                exchange(peer)
                ext = peer.deflate[0]
                assert ext.remote_no_context_takeover or not server
                assert ext.local_no_context_takeover or not client


def window(bits):
    def test(url):
        with Peer(url, server_max_window_bits=bits, client_max_window_bits=bits) as peer:
            exchange(peer)
            assert peer.deflate[0].remote_max_window_bits <= bits
            block = noise(1 << bits, bits)
            for text in (block + block, block[1:] + block, block + "x" + block, block[300:], "a" * 70_000):
                peer.same(text)
                peer.same(text[:700].encode())
    return test


def order(url):
    sent = [f"message {i} " * (i % 50) if i % 4 else blob(i * 3, i) for i in range(300)]
    with Peer(url) as peer:
        for data in sent:
            peer.send(data)
        for data in sent:
            assert peer.recv() == data


def invalid(url):
    """What does not inflate ends the connection, and only that one."""
    with Peer(url) as peer, Peer(url) as other:
        payload = b"\xff" * 20  # no deflate block begins so
        peer.ws.socket.sendall(bytes([0xC1, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
        try:
            while True:
                peer.ws.recv(timeout=8)
        except ConnectionClosed:
            pass
        other.same("still there")


TESTS = {"context takeover": takeovers, "many messages in order": order, "what does not inflate": invalid}
for b in range(9, 16):
    TESTS[f"a window of {b} bits"] = window(b)

ran = 0
for end, address in ENDS.items():
    for title, fn in TESTS.items():
        name = f"{end}/{title}"
        if args.only and args.only not in name:
            continue
        ran += 1
        line = {"case": name, "ok": True}
        start = time.monotonic()
        try:
            fn(address)
        except BaseException:  # noqa: B902 - reported, never swallowed
            line["ok"] = False
            line["error"] = traceback.format_exc()
        line["ms"] = int((time.monotonic() - start) * 1000)
        print(json.dumps(line), flush=True)
print(json.dumps({"done": ran}), flush=True)
os._exit(0)
