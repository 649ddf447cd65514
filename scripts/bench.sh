#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: bench.sh [flags of bench/cmd/compare]
# Measures sio beside other servers and writes docs/benchmarks.md, in less than 25
# minutes; with QUICK=1 bench/build/benchmarks.md, in less than 5. The other servers are
# installed below bench/; what cannot be had is left out, and the report says so.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

peer=bench/peers/node
lock=$peer/package-lock.json
stamp=$peer/node_modules/.stamp
if ! have npm; then
	skip "npm is not installed: no Node servers"
elif ! { [[ -f $stamp ]] && sha256sum --status -c "$stamp" 2>/dev/null; }; then
	echo "installing npm packages"
	if (cd "$peer" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); then
		sha256sum "$lock" >"$stamp"
	else
		skip "npm ci failed: no Node servers"
	fi
fi

# uWebSockets.js is built for a newer glibc than some systems have.
if have node && [[ -f $stamp ]] && [[ $(node "$peer/server.mjs" --uws --check 2>&1) == *"GLIBC_2.38' not found"* ]]; then
	module=uws_linux_$(node -p 'process.arch')_$(node -p 'process.versions.modules').node
	(cd bench && go run ./cmd/oldglibc "peers/node/node_modules/@btc-vision/uwebsockets.js/$module") || true
fi

# Thousands of connections need as many descriptors on either side.
ulimit -n 120000 2>/dev/null || ulimit -n "$(ulimit -Hn)"

mkdir -p bench/build
go build -o bench/build/compare ./bench/cmd/compare
preset=full
[[ -n ${QUICK:-} ]] && preset=quick
exec bench/build/compare -preset "$preset" "$@"
