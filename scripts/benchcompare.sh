#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: REF=main BENCH=regexp COUNT=6 benchcompare.sh
# Runs the benchmarks of the Go tests in the work tree and in a tree of REF, in turns, and
# prints what benchstat makes of them. It judges nothing: machines that others use, too, are
# no judges of time.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

readonly BENCHSTAT=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
ref=${REF:-main} bench=${BENCH:-.} count=${COUNT:-6}
dir=$(mktemp -d)
trap 'git worktree remove --force "$dir/tree" 2>/dev/null || true; rm -rf "$dir"' EXIT
git worktree add --quiet --detach "$dir/tree" "$ref"

# once TREE NAME: one round of the benchmarks of a tree.
once() {
	(cd "$1" && go test -run '^$' -bench "$bench" -benchmem -benchtime 200ms . ./engine/... ./packet/... ./internal/...) >>"$dir/$2" 2>&1 ||
		{ cat "$dir/$2"; exit 1; }
}

for ((i = 1; i <= count; i++)); do
	echo "round $i of $count" >&2
	once "$dir/tree" "$ref"
	once . work
done
(cd "$dir" && GOFLAGS=-mod=mod GOWORK=off go run "$BENCHSTAT" "$ref" work)
