# SPDX-License-Identifier: MIT
"""What the playground cannot show; the other end is interop/testserver or the control."""

import time

from harness import Refused, case, until


def blob(n, seed=1):
    return bytes((i * 31 + seed) & 0xFF for i in range(n))


def reason(watcher, sid):
    """The reason with which the server saw sid end."""
    return until(lambda: watcher.call("reason", sid), f"the server's reason for {sid}")


@case
def answers(lab):
    """answers the server's acknowledgement"""
    p = lab.connect()
    p.answer("question", lambda *args: (*args, "and more"))
    assert p.call("ask", "question", 1, {"two": 2}) == {"answer": [1, {"two": 2}, "and more"]}
    p.answer("nothing", lambda: None)
    assert p.call("ask", "nothing") == {"answer": []}


@case
def answers_binary(lab):
    """answers the server's acknowledgement with binary"""
    p = lab.connect()
    p.answer("question", lambda data: (data, blob(3, 9)))
    assert p.call("ask", "question", blob(2000)) == {"answer": [blob(2000), blob(3, 9)]}


@case
def deadline(lab):
    """lets the server's deadline pass"""
    p = lab.connect()
    if lab.kind.name == "async":
        import asyncio

        async def late():
            await asyncio.sleep(1.5)
    else:
        def late():
            time.sleep(1.5)
    p.answer("question", late)
    assert isinstance(p.call("ask-briefly", "question")["error"], str)
    assert p.call("ack", 1) == 1


@case
def auth(lab):
    """sends auth and gets what the server emits in its connection handler"""
    p = lab.peer()
    p.on("auth")
    p.connect(auth={"token": "abc", "n": 1})
    assert p.get("auth") == [{"token": "abc", "n": 1}]


@case
def refused(lab):
    """is refused by a middleware with its message and data"""
    try:
        lab.connect("/refused")
    except Refused as err:
        assert err.data == {"message": "not today", "data": {"code": 7, "why": ["a", "b"]}}, err.data
    else:
        raise AssertionError("connected to /refused")


@case
def others(lab):
    """reaches all but the sender"""
    a, b = lab.connect(), lab.connect()
    a.on("others")
    b.on("others")
    mark = f"others-{a.id()}"
    a.emit("others", mark)
    # Other tests do the same meanwhile.
    until(lambda: b.get("others") == [mark], "the broadcast")
    a.call("ack", 1)
    assert all(a.get("others") != [mark] for _ in range(a.seen("others")))


@case
def client_leaves(lab):
    """is seen to leave by its own will"""
    p, watcher = lab.connect(), lab.connect()
    sid = p.id()
    p.disconnect()
    # It writes 41 and closes at once: whichever of the two the server sees first.
    want = ["client namespace disconnect", "transport close"]
    if lab.packed:
        # It adds "data": nil to the packet, which the official parser refuses (X1.4).
        want.append("forced close")
    got = reason(watcher, sid)
    assert got in want, got


@case
def server_ends(lab):
    """is disconnected by the server: server namespace disconnect"""
    p, watcher = lab.connect(), lab.connect()
    p.kind.sio.reconnection = False
    sid = p.id()
    p.emit("leave-me", True)
    assert p.get("disconnect") == ["server disconnect"]
    assert reason(watcher, sid) == "server namespace disconnect"


@case
def last_words(lab):
    """gets what was emitted just before a kick"""
    p = lab.connect()
    p.kind.sio.reconnection = False
    p.on("last words")
    p.emit("last-words", 20)
    assert [p.get("last words") for _ in range(20)] == [[i] for i in range(20)]
    p.get("disconnect")


@case
def burst(lab):
    """gets 1000 numbered events in order"""
    p = lab.connect()
    p.on("n")
    p.emit("burst", 1000)
    assert [p.get("n") for _ in range(1000)] == [[i] for i in range(1000)]


@case
def heartbeats(lab):
    """stays through several heartbeats"""
    p = lab.connect()
    time.sleep(2.5)
    assert p.call("ack", 1) == 1
    assert p.seen("disconnect") == 0


@case
def reconnects(lab):
    """reconnects after its connection was lost"""
    if lab.mode == "polling":
        return  # there is no connection that could be cut from outside
    p, watcher = lab.connect(), lab.connect()
    sid = p.id()
    p.get("connect")
    p.kind.kill()
    p.get("connect")
    assert p.id() != sid
    assert p.call("ack", 1) == 1
    assert reason(watcher, sid) == "transport close"
