#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Disturbs a cluster for SOAK (10m) and prints what came of it. SOAK_FLAGS are further flags of
# interop/cmd/soak, such as "-clients 500 -node 50".
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# Each client needs three descriptors in the process of the clients, which has the proxy too.
ulimit -n "$(ulimit -Hn)"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -buildvcs=false -o "$dir/soak" ./interop/cmd/soak
read -ra flags <<<"${SOAK_FLAGS:-}"
"$dir/soak" -duration "${SOAK:-10m}" "${flags[@]}"
