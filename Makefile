# Tocsin's targets. 'make help' lists them.

SHELL := /usr/bin/env bash -o pipefail
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help

# IMAGE is the one image of Tocsin: the manager and the investigator.
IMAGE ?= tocsin.dev/tocsin:dev
# CLUSTER=existing uses the cluster of KUBECONFIG instead of a local one.
CLUSTER ?= local
# TOCSIN_FIXTURES is a folder of recorded payloads; tests that need it are
# skipped, visibly, where it is absent.
export TOCSIN_FIXTURES ?= $(abspath ../shared/fixtures)

BIN := $(CURDIR)/bin
TOOLS := $(BIN)/tools
CONTROLLER_GEN := $(TOOLS)/controller-gen
CRD_REF_DOCS := $(TOOLS)/crd-ref-docs
GOLANGCI_LINT := $(TOOLS)/golangci-lint
HELM := $(TOOLS)/helm
CLUSTER_CMD := go -C hack/cluster run .

# Kubernetes' binaries for envtest are those of the local cluster; they are
# built once on a machine and kept in the user's cache.
ASSETS = $$($(CLUSTER_CMD) assets)

UNIT_PACKAGES = $$(go list ./... | grep -v -E '/test/(faults|integration|e2e|performance|quality)(/|$$)')
MODULES := hack/cluster hack/image test/performance/alertmanager test/performance/load

##@ Main

.PHONY: help
help: ## List every target.
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*##/ {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build-demo ## Play an attack on a real cluster, and the whole response to it.
	@hack/demo/run.sh

.PHONY: test
test: test-unit test-integration test-faults test-e2e ## Run everything that proves Tocsin.

##@ Development

.PHONY: build
build: ## Build the binaries into bin/.
	@mkdir -p $(BIN)
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o $(BIN)/ ./cmd/...

.PHONY: generate
generate: $(CONTROLLER_GEN) ## Generate deep copies and apply configurations.
	$(CONTROLLER_GEN) object applyconfiguration paths=./api/...

.PHONY: manifests
manifests: $(CONTROLLER_GEN) $(CRD_REF_DOCS) ## Generate CRDs, RBAC, the charts' copies of them, and docs/api.md.
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:artifacts:config=config/crd
	$(CONTROLLER_GEN) rbac:roleName=tocsin paths=./controllers/... paths=./internal/... output:rbac:artifacts:config=config/rbac
	hack/sync-charts.sh
	$(CRD_REF_DOCS) --source-path=api/v1alpha1 --config=hack/api-docs/config.yaml --renderer=markdown --output-path=docs/api.md

.PHONY: fmt
fmt: ## Format the code.
	gofmt -w api cmd controllers internal hack test

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Check style, import rules and common mistakes.
	$(GOLANGCI_LINT) run ./...
	@for module in $(MODULES); do echo "go vet $$module"; go vet -C $$module ./... ; done

.PHONY: verify
verify: generate manifests ## Regenerate everything and fail on a difference.
	@test -z "$$(gofmt -l api cmd controllers internal hack test | tee /dev/stderr)" || { echo "verify: run 'make fmt'"; exit 1; }
	@go mod tidy -diff
	@test -z "$$(git status --porcelain -- api config charts docs | tee /dev/stderr)" || \
		{ echo "verify: generated files differ from what is committed: run 'make generate manifests' and commit"; exit 1; }

##@ Tests

.PHONY: test-unit
test-unit: $(HELM) ## Test packages one by one, with a real API server where they need one.
	KUBEBUILDER_ASSETS=$(ASSETS) go test -race -timeout 15m $(UNIT_PACKAGES)
	@for module in $(MODULES); do echo "go test $$module"; go test -C $$module -race ./... ; done
	@# Kubernetes is built like this for the cluster, and not twice.
	cd hack/cluster/kube && CGO_ENABLED=0 go test -trimpath ./auditpolicy

