# SPDX-License-Identifier: MIT
"""python-socketio's server, for the Go client: interop/client_test.go.

It prints its URL once it listens, and ends when its standard input does."""

import asyncio
import sys

import socketio
from aiohttp import web

io = socketio.AsyncServer(async_mode="aiohttp", ping_interval=1, ping_timeout=10, namespaces=["/", "/custom"])
app = web.Application()
io.attach(app)


def serve(namespace):
    @io.on("echo", namespace=namespace)
    async def echo(sid, *args):
        await io.emit("echo", args, to=sid, namespace=namespace)

    @io.on("ack", namespace=namespace)
    async def ack(sid, *args):
        return args

    @io.on("ask", namespace=namespace)
    async def ask(sid, data):
        async def answered(*args):
            await io.emit("answer", args, to=sid, namespace=namespace)

        await io.emit("question", data, to=sid, namespace=namespace, callback=answered)

    @io.on("join", namespace=namespace)
    async def join(sid, room):
        await io.enter_room(sid, room, namespace=namespace)

    @io.on("room", namespace=namespace)
    async def room(sid, name, *args):
        await io.emit("room", args, room=name, namespace=namespace)

    @io.on("burst", namespace=namespace)
    async def burst(sid, n):
        for i in range(n):
            await io.emit("n", i, to=sid, namespace=namespace)

    @io.on("kick", namespace=namespace)
    async def kick(sid):
        await io.disconnect(sid, namespace=namespace)


@io.on("connect")
async def connect(sid, environ, auth):
    if auth and auth.get("token") == "reject":
        raise socketio.exceptions.ConnectionRefusedError("rejected", {"code": 7})


serve("/")
serve("/custom")


async def main():
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
