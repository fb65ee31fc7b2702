# A thin front of the npm scripts: a fresh clone needs nothing but `make demo` or `make test`.
INSTALLED := node_modules/.package-lock.json
PEERS := bench/peers/node_modules/.package-lock.json
NPM := npm --silent

.PHONY: demo test bench fmt lint clippy ci build

demo: $(INSTALLED)
	@$(NPM) run demo

test: $(INSTALLED)
	@$(NPM) test

# QUICK=1: five minutes instead of twenty. LONG=1: an hour. SUITES=orders-10000000: only these.
bench: $(INSTALLED) $(PEERS)
	@$(NPM) run bench -- run $(if $(QUICK),--quick) $(if $(LONG),--long) $(if $(SUITES),--suites $(SUITES)) --output bench/results

build: $(INSTALLED)
	@$(NPM) run build

fmt: $(INSTALLED)
	@$(NPM) run fmt

lint: $(INSTALLED)
	@$(NPM) run lint
	@$(NPM) run fmt:check

clippy: lint

ci:
	@.ci/run

# What DriftDB is compared with, for `make bench` alone; one of them compiles. Without it DriftDB is measured by itself.
$(PEERS): bench/peers/package-lock.json
	cd bench/peers && npm ci --no-audit --no-fund && touch node_modules/.package-lock.json || echo 'the peers could not be installed and are skipped'

# npm writes this file at the end of a whole install; `touch` because a restored file may be older than the lock file.
$(INSTALLED): package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
