#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The failures that were measured in other servers, with full numbers: 50,000 connects,
# 1,000 clients for a minute of pings, 100,000 events each way across an upgrade, 20,000
# clients that vanish, in memory and over TCP.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

REGRESS=1 go test -count=1 -run '^TestRegress' -timeout 5m . ./client
