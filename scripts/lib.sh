# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
#
# What the scripts share. To be sourced; goes to the repository's root.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

readonly GOLANGCI_VERSION=2.15.0 # newest that a Go 1.26 toolchain builds
readonly TOOLS="$PWD/.tools/bin"

# A clone that belongs to somebody else is no reason to fail.
export GOFLAGS="${GOFLAGS:--buildvcs=false}"

# skip says in one line what is not done; where nothing may be left out it fails.
skip() {
	echo "skipped: $*"
	if [[ ${CI:-} == true ]]; then
		echo "CI=true: a skip is a failure" >&2
		exit 1
	fi
}

have() { command -v "$1" >/dev/null 2>&1; }

# part runs a step under a heading and notes how long it took.
PARTS=()
part() {
	local name=$1 start=$SECONDS
	shift
	echo "==> $name"
	"$@"
	PARTS+=("$(printf '%-8s %4d s' "$name" $((SECONDS - start)))")
}
