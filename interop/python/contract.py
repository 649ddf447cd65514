# SPDX-License-Identifier: MIT
"""The event contract of the playground (`sio serve`), as python-socketio sees it."""

from harness import Refused, case, until


def blob(n, seed=1):
    return bytes((i * 31 + seed) & 0xFF for i in range(n))


@case
def connects(lab):
    """connects with a 20 character id over the asked transport"""
    p = lab.connect()
    assert len(p.id()) == 20, p.id()
    assert p.transport() == ("polling" if lab.mode == "polling" else "websocket"), p.transport()


@case
def echoes(lab):
    """echoes any arguments"""
    p = lab.connect()
    p.on("echo")
    args = [1, -1.5, "two", "", None, True, False, [], {}, [[1], [2]], {"a": {"b": ["c", None]}}, "\u20ac \U0001f600 \" \\ \n"]
    p.emit("echo", *args)
    assert p.get("echo") == args
    p.emit("echo")
    assert p.get("echo") == []


@case
def echoes_in_order(lab):
    """echoes 200 events in order"""
    p = lab.connect()
    p.on("echo")
    for i in range(200):
        p.emit("echo", i)
    assert [p.get("echo") for _ in range(200)] == [[i] for i in range(200)]


@case
def acks(lab):
    """is acknowledged with text and binary"""
    p = lab.connect()
    assert p.call("ack", {"a": [1, "x"]}) == {"a": [1, "x"]}
    assert p.call("ack", blob(300)) == blob(300)
    for i in range(20):
        assert p.call("ack", i) == i


@case
def binary(lab):
    """sends and gets binary"""
    p = lab.connect()
    p.on("bin")
    p.on("echo")
    for size in (0, 1, 126, 65536):
        p.emit("bin", blob(size))
        assert p.get("bin") == [blob(size)]
    p.emit("echo", blob(5), {"b": [blob(7, 2)]})
    assert p.get("echo") == [blob(5), {"b": [blob(7, 2)]}]


@case
def big(lab):
    """carries almost 1 MB both ways"""
    p = lab.connect()
    p.on("echo")
    p.on("bin")
    # Packed messages are binary, and so base64 in a poll.
    text = "0123456789" * (70_000 if lab.packed else 90_000)
    p.emit("echo", text)
    assert p.get("echo") == [text]
    data = blob(700_000)
    p.emit("bin", data)
    assert p.get("bin") == [data]


@case
def whoami(lab):
    """is told who it is"""
    p = lab.connect()
    who = p.call("whoami")
    assert who["id"] == p.id(), who
    assert who["clients"] >= 1 and who["id"] in who["rooms"], who
    if lab.mode != "upgrade":
        assert who["transport"] == lab.mode, who


@case
def rooms(lab):
    """joins and leaves rooms, and only members see their traffic"""
    a, b, c = lab.connect(), lab.connect(), lab.connect()
    for p in (a, b, c):
        p.on("room")
    room = f"py-{a.id()}"
    a.call("join", room)
    b.call("join", room)
    a.emit("room", room, {"n": 1, "data": blob(4)})
    assert b.get("room") == [{"n": 1, "data": blob(4)}]
    assert a.get("room") == [{"n": 1, "data": blob(4)}]
    c.call("ack", 1)
    assert c.seen("room") == 0
    b.call("leave", room)
    a.emit("room", room, 2)
    assert a.get("room") == [2]
    b.call("ack", 1)
    assert b.seen("room") == 0


@case
def broadcasts(lab):
    """broadcasts to everyone in the namespace"""
    all_ = [lab.connect() for _ in range(3)]
    for p in all_:
        p.on("broadcast")
    mark = f"mark-{all_[0].id()}"
    all_[0].emit("broadcast", mark)
    for p in all_:
        until(lambda p=p: p.get("broadcast") == [mark], "the broadcast")


@case
def namespaces(lab):
    """has two namespaces on one connection"""
    p = lab.connect("/", "/playground")
    assert p.id("/") != p.id("/playground")
    p.on("echo")
    p.on("echo", "/playground")
    p.emit("echo", "a")
    p.emit("echo", "b", nsp="/playground")
    assert p.get("echo") == ["a"]
    assert p.get("echo", "/playground") == ["b"]
    assert p.seen("echo") == 0 and p.seen("echo", "/playground") == 0


@case
def refused(lab):
    """is refused with connect_error, message and data"""
    try:
        lab.connect(auth={"token": "reject"})
    except Refused as err:
        assert isinstance(err.data, dict), err.data
        assert err.data["message"] and err.data.get("data") is not None, err.data
    else:
        raise AssertionError("connected with auth {token: reject}")


@case
def unknown_namespace(lab):
    """is refused by an unknown namespace"""
    try:
        lab.connect("/nobody")
    except Refused as err:
        assert err.data == {"message": "Invalid namespace"}, err.data
    else:
        raise AssertionError("connected to a namespace that is not there")


@case
def kicked(lab):
    """is disconnected by the server"""
    p, other = lab.connect(), lab.connect()
    p.kind.sio.reconnection = False
    p.emit("kick")
    assert p.get("disconnect") == ["server disconnect"]
    assert other.call("ack", 1) == 1


@case
def leaves(lab):
    """disconnects itself and comes back"""
    p = lab.connect()
    p.disconnect()
    assert p.get("disconnect") == ["client disconnect"]
    again = lab.connect()
    assert again.call("ack", 1) == 1


@case
def panics(lab):
    """ends only the socket whose handler panics"""
    p, other = lab.connect(), lab.connect()
    p.kind.sio.reconnection = False
    p.emit("panic")
    p.get("disconnect")
    assert other.call("ack", 1) == 1
    assert lab.connect().call("ack", 2) == 2
