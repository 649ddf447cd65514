#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: race.sh [FILE]
# The Go tests of all modules but interop (which loads the machine so much that
# tests beside it would be disturbed; `go test work` is all of them together), with
# the race detector and in random order. Coverage is measured on the way; FILE, if
# given, gets the output.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

mapfile -t packages < <(go list work | grep -v '/interop\(/\|$\)')
go test -race -shuffle=on -cover -timeout 5m "${packages[@]}" 2>&1 | tee "${1:-/dev/null}"
