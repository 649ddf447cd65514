#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: bench-compare.sh [REF]
# Runs the benchmarks of the Go tests at REF (origin/main, or main where there is no such
# thing) and in the working tree, in turns, and prints benchstat's table. It fails if they
# do not run, never because of a time.
# BENCH=regexp chooses benchmarks, PKG="./packet ./engine" packages, COUNT=6 rounds,
# BENCHTIME=200ms how long each takes.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

ref=${1:-}
if [[ -z $ref ]]; then
	ref=main
	git rev-parse --verify --quiet origin/main >/dev/null && ref=origin/main
fi
bench=${BENCH:-.}
count=${COUNT:-6}
benchtime=${BENCHTIME:-200ms}
read -ra packages <<<"${PKG:-. ./engine ./engine/wire ./internal/rooms ./internal/websocket ./internal/work ./packet ./packet/msgpack}"

temp=$(mktemp -d)
trap 'git worktree remove --force "$temp/tree" 2>/dev/null || true; rm -rf "$temp"' EXIT
git worktree add --quiet --detach "$temp/tree" "$ref"

# The test binaries are built first, so that no compiler runs beside a measurement.
mkdir "$temp/old" "$temp/new"
for package in "${packages[@]}"; do
	name=$(tr -c 'a-z0-9\n' _ <<<"$package")
	for side in old new; do
		tree=$PWD
		[[ $side == old ]] && tree=$temp/tree
		if [[ -d $tree/$package ]]; then
			echo "building $package: $side"
			(cd "$tree" && go test -c -o "$temp/$side/$name" "$package") >/dev/null
		fi
	done
done

# run runs one package's benchmarks where they belong: some read files.
run() {
	local side=$1 package=$2 name tree=$PWD
	name=$(tr -c 'a-z0-9\n' _ <<<"$package")
	[[ $side == old ]] && tree=$temp/tree
	[[ -x $temp/$side/$name ]] || return 0
	(cd "$tree/$package" && "$temp/$side/$name" -test.run '^$' -test.bench "$bench" -test.benchmem -test.benchtime "$benchtime") >>"$temp/$side.txt"
}
for ((round = 1; round <= count; round++)); do
	echo "round $round of $count"
	for package in "${packages[@]}"; do
		if ((round % 2)); then
			run old "$package" && run new "$package"
		else
			run new "$package" && run old "$package"
		fi
	done
done
mkdir -p bench/build
cp "$temp/old.txt" bench/build/compare-old.txt
cp "$temp/new.txt" bench/build/compare-new.txt
# benchstat is pinned as a tool in bench/go.mod.
go -C bench tool benchstat "$ref=$temp/old.txt" "tree=$temp/new.txt"