.PHONY: test-corpus
test-corpus: ## Cut recorded payloads at every 64th byte, and break every field of them.
	go test -count=1 -timeout 2h -v -run TestBadInput ./internal/ingest/drain -corpus.cuts=1000000 -corpus.fields=1000000

.PHONY: test-integration
test-integration: ## Test the whole operator against a real API server.
	KUBEBUILDER_ASSETS=$(ASSETS) go test -race -count=1 -timeout 15m ./test/integration/...

.PHONY: test-faults
test-faults: ## Crash, blind and confuse the operator at every write.
	KUBEBUILDER_ASSETS=$(ASSETS) go test -race -count=1 -timeout 40m ./test/faults/...

.PHONY: test-e2e
test-e2e: build-demo ## Assert the demo's story on a real cluster.
	@hack/demo/e2e.sh

.PHONY: quality
quality: ## Score correlation on labelled data.
	go run ./test/quality

.PHONY: bench
bench: ## Measure the speed of the engine and of what receives alerts, and of Alertmanager beside them.
	go test -run '^$$' -bench . -benchtime 200000x -benchmem ./test/performance
	go test -C test/performance/alertmanager -run '^$$' -bench . -benchtime 200000x -benchmem .
	@$(MAKE) bench-ingest

.PHONY: bench-ingest
bench-ingest: ## Measure how fast alerts are taken and brought into incidents (BENCH_INGEST='-h' lists flags).
	@command -v prometheus-alertmanager >/dev/null || apt-get install -y --no-install-recommends prometheus-alertmanager >/dev/null 2>&1 || \
		echo "bench-ingest: Debian's prometheus-alertmanager cannot be had: the comparison with it is left out"
	assets=$(ASSETS); cd test/performance/load && KUBEBUILDER_ASSETS=$$assets go run ./ingest $(BENCH_INGEST)

##@ Cluster

.PHONY: cluster-up
cluster-up: ## Start a real one-node Kubernetes cluster on this machine.
	@$(CLUSTER_CMD) up

.PHONY: cluster-down
cluster-down: ## Remove that cluster and everything of it.
	@$(CLUSTER_CMD) down

.PHONY: image
image: build ## Build the image into dist/tocsin.tar, without a container daemon.
	@mkdir -p dist
	go -C hack/image run . --output $(CURDIR)/dist/tocsin.tar --name $(IMAGE) --entrypoint /manager --binary $(BIN)/manager --binary $(BIN)/investigator

.PHONY: build-demo
build-demo: image $(HELM) ## Build what the demo and the end-to-end test need.
	CGO_ENABLED=0 go build -C hack/cluster -trimpath -ldflags='-s -w' -o $(BIN)/demoapp ./demoapp
	go -C hack/image run . --output $(CURDIR)/dist/demoapp.tar --name tocsin.dev/demoapp:dev --entrypoint /demoapp --binary $(BIN)/demoapp --link /bin/sh=/demoapp

.PHONY: install
install: $(HELM) ## Install the CRDs into the cluster of KUBECONFIG.
	$(HELM) upgrade --install tocsin-crds charts/tocsin-crds --namespace tocsin-system --create-namespace

.PHONY: deploy
deploy: install ## Install Tocsin into the cluster of KUBECONFIG, from IMAGE.
	$(HELM) upgrade --install tocsin charts/tocsin --namespace tocsin-system --create-namespace --set image.reference=$(IMAGE)

.PHONY: clean
clean: ## Remove what was built here.
	rm -rf bin dist

# Tools are pinned in hack/tools/go.mod.
tool = CGO_ENABLED=0 go build -C hack/tools -trimpath -o $@
$(CONTROLLER_GEN): hack/tools/go.mod ; $(tool) sigs.k8s.io/controller-tools/cmd/controller-gen
$(CRD_REF_DOCS): hack/tools/go.mod ; $(tool) github.com/elastic/crd-ref-docs
$(GOLANGCI_LINT): hack/tools/go.mod ; $(tool) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(HELM): hack/tools/go.mod ; $(tool) helm.sh/helm/v4/cmd/helm
