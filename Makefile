# gapseal: make help lists the targets.
SHELL := /bin/bash
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
BUILD := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.release=$(VERSION)'
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
FUZZTIME ?= 60s

.PHONY: help build man demo test lint bench fuzz oracle e2e cross cover clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/gapseal
	$(BUILD) -o bin/gapseal ./cmd/gapseal

man: ## manual pages of all commands, in man/
	mkdir -p man && SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
	  go test -count=1 -run '^TestManualPages$$' ./cmd/gapseal -args -man '$(CURDIR)/man'

demo: build ## export and verify a signed image, and see four forgeries rejected; no network
	CGO_ENABLED=0 go build -trimpath -o bin/demo ./internal/demo
	bin/demo bin/gapseal

test: ## all tests, race detector on, with a short fuzz run
	go test -race -short -count=1 ./...
	@echo '# tests of every byte, field or loss: a part of them with the race detector above, all of them here'
	GOGC=400 go test -count=1 -run '^TestEvery|^TestNobodysVeto$$' ./verify ./verify/register ./bundle/recovery
	go test -count=1 -run 'Share|AnotherSize|Largest' ./bundle/recovery
	go test -count=1 -run 'Faults|Hostile' ./verify/load ./oci/registry
	$(MAKE) --no-print-directory fuzz FUZZTIME=500x

lint: ## gofmt, vet, staticcheck, and govulncheck where its database is reachable
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	go vet ./... ./testdata
	go vet -C testdata/consumer .
	go run $(STATICCHECK) ./...
	@.ci/vuln $(GOVULNCHECK)

bench: ## benchmarks, as ratios against what a user would run instead
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz target for FUZZTIME each, such as 60s or 500x
	.ci/fuzz $(FUZZTIME)

oracle: ## thousands of changed Sigstore bundles, compared with sigstore-go; a module of its own
	cd internal/oracle && go vet ./... && go test -count=1 -v -run 'TestOracle|TestFresh' . && go test -count=1 ./cmd/...

e2e: ## real registry, real Rekor, real cosign 2 and 3; builds its own tools; the worst bundles
	go test -count=1 -timeout 40m ./internal/bombs -args -run-bombs
	cd internal/e2e && go test -count=1 -timeout 80m ./...

cover: ## line coverage of the packages that decide
	go test -count=1 -coverprofile=coverage.out -coverpkg=./bundle/...,./oci/...,./verify/... ./...
	go tool cover -func=coverage.out | tail -1

cross: ## build for every supported platform
	for os in linux darwin windows; do for arch in amd64 arm64; do \
	  GOOS=$$os GOARCH=$$arch $(BUILD) -o dist/gapseal-$$os-$$arch ./cmd/gapseal || exit 1; done; done

clean: ## remove what was built
	rm -rf bin dist man coverage.out
