# SPDX-License-Identifier: MIT
"""python-socketio against a server of ours.

usage: clients.py --url URL --suite contract|lab --mode polling|websocket|upgrade --kind sync|async [--packed] [--only TEXT]
with --packed: as MessagePack, at the path /msgpack/.
"""

import argparse
import importlib

from harness import Async, Lab, Sync, run

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--suite", choices=("contract", "lab"), required=True)
parser.add_argument("--mode", choices=("polling", "websocket", "upgrade"), required=True)
parser.add_argument("--kind", choices=("sync", "async"), default="sync")
parser.add_argument("--packed", action="store_true")
parser.add_argument("--only")
args = parser.parse_args()

importlib.import_module(args.suite)
kind = {"sync": Sync, "async": Async}[args.kind]
run(lambda: Lab(kind, args.url, args.mode, args.packed), args.only)
