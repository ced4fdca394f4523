# `make` lists the targets. CONTRIBUTING.md says which of them a change has to pass.

GO       ?= go
GOFLAGS  ?=
FUZZTIME ?= 10s
DATA     ?= ./data
CONFIG   ?= configs/redisd.toml
ARGS     ?=
UNITS    ?=
ROUNDS   ?= 100
PROBE_ROUNDS ?= 50
TIMEOUT  ?= 8m

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -X main.version=$(VERSION)
BIN      := bin/redisd

# Packages whose code runs on several goroutines: what the race detector is for.
# (It does not see the memory of pkg/mem, which is not Go's.)
RACE_PKGS := ./internal/... ./pkg/bio/... ./pkg/event/... ./pkg/proc/... ./pkg/resp/... ./pkg/persist/...

# No cgo: one static binary. Only the race detector needs it.
export CGO_ENABLED = 0

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  VERSION=$(VERSION) FUZZTIME=$(FUZZTIME) DATA=$(DATA) CONFIG=$(CONFIG) ARGS= UNITS= ROUNDS=$(ROUNDS)"

# --- build and run -----------------------------------------------------------

.PHONY: build
build: ## bin/redisd
	$(GO) build $(GOFLAGS) -trimpath -ldflags "$(LDFLAGS)" -o $(BIN) ./cmd/redisd

.PHONY: run
run: build ## build and run on the defaults, data in ./data (ARGS="--port 7777")
	@mkdir -p $(DATA)
	exec $(BIN) $(CONFIG) --dir $(DATA) --daemonize no $(ARGS)

.PHONY: install
install: build ## install on this machine: binary, user, folders, systemd unit, logrotate
	scripts/install.sh

# --- tests -------------------------------------------------------------------

.PHONY: test
test: deps ## what the tests need (redis-server, redis-tools), then vet and all tests
	$(GO) vet ./...
	$(GO) test $(GOFLAGS) -timeout $(TIMEOUT) -tags invariants ./...

.PHONY: deps
deps: ## Debian's redis-server and redis-tools, and openssl, when missing
	@scripts/deps.sh redis-server redis-tools openssl

.PHONY: test-long
test-long: deps ## the tests against the real daemon in their long form: a million keys, larger crowds
	REDISD_LONG=1 $(GO) test $(GOFLAGS) -timeout 60m -p 1 -count=1 -tags invariants ./test/daemon/... ./test/hostile/... ./test/restore/...

.PHONY: test-noinvariants
test-noinvariants: deps ## all tests on the code as it is shipped, without the self-checks
	$(GO) test $(GOFLAGS) -timeout $(TIMEOUT) ./...

.PHONY: test-race
test-race: ## race detector on the packages with goroutines (needs a C compiler)
	CGO_ENABLED=1 GORACE=atexit_sleep_ms=0 $(GO) test $(GOFLAGS) -race -short $$($(GO) list $(RACE_PKGS))

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME
	@set -e; for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -tags invariants -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "== $$pkg $$f"; \
			$(GO) test -tags invariants -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

.PHONY: test-crash
test-crash: build ## kill -9 under load, restart, compare: ROUNDS times for each of twelve configurations; full and broken disks
	@set -e; for layout in file multipart; do for rewrite in true false; do \
		echo "== probe crash, layout $$layout, rewrites $$rewrite"; \
		$(GO) run ./test/probe crash -server $(BIN) -rounds $(PROBE_ROUNDS) -layout $$layout -rewrite=$$rewrite; \
	done; done
	@skipped=$$(mktemp); status=0; \
	REDISD_LONG=1 REDISD_CRASH_ROUNDS=$(ROUNDS) REDISD_SKIPPED=$$skipped \
		$(GO) test $(GOFLAGS) -tags invariants -count=1 -timeout 90m ./test/crash || status=$$?; \
	REDISD_SKIPPED=$$skipped $(GO) test $(GOFLAGS) -tags invariants -count=1 -run 'Fenced|FilterThatKills|ChildOutOfMemory|ChildGroup|FullDisk' ./test/daemon || status=$$?; \
	if [ -s "$$skipped" ]; then echo "Skipped, because this machine does not let the tests do it:"; cat "$$skipped"; \
	else echo "Nothing was skipped."; fi; rm -f "$$skipped"; exit $$status

.PHONY: test-diff
test-diff: deps ## the same commands on redis-server and redisd, replies compared
	$(GO) test $(GOFLAGS) -tags compat,invariants -count=1 ./test/diff/...

.PHONY: test-clients
test-clients: ## client libraries, those of Node.js 20 too, which npm installs from a lock file
	@scripts/deps.sh nodejs npm
	cd test/clients && npm ci --silent
	$(GO) test $(GOFLAGS) -tags clients,invariants -count=1 ./test/clients/...

.PHONY: conformance
conformance: build ## Redis's own test suite on the binary, plain and then encrypted (UNITS="unit/auth unit/expire")
	scripts/conformance.sh $(UNITS)
	$(if $(UNITS),,scripts/conformance.sh --tls)

.PHONY: bench
bench: build deps ## side by side with redis-server: throughput, stalls, memory
	scripts/bench.sh
	$(GO) run ./test/probe report -server $(BIN) -peer "$$(command -v redis-server)"

.PHONY: cover
cover: ## coverage of all packages by all tests: cover.html
	$(GO) test $(GOFLAGS) -tags invariants -coverpkg ./... -coverprofile cover.out ./...
	$(GO) tool cover -func cover.out | tail -n 1
	$(GO) tool cover -html cover.out -o cover.html

# --- form --------------------------------------------------------------------

.PHONY: check
check: fmt-check vet lint-go arch tidy-check units-check test ## what a commit must pass

.PHONY: lint
lint: fmt-check vet lint-go shell-check ## gofmt, vet, staticcheck, syntax of the scripts

.PHONY: fmt
fmt: ## format the code
	gofmt -w $$(git ls-files -co --exclude-standard '*.go')

.PHONY: fmt-check
fmt-check:
	@out=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$out" ]; then echo "not formatted (make fmt):"; echo "$$out"; exit 1; fi

.PHONY: vet
vet: ## go vet, with and without the self-checks
	$(GO) vet ./...
	$(GO) vet -tags invariants ./...

.PHONY: lint-go
lint-go:
	$(GO) tool staticcheck ./...
	$(GO) tool staticcheck -tags invariants ./...

.PHONY: arch
arch: ## floors, sizes and homes of calls (also part of test)
	$(GO) test $(GOFLAGS) -count=1 ./internal/arch/...

.PHONY: shell-check
shell-check:
	@for f in scripts/*.sh .ci/run; do bash -n "$$f" || exit 1; done
	@if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh .ci/run; fi

.PHONY: units-check
units-check: build
	@scripts/check-units.sh

.PHONY: tidy-check
tidy-check: ## go.mod and go.sum are as `go mod tidy` leaves them
	$(GO) mod tidy -diff
	$(GO) mod verify

.PHONY: clean
clean: ## remove what was built (not ./data, not .cache)
	rm -rf bin cover.out cover.html
