#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Everything that must pass, in the order of how soon it tells.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

log=$(mktemp)
trap 'rm -f "$log"' EXIT

part setup scripts/setup.sh
part vet go vet work
part lint scripts/lint.sh
part race scripts/race.sh "$log"
part cover scripts/cover.sh "$log"
part paths scripts/paths.sh
part fuzz env FUZZTIME="${FUZZTIME:-1s}" scripts/fuzz.sh
part churn scripts/churn.sh
part regress scripts/regress.sh
part interop scripts/interop.sh
# What foreign clients see of the other way to read. The detector has seen that in paths.
part again env INTEROP_TAGS=sio_goroutines INTEROP_FLAGS='-skip=^(TestSoak|TestAttacks|TestMixed)' scripts/interop.sh

echo
grep '^ok' "$log"
printf '%s\n' "${PARTS[@]}"
echo "all tests passed in $SECONDS s"
