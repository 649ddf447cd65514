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
part fuzz scripts/fuzz.sh
part churn scripts/churn.sh
part regress scripts/regress.sh
part interop scripts/interop.sh
part again env INTEROP_TAGS=sio_goroutines scripts/interop.sh

echo
grep '^ok' "$log"
printf '%s\n' "${PARTS[@]}"
echo "all tests passed in $SECONDS s"
