#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# golangci-lint over all modules, and shellcheck. A tool that setup.sh could not
# install has been reported by it, and is left out here.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l)
if [[ -n $unformatted ]]; then
	printf 'not formatted (make fmt):\n%s\n' "$unformatted" >&2
	exit 1
fi

if [[ -x $TOOLS/golangci-lint ]]; then
	mapfile -t modules < <(go list -m -f '{{.Dir}}' | xargs realpath --relative-to=.)
	"$TOOLS/golangci-lint" run "${modules[@]/%//...}"
fi
if have shellcheck; then
	shellcheck -x scripts/*.sh .ci/run
fi
