# tlstrace. `make help` lists the targets; .ci/run does what CI does.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
LDFLAGS := -s -w -X main.buildVersion=$(VERSION) -X main.buildCommit=$(COMMIT)

# Tracing needs root; building does not. Test binaries run as root one by one, so that the build cache stays the user's.
ifneq ($(shell id -u),0)
SUDO := sudo -E
EXEC := -exec '$(SUDO)'
endif

# Packages without BPF; they are also tested for data races.
PURE := ./cmd/... ./enrich/... ./event/... ./mesh/... ./sink/... ./verdict/...

GENERATED := $(wildcard tracer/bpf_*_bpfel.go tracer/bpf_*_bpfel.o)

.DEFAULT_GOAL := build
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' Makefile)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

build: ## build bin/tlstrace: static, and no compiler for BPF is needed
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/tlstrace ./cmd/tlstrace

plugin: ## build bin/kubectl-tlstrace: kubectl tlstrace
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.buildVersion=$(VERSION)' -o bin/kubectl-tlstrace ./cmd/kubectl-tlstrace

demo: build ## make handshakes fail on this machine and show what tlstrace says (root)
	$(SUDO) bin/tlstrace demo

test: setup lint check-generated build race unit ## everything that has to hold before a merge

setup: ## install the Debian packages that the tests and the generated code need
	test/setup

lint: bin/tools/golangci-lint ## check format, vet, lint
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
		test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	clang-format-16 --dry-run --Werror $$(git ls-files -co --exclude-standard 'bpf/*.c' 'bpf/*.h')
	go vet ./...
	bin/tools/golangci-lint run ./...

race: ## test for data races what is no BPF
	CGO_ENABLED=1 go test -race $(EXEC) $(PURE)

# One package at a time: a tracer sees every handshake on the machine, those of other tests included.
unit: bin/tools/gotestsum ## run every test, as root where the kernel asks for it
	bin/tools/gotestsum --format pkgname --format-hide-empty-pkg -- -count=1 -p 1 -timeout 60m $(EXEC) ./...

generate: ## compile bpf/ with the pinned compiler and generate its Go types
	go generate ./tracer

vmlinux: ## take the kernel types in use from this machine's kernel (tracer/internal/vmlinux/types.txt lists them)
	go run ./tracer/internal/vmlinux -o vmlinux.h

check-generated: ## fail if the committed BPF objects are not what bpf/ compiles to
	@before=$$(sha256sum $(GENERATED)); $(MAKE) --no-print-directory generate; \
		test "$$before" = "$$(sha256sum $(GENERATED))" || \
		{ echo "tracer/bpf_* differ from what bpf/ compiles to: run make generate and commit the result"; exit 1; }

fuzz: ## run every fuzz target for FUZZTIME (10s)
	test/fuzz $(or $(FUZZTIME),10s)

bench: build ## measure what tracing costs, as a table (root)
	go test -c -o bin/pipeline.test ./tracer
	go run $(EXEC) ./test/bench

bench-agent: ## measure the agent among 10,000 pods at 1,000 failures a second (root; 3 minutes)
	go test -run '^$$' -bench Agent -benchtime 30000x -timeout 30m $(EXEC) ./test/agent

bench-lint: ## measure lint on 5,000 pods and 500 policies
	go test -run '^$$' -bench Cluster -benchtime 3x ./mesh/lint

bench-logs: build ## measure the reader of logs next to five regular expressions in Python
	go run ./test/bench/logs -binary bin/tlstrace

bench-overhead: build ## measure what watching costs a proxy, and write docs/performance.md (root; 12 minutes; QUICK=1 only shows)
	go build -o bin/overhead ./test/bench/overhead
	$(SUDO) bin/overhead $(if $(QUICK),-quick,-page docs/performance.md)

bench-flood: build ## measure healthy connections of others beside a flood of failures, traced and not (root)
	go run $(EXEC) ./test/flood/bench -binary bin/tlstrace

soak: build ## make a million healthy handshakes, and look for false alarms and growth (root; up to an hour; docs/soak.md)
	go run $(EXEC) ./test/flood/soak $(SOAK)

