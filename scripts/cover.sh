#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: cover.sh [FILE]
# Prints the statement coverage of each package of the core module by its own tests,
# and fails if one is below COVER_MIN percent. FILE is the output of a
# `go test -cover` that has been run already; without it the tests are run.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

readonly MIN=${COVER_MIN:-80}

output() {
	if [[ $# -gt 0 ]]; then
		cat "$1"
	else
		go test -cover ./...
	fi
}

core=$(go list ./...)
output "$@" | awk -v min="$MIN" -v core="$core" '
	BEGIN { n = split(core, list, "\n"); for (i = 1; i <= n; i++) known[list[i]] = 1 }
	/^(---|\?|FAIL|panic)/ && !/no test files/ { print; failed = 1; next }
	{ pkg = $1 == "ok" ? $2 : $1 }
	pkg in known && match($0, /coverage: [0-9.]+% of statements/) {
		percent = substr($0, RSTART + 10) + 0
		low = percent < min
		bad += low
		seen++
		printf "%6.1f %%  %s%s\n", percent, pkg, low ? "  <-- below " min " %" : ""
	}
	END {
		if (!seen) { print "no coverage was reported"; exit 1 }
		if (failed || bad) exit 1
	}'
