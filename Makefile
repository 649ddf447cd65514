# SPDX-License-Identifier: MIT
#
# The verbs of this repository. What each does is in scripts/.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup fmt vet lint test race paths fuzz churn regress soak interop bench bench-compare microbench cover

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

setup: ## install what the tests need: npm and Python packages, chromium, the linter
	@scripts/setup.sh

fmt: ## format all Go files
	@gofmt -l -w .

vet: ## go vet, all modules
	@go vet work

lint: ## golangci-lint (import rules included) and shellcheck
	@scripts/setup.sh lint
	@scripts/lint.sh

test: ## everything: install, vet, lint, race, coverage, fuzz, interop
	@scripts/test.sh

race: ## the Go tests without interop: race detector, random order
	@scripts/race.sh

paths: ## what reads connections, with a goroutine for each (tag sio_goroutines)
	@scripts/paths.sh

fuzz: ## each fuzz target for FUZZTIME (5s)
	@scripts/fuzz.sh

churn: ## 50,000 sessions dropped in every state; CHURN=n for another number
	@scripts/churn.sh

soak: ## a disturbed cluster for SOAK (10m); thousands of clients, faults, restarts: does it keep its promises?
	@scripts/setup.sh node
	@scripts/soak.sh

regress: ## what was measured to fail in other servers, with full numbers
	@scripts/regress.sh

interop: ## foreign clients against our servers; SIO_CONTROL=1: against the official one
	@scripts/setup.sh node python chromium redis postgres
	@scripts/interop.sh

bench: ## sio beside other servers, 25 minutes; writes docs/benchmarks.md; QUICK=1: 5, and only to try it
	@QUICK=$(QUICK) scripts/bench.sh

bench-compare: ## the benchmarks of the Go tests beside those of REF (origin/main), by benchstat; BENCH=regexp to choose
	@BENCH='$(BENCH)' scripts/bench-compare.sh $(REF)

microbench: ## the benchmarks of the Go tests; BENCH=regexp to choose
	@go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem ./...

cover: ## statement coverage of the core packages; fails below COVER_MIN (80)
	@scripts/cover.sh
