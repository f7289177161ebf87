# make help lists what one can do; make run and make test need Go and make alone.

GO ?= go
# The commit that the program says it is. "-dirty": the tree has changes that the commit has not.
COMMIT ?= $(shell git rev-parse --verify --quiet HEAD 2>/dev/null || echo unknown)$(shell test -z "$$(git status --porcelain 2>/dev/null)" || echo -dirty)
# Further arguments of `go test`, e.g. make test ARGS='-run Confirm ./internal/billing'.
ARGS ?= ./...
BENCH ?= .

LDFLAGS := -s -w -buildid=
TOOL := $(GO) tool -modfile=tools/go.mod
# One Postgres for all test programs, started before them and stopped after.
WITH_POSTGRES := $(GO) run ./internal/postgres/pgtest/run --

.DEFAULT_GOAL := help
.PHONY: help
help: ## List what one can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: need-postgres build ## Serve the demo at http://127.0.0.1:8080 (IGNY8_ADDR) on a Postgres of its own
	@exec bin/igny8 dev

.PHONY: test
test: need-postgres ## Run the tests on a fast Postgres of their own (ARGS='-run Name ./package')
	@$(WITH_POSTGRES) $(GO) test $(ARGS)

# What .ci/run runs: nothing from the cache, in another order each time, with a summary at the end.
.PHONY: test-summary
test-summary: need-postgres
	@$(WITH_POSTGRES) $(TOOL) gotestsum --format pkgname-and-test-fails -- -count=1 -shuffle=on $(ARGS)

.PHONY: test-race
test-race: need-postgres ## The same under the race detector, which needs a C compiler
	@CGO_ENABLED=1 $(WITH_POSTGRES) $(GO) test -race $(ARGS)

# Spend measures against pgbench, on a Postgres of its own on the disk: make bench BENCH=Spend ARGS=./internal/credit
.PHONY: bench
bench: need-postgres ## Run the benchmarks (BENCH=Name)
	@$(WITH_POSTGRES) $(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(ARGS)

# On the disk rather than in memory, and one torture after the other, so that the times are worth something.
.PHONY: torture
torture: need-postgres build ## Kill the server 200 times and Postgres 50 times under load, and look for what is lost
	@$(GO) test -count=1 -v -timeout 60m -parallel 1 ./internal/torture -program '$(CURDIR)/bin/igny8' -dir /tmp \
		-server-kills 200 -postgres-kills 50 -forgetful-kills 10 -ready-within 1s

# A part of this runs in make test, another one each time.
.PHONY: sweep
sweep: need-postgres ## Take the account's condition out of one statement after the other: the sweep must see each
	@IGNY8_SWEEP=full $(WITH_POSTGRES) $(GO) test -count=1 -v -timeout 30m ./graph -run '^TestSweep'

# Four thousand of them are in make test.
.PHONY: hostile
hostile: ## Answer 50,000 hostile documents, each within 50 ms and, if refused, under 64 KB
	@$(GO) test -count=1 -v -timeout 10m ./internal/gqlhttp -run '^TestHandler_SurvivesHostileDocuments$$' -rapid.checks=1250 -alone

.PHONY: audits
audits: need-postgres ## List the 61 audits of GraphQL over HTTP: the transport's, and the API's for strangers and signed in
	@$(WITH_POSTGRES) $(GO) test -count=1 -v ./internal/gqlhttp ./graph -run 'Audits'

.PHONY: verify
verify: verify-code verify-pages ## Check generated code, modules, format, lint, arrows and the build

# What takes Go, and what takes Node alone: .ci/run does both at once.
.PHONY: verify-code verify-pages
verify-code: verify-generated verify-tidy verify-clients lint verify-arrows reproducible
verify-pages: verify-web verify-schema

.PHONY: verify-generated
verify-generated:
	@scripts/unchanged '$(MAKE) generate' $(MAKE) --no-print-directory generate

.PHONY: verify-tidy
verify-tidy:
	@$(GO) mod tidy -diff
	@cd tools && $(GO) mod tidy -diff
	@cd clients/go && $(GO) mod tidy -diff

.PHONY: verify-web
verify-web:
	@if command -v npm >/dev/null; then cd web/graphiql && npm ci --no-progress && npm run check; \
	else echo "web/dist is not checked: npm is not installed"; fi

.PHONY: verify-schema
verify-schema:
	@if command -v npm >/dev/null; then cd tools/graphql && npm ci --no-progress --no-audit --no-fund && npm run --silent check; \
	else echo "schema.graphqls is neither linted nor compared with the last release: npm is not installed"; fi

.PHONY: verify-clients
verify-clients:
	@scripts/unchanged 'make clients' $(MAKE) --no-print-directory clients
	@cd clients/go && $(GO) vet ./...
	@if test -d clients/typescript/node_modules; then cd clients/typescript && npm run --silent check; fi

.PHONY: verify-arrows
verify-arrows:
	@$(GO) test ./internal/arrows

.PHONY: lint
lint: ## Run the linters, which check the format too
	@$(TOOL) golangci-lint run ./...

.PHONY: fmt
fmt: ## Bring the code into its format
	@$(TOOL) golangci-lint fmt ./...

.PHONY: build
build: ## Build bin/igny8: static, and the same bytes wherever the commit is built
	@CGO_ENABLED=0 GOFLAGS= $(GO) build -trimpath -buildvcs=false \
		-ldflags '$(LDFLAGS) -X igny8.com/accounts/internal/build.commit=$(COMMIT)' -o bin/igny8 ./cmd/igny8

.PHONY: reproducible
reproducible: ## Build twice, in other places and from less, and compare (COLD=1: compile everything twice)
	@scripts/reproducible

.PHONY: image
image: ## Build the image igny8:<commit> from the commit, not from the working tree
	@commit=$$(git rev-parse HEAD) && git archive --format=tar "$$commit" | \
		docker build --pull --build-arg COMMIT="$$commit" --tag "igny8:$$commit" -

.PHONY: generate
generate: ## Regenerate the code that is made from schema.graphqls
	@$(GO) generate ./...

.PHONY: clients
clients: ## Regenerate the types of the examples in clients/ from schema.graphqls
	@cd clients/go && $(GO) tool genqlient
	@if command -v npm >/dev/null; then cd clients/typescript && npm ci --no-progress && npm run --silent generate; \
	else echo "clients/typescript is left as it is: npm is not installed"; fi

.PHONY: schema
schema: need-postgres ## Dump the migrated database to migrations/schema.sql
	@$(WITH_POSTGRES) $(GO) test ./internal/postgres/schema -update

.PHONY: docs
docs: ## Write the table of environment variables into docs/operating.md, costs and limits into others
	@$(GO) test ./cmd/igny8 -run TestDocs -update
	@$(GO) test ./graph -run TestDocs_Tables -update
	@$(GO) test ./internal/billing -run TestYear -update

.PHONY: web
web: ## Rebuild web/dist, the page at /, which needs Node and npm
	@cd web/graphiql && npm ci --no-progress && npm run build

.PHONY: clean
clean: ## Remove what was built; the data of make run, in .data, stays
	@rm -rf bin .cache

.PHONY: need-postgres
need-postgres:
	@scripts/need-postgres
