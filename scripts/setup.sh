#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# usage: setup.sh [lint|node|python|chromium|redis|postgres ...]
# Installs what the tests need beyond Go and Node, all of it if nothing is named:
# into the repository (.tools, interop/.venv, interop/node/node_modules), but for
# what Debian packages. What is there already is left alone.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# apt_install installs Debian packages if this user may.
updated=''
apt_install() {
	local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
	have apt-get || return 1
	if [[ $EUID -ne 0 ]]; then
		sudo -n true 2>/dev/null || return 1
		apt=(sudo -n "${apt[@]}")
	fi
	echo "installing $*"
	if [[ -z $updated ]]; then
		"${apt[@]}" update >/dev/null || return 1
		updated=yes
	fi
	"${apt[@]}" install -y --no-install-recommends "$@" >/dev/null </dev/null
}

# fresh tells whether a stamp still matches the file that it was made from.
fresh() { [[ -f $1 ]] && sha256sum --status -c "$1" 2>/dev/null; }
stamp() { sha256sum "$2" >"$1"; }

setup_lint() {
	if [[ $("$TOOLS/golangci-lint" version --short 2>/dev/null || true) != "$GOLANGCI_VERSION" ]]; then
		echo "building golangci-lint $GOLANGCI_VERSION (some minutes, once)"
		GOBIN=$TOOLS go install -trimpath -ldflags='-s -w' \
			"github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$GOLANGCI_VERSION" ||
			skip "golangci-lint could not be built"
	fi
	have shellcheck || apt_install shellcheck || skip "shellcheck is not installed, and this user may not install it"
}

setup_node() {
	local dir=interop/node
	if ! have npm; then
		skip "npm is not installed"
		return
	fi
	fresh "$dir/node_modules/.stamp" && return
	echo "installing npm packages"
	if (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); then
		stamp "$dir/node_modules/.stamp" "$dir/package-lock.json"
	else
		skip "npm ci failed"
	fi
}

# setup_python makes an environment for today's clients, and one for those of Socket.IO 2.
setup_python() {
	python_env interop/.venv interop/python/requirements.txt
	python_env interop/.venv/eio3 interop/python/requirements-eio3.txt
}

python_env() {
	local venv=$1 list=$2
	have python3 || apt_install python3 || true
	if ! have python3; then
		skip "python3 is not installed, and this user may not install it"
		return
	fi
	fresh "$venv/.stamp" && return
	python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv || true
	echo "installing Python packages"
	rm -rf "$venv"
	if python3 -m venv "$venv" &&
		"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$list"; then
		stamp "$venv/.stamp" "$list"
	else
		rm -rf "$venv"
		skip "the Python packages could not be installed"
	fi
}

setup_chromium() {
	have chromium || have chromium-browser || have google-chrome ||
		apt_install chromium fonts-dejavu-core ||
		skip "chromium is not installed, and this user may not install it"
}

# A Debian package starts a server of its own where there is systemd; the tests start theirs on free ports.
setup_redis() {
	have redis-server || apt_install redis-server ||
		skip "redis-server is not installed, and this user may not install it"
}

# The programs of PostgreSQL's server are not in PATH on Debian.
setup_postgres() {
	have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || apt_install postgresql ||
		skip "postgresql is not installed, and this user may not install it"
}

if [[ $# -eq 0 ]]; then
	set -- lint node python chromium redis postgres
fi
for what; do
	"setup_$what"
done
