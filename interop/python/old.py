# SPDX-License-Identifier: MIT
"""python-socketio 4.6 and python-engineio 3.14, which speak revision 3, against
interop/testserver or the control. Over polling they send binary payloads (E12.4).

usage: old.py --url URL [--only TEXT]
"""

import argparse

import harness
from harness import Sync, until

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--only")
args = parser.parse_args()


def blob(n, seed=1):
    return bytes((i * 31 + seed) & 0xFF for i in range(n))


class Peer(harness.Peer):
    """The client of then: no auth, and one id."""

    def connect(self, *namespaces, auth=None):
        for nsp in namespaces or ("/",):
            for event in ("connect", "disconnect", "connect_error"):
                self.on(event, nsp)
        self.kind.sio.connect(self.url, transports=self.transports, namespaces=list(namespaces))
        for nsp in namespaces or ("/",):
            self.get("connect", nsp)
        return self

    def id(self, nsp="/"):
        return self.kind.sio.sid if nsp == "/" else f"{nsp}#{self.kind.sio.sid}"


class Lab(harness.Lab):
    def peer(self):
        p = Peer(self.kind, self.url, self.transports)
        self.peers.append(p)
        return p


def connects(lab):
    """P4.1, P4.2 joins / without asking, with the engine's id"""
    p = lab.connect()
    assert len(p.id()) == 20, p.id()
    assert p.call("id") == p.id()
    # The client upgrades before its connect returns.
    assert p.transport() == ("polling" if lab.mode == "polling" else "websocket"), p.transport()
    assert p.call("handshake")["query"]["EIO"] == "3"


def namespaces(lab):
    """P4.2 has two namespaces on one connection"""
    p = lab.connect("/", "/custom")
    assert p.call("id", nsp="/custom") == p.id("/custom")
    for nsp in ("/", "/custom"):
        p.on("message-back", nsp)
        p.emit("message", nsp, blob(3), nsp=nsp)
        assert p.get("message-back", nsp) == [nsp, blob(3)]


def refused(lab):
    """P4.4 is refused with a text"""
    p = lab.peer()
    errors = p.on("connect_error", "/closed")
    p.on("connect")
    p.kind.sio.connect(p.url, transports=p.transports, namespaces=["/closed"])
    assert errors.get(timeout=8) == ["closed today"]


def echoes(lab):
    """echoes any arguments"""
    p = lab.connect()
    p.on("message-back")
    sent = [1, -1.5, "two", "", None, True, [], {}, [[1]], {"a": {"b": ["c", None]}}, "\u20ac \" \\ \n \u00fc"]
    p.emit("message", *sent)
    assert p.get("message-back") == sent
    p.emit("message", "x" * 100_000)
    assert p.get("message-back") == ["x" * 100_000]


def binary(lab):
    """sends and gets binary"""
    p = lab.connect()
    p.on("message-back")
    for size in (1, 126, 65536, 700_000):  # the client itself cannot take empty binary
        p.emit("message", blob(size), {"b": [blob(7, 2)]})
        assert p.get("message-back") == [blob(size), {"b": [blob(7, 2)]}]


def acks(lab):
    """is acknowledged, and answers"""
    p = lab.connect()
    assert p.call("ack", {"a": [1, "x"]}) == {"a": [1, "x"]}
    assert p.call("ack", blob(300)) == blob(300)
    p.answer("question", lambda *a: (*a, "and more"))
    assert p.call("ask", "question", 1, {"two": 2}) == {"answer": [1, {"two": 2}, "and more"]}
    p.answer("data", lambda data: (data, blob(3, 9)))
    assert p.call("ask", "data", blob(2000)) == {"answer": [blob(2000), blob(3, 9)]}


def rooms(lab):
    """is in rooms"""
    a, b = lab.connect(), lab.connect()
    for p in (a, b):
        p.on("union")
    room = f"old-{a.id()}"
    b.call("join", room)
    a.call("union", [room], [], {"data": blob(4)})
    assert b.get("union") == [{"data": blob(4)}]
    a.call("ack", 1)
    assert a.seen("union") == 0


def burst(lab):
    """gets 500 numbered events in order"""
    p = lab.connect()
    p.on("n")
    p.emit("burst", 500)
    assert [p.get("n") for _ in range(500)] == [[i] for i in range(500)]


def heartbeats(lab):
    """stays through several heartbeats, which it begins"""
    p = lab.connect()
    pongs = []
    received = p.kind.sio.eio._receive_packet

    def receive(pkt):
        if pkt.packet_type == 3:
            pongs.append(pkt)
        received(pkt)

    p.kind.sio.eio._receive_packet = receive
    until(lambda: len(pongs) >= 2, "two pongs")
    assert p.call("ack", 1) == 1
    assert p.seen("disconnect") == 0


def ends(lab):
    """is disconnected by the server, and leaves"""
    watcher = lab.connect()
    for close in (False, True):
        p = lab.connect()
        p.kind.sio.reconnection = False
        sid = p.id()
        p.emit("leave-me", close)
        p.get("disconnect")
        assert until(lambda: watcher.call("reason", sid), "the reason") == "server namespace disconnect"
    if lab.mode == "polling":
        return  # the client lets go before it has told
    p = lab.connect()
    sid = p.id()
    p.disconnect()
    got = until(lambda: watcher.call("reason", sid), "the reason")
    assert got in ("client namespace disconnect", "transport close"), got


TESTS = (connects, namespaces, refused, echoes, binary, acks, rooms, burst, heartbeats, ends)

for mode in ("polling", "websocket", "upgrade"):
    for test in TESTS:
        def case(lab, test=test, mode=mode):
            lab.mode = mode
            lab.transports = {"upgrade": ["polling", "websocket"]}.get(mode, [mode])
            test(lab)

        case.__doc__ = f"{mode}/{test.__doc__}"
        harness.case(case)

harness.run(lambda: Lab(Sync, args.url, "polling"), args.only)
