# A thin front of the npm scripts: a fresh clone needs nothing but `make demo` or `make test`.
INSTALLED := node_modules/.package-lock.json
NPM := npm --silent

.PHONY: demo test bench fmt lint clippy ci build

demo: $(INSTALLED)
	@$(NPM) run demo

test: $(INSTALLED)
	@$(NPM) test

bench: $(INSTALLED)
	@$(NPM) run bench

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

# npm writes this file at the end of a whole install; `touch` because a restored file may be older than the lock file.
$(INSTALLED): package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@
