# SPDX-License-Identifier: MIT
"""The same line protocol as node/harness.mjs: one JSON object per case, then {"done": n}."""

import asyncio
import json
import os
import queue
import sys
import threading
import time
import traceback

import engineio.payload
import socketio

# The client refuses a poll that carries more than 16 packets (a limit of its
# own, which its documentation says to raise); a burst has more.
engineio.payload.Payload.max_decode_packets = 2000

CASES = []


def case(fn):
    """Registers a case: a function of one Lab, named by its docstring."""
    CASES.append((fn.__doc__.strip(), fn))
    return fn


def run(lab_of, only):
    """Runs all cases and ends the process, whatever threads a failed one left behind."""
    ran = 0
    for name, fn in CASES:
        if only and only not in name:
            continue
        ran += 1
        lab = lab_of()
        line = {"case": name, "ok": True}
        start = time.monotonic()
        try:
            fn(lab)
        except BaseException:  # noqa: B902 - reported, never swallowed
            line["ok"] = False
            line["error"] = traceback.format_exc()
        lab.close()
        line["ms"] = int((time.monotonic() - start) * 1000)
        print(json.dumps(line), flush=True)
    print(json.dumps({"done": ran}), flush=True)
    sys.stdout.flush()
    os._exit(0)


class Refused(Exception):
    """What connect_error carried."""

    def __init__(self, data):
        super().__init__(repr(data))
        self.data = data


class Sync:
    """socketio.Client, but for the order of what it receives.

    It handles each message in a new thread, so that events overtake each other, and
    attachments are lost to other events, whatever the server does. Here one thread
    takes them all.
    """

    name = "sync"

    def __init__(self, **options):
        self.sio = socketio.Client(reconnection=True, reconnection_delay=0.05, reconnection_delay_max=0.1, **options)
        trigger = self.sio.eio._trigger_event
        messages = queue.SimpleQueue()

        def in_order(event, *args, **kwargs):
            if event == "message":
                messages.put(lambda: trigger(event, *args, run_async=False))
                return None
            if event == "disconnect" and threading.current_thread() is not thread:
                # What was received before is told before.
                done = threading.Event()
                messages.put(done.set)
                done.wait(5)
            return trigger(event, *args, **kwargs)

        def handle():
            while True:
                messages.get()()

        self.sio.eio._trigger_event = in_order
        thread = threading.Thread(target=handle, daemon=True)
        thread.start()

    def do(self, method, *args, **kwargs):
        return getattr(self.sio, method)(*args, **kwargs)

    def kill(self):
        """Breaks the connection below the client's feet."""
        ws = self.sio.eio.ws
        if ws is not None:
            ws.sock.shutdown(2)


class Async:
    """socketio.AsyncClient on a loop in a thread of its own, driven from outside."""

    name = "async"
    loop = None

    def __init__(self, **options):
        if Async.loop is None:
            Async.loop = asyncio.new_event_loop()
            threading.Thread(target=Async.loop.run_forever, daemon=True).start()

        async def make():
            return socketio.AsyncClient(reconnection=True, reconnection_delay=0.05, reconnection_delay_max=0.1, **options)

        self.sio = self.wait(make())

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, Async.loop).result(15)

    def do(self, method, *args, **kwargs):
        return self.wait(getattr(self.sio, method)(*args, **kwargs))

    def kill(self):
        async def cut():
            self.sio.eio.ws._response.connection.transport.abort()

        self.wait(cut())


class Peer:
    """One client: its events end up in queues, one per namespace and name."""

    def __init__(self, kind, url, transports, packed=False):
        self.kind = kind(serializer="msgpack") if packed else kind()
        self.url, self.transports = url, transports
        self.path = "msgpack" if packed else "socket.io"
        self.queues = {}
        self.answers = {}

    def on(self, event, nsp="/"):
        """Starts to record an event."""
        q = self.queues.setdefault((nsp, event), queue.Queue())
        self.kind.sio.on(event, lambda *args: q.put(list(args)), namespace=nsp)
        return q

    def answer(self, event, fn, nsp="/"):
        """Handles an event; what fn returns is the acknowledgement."""
        self.kind.sio.on(event, fn, namespace=nsp)

    def connect(self, *namespaces, auth=None):
        namespaces = list(namespaces) or ["/"]
        for nsp in namespaces:
            for event in ("connect", "disconnect", "connect_error"):
                self.on(event, nsp)
        try:
            self.kind.do("connect", self.url, namespaces=namespaces, transports=self.transports,
                         auth=auth, wait_timeout=30, socketio_path=self.path)
        except socketio.exceptions.ConnectionError as err:
            for nsp in namespaces:
                q = self.queues[(nsp, "connect_error")]
                if not q.empty():
                    raise Refused(q.get()[0]) from err
            raise
        return self

    def emit(self, event, *args, nsp="/"):
        data = args[0] if len(args) == 1 else (args or None)
        self.kind.do("emit", event, data, namespace=nsp)

    def call(self, event, *args, nsp="/", timeout=30):
        data = args[0] if len(args) == 1 else (args or None)
        return self.kind.do("call", event, data, namespace=nsp, timeout=timeout)

    def get(self, event, nsp="/", timeout=30):
        """The next recorded occurrence of event."""
        try:
            return self.queues[(nsp, event)].get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"event {event!r} of {nsp}: nothing within {timeout} s") from None

    def seen(self, event, nsp="/"):
        """How many occurrences wait."""
        return self.queues[(nsp, event)].qsize()

    def id(self, nsp="/"):
        return self.kind.sio.get_sid(namespace=nsp)

    def transport(self):
        t = self.kind.sio.transport
        return t() if callable(t) else t

    def disconnect(self):
        self.kind.do("disconnect")


class Lab:
    """What a case gets: a way to make clients, all of which end with the case."""

    def __init__(self, kind, url, mode, packed=False):
        self.kind, self.url, self.mode, self.packed = kind, url, mode, packed
        self.transports = {"polling": ["polling"], "websocket": ["websocket"],
                           "upgrade": ["polling", "websocket"]}[mode]
        self.peers = []

    def peer(self):
        p = Peer(self.kind, self.url, self.transports, self.packed)
        self.peers.append(p)
        return p

    def connect(self, *namespaces, auth=None):
        return self.peer().connect(*namespaces, auth=auth)

    def close(self):
        for p in self.peers:
            try:
                p.kind.sio.reconnection = False
                p.disconnect()
            except Exception:  # noqa: B902 - cleaning up must not hide a case's own error
                pass


def until(cond, what, timeout=30):
    """Waits for what announces itself by no event."""
    end = time.monotonic() + timeout
    while True:
        got = cond()
        if got:
            return got
        assert time.monotonic() < end, f"{what}: not within {timeout} s"
        time.sleep(0.01)
