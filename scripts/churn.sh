#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Opens CHURN sessions, drops them in every state, and compares goroutines and heap
# before and after. Without the race detector, which has a heap of its own.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

CHURN=${CHURN:-50000} go test -count=1 -run '^TestChurn$' -v ./engine
