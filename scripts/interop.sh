#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The interop tests: what is not installed is skipped, or with CI=true fails. INTEROP_TAGS
# are build tags: sio_goroutines takes the other way to read connections (see paths.sh).
# INTEROP_FLAGS are flags of go test instead of -race.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

rm -f interop/artifacts/*.png
# A process group of its own: whatever a test that crashed has left running, ends here.
set -m
read -ra flags <<<"${INTEROP_FLAGS--race}"
go test "${flags[@]}" -tags "${INTEROP_TAGS:-}" -shuffle=on -parallel 3 -timeout 12m ./interop/... </dev/null &
group=$!
trap 'kill -- "-$group" 2>/dev/null || true' EXIT
wait "$group"
if compgen -G 'interop/artifacts/*.png' >/dev/null; then
	echo "screenshots: interop/artifacts/ ($(find interop/artifacts -name '*.png' | wc -l) files)"
fi
