#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs each fuzz target, of all modules, for FUZZTIME. An input that fails is
# kept by go test under testdata/fuzz, from where every later test run takes it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

readonly FUZZTIME=${FUZZTIME:-5s}

# fuzz runs one target. When the time is over while an input still runs, go test
# calls that a failure (golang/go#75804, mended in Go 1.27); it is none if no failing input was found.
fuzz() {
	local log
	log=$(go test -run '^$' -fuzz "^$2\$" -fuzztime "$FUZZTIME" "./$1" 2>&1 </dev/null) || {
		if ! grep -qx '    context deadline exceeded' <<<"$log" || grep -q 'Failing input written' <<<"$log"; then
			echo "$log"
			return 1
		fi
		grep '^fuzz: ' <<<"$log" | tail -n 1
		echo "no failing input: the time was over while one still ran"
		return
	}
	tail -n 2 <<<"$log"
}

count=0
while read -r dir; do
	while read -r target; do
		echo "fuzzing $target in $dir"
		fuzz "$dir" "$target"
		count=$((count + 1))
	done < <(go test -list '^Fuzz' "./$dir" | grep '^Fuzz' || true)
done < <(git grep -l --untracked '^func Fuzz' -- '*_test.go' | xargs -r -n1 dirname | sort -u)
echo "$count fuzz targets"
[[ $count -gt 0 ]]
