#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# On Linux plain TCP connections share goroutines that read them; with the tag
# sio_goroutines each has its own, as everywhere else. What reads connections is tested
# that way, too.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

go test -race -shuffle=on -timeout 5m -tags sio_goroutines . ./engine/... ./client/... ./webtransport/... ./cmd/sio/...