endurance: build ## load an agent for an hour while cgroups, processes and libraries come and go (root; docs/soak.md)
	go run $(EXEC) ./test/flood/soak -mixed $(SOAK)

bench-start: ## measure how long it takes to trace among 200 processes (root; a minute)
	go test -run '^$$' -bench Start -benchtime 21x -timeout 30m $(EXEC) ./test/start

compare: ## play the scenarios beside tshark and the well-known bpftrace script (root; packages tshark and bpftrace; 20 minutes)
	TLSTRACE_COMPARE=$(or $(TOOL),all) go test -count=1 -v -run TestCompare -timeout 90m $(EXEC) ./test/others

bench-others: ## measure what tcpdump, tshark, a log scraper and bpftrace cost, as JSON in bin/others.json (root; ROUNDS=10)
	@mkdir -p bin
	TLSTRACE_OTHERS_COST=$(CURDIR)/bin/others.json TLSTRACE_OTHERS_ROUNDS=$(ROUNDS) \
		go test -count=1 -v -run 'TestCost$$' -timeout 90m $(EXEC) ./test/others

test-kernels: ## trace on other kernels, in virtual machines: KERNEL=5.10, 6.1, arm64-6.1, host, ... or all (host: root)
	KERNEL=$(or $(KERNEL),all) go test -count=1 -v -timeout 120m ./test/kernels/

update-kernels: ## write what is found on them to docs/kernels.md
	KERNEL=$(or $(KERNEL),all) go test -count=1 -v -timeout 120m $(EXEC) ./test/kernels/ -run 'TestKernels|TestPage' -update

test-privileges: ## run with fewer privileges, on this machine and in virtual ones with lockdown and AppArmor (root; 5 minutes)
	go test -count=1 -timeout 30m $(EXEC) ./test/privileges

test-libraries: build ## ask every TLS library for its reason, on a machine that does nothing else (root; docs/libraries.md)
	TLSTRACE_LIBRARIES=1 go test -count=1 -timeout 30m $(EXEC) ./test/libraries

# The last line of the page sums it up; it is shown also when something in it is wrong.
truth: build ## play the whole matrix of real programs and write docs/truth.md (root; about an hour)
	@TLSTRACE_WRITE_TRUTH=1 TLSTRACE_BIN=$(CURDIR)/bin/tlstrace go test -count=1 -timeout 180m -run 'TestTruth$$' $(EXEC) ./test/scenarios; \
		status=$$?; tail -n 1 docs/truth.md; exit $$status

test-chart: ## try the chart on Helm and a real API server, and every capability that it asks for (root)
	CI=true go test -count=1 -timeout 30m $(EXEC) ./test/chart

test-alerts: ## try the alert rules and the dashboard on promtool and a real Prometheus
	CI=true go test -count=1 -timeout 15m ./deploy/alerts

image: ## build the container image tlstrace:VERSION, for this machine or ARCH (docker, or without it buildah as root)
	VERSION=$(VERSION) COMMIT=$(COMMIT) $(SUDO) deploy/image/build $(if $(ARCH),-a $(ARCH)) tlstrace:$(VERSION)

test-image: ## build the image for both architectures, and run it between two other containers as the chart says (root)
	$(MAKE) --no-print-directory image ARCH=arm64 VERSION=$(VERSION)-arm64
	$(MAKE) --no-print-directory image VERSION=$(VERSION)
	CI=true TLSTRACE_IMAGE=localhost/tlstrace:$(VERSION) go test -count=1 -timeout 10m $(EXEC) ./test/chart -run Image

release: bin/tools/cyclonedx-gomod ## build the archives, SBOMs and checksums of a release into dist/, the same bytes wherever it is done
	VERSION=$(VERSION) deploy/release/build

clean: ## remove what was built
	rm -rf bin dist

# Tools live in a module of their own, so that the product's go.mod stays small.
bin/tools/gotestsum: test/tools/go.mod
	go build -C test/tools -o ../../$@ gotest.tools/gotestsum

bin/tools/golangci-lint: test/tools/go.mod
	go build -C test/tools -o ../../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

# Of their own again: they need other versions of the same modules.
bin/tools/cyclonedx-gomod: test/release/tools/go.mod
	go build -C test/release/tools -o ../../../$@ github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
