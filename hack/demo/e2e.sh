#!/usr/bin/env bash
# Asserts the demo's story on a cluster of its own, which is removed afterwards;
# `make test-e2e` builds what it needs. KEEP=1 keeps the cluster.
set -euo pipefail
cd "$(dirname "$0")/../.."
source hack/demo/cluster.sh

export TOCSIN_CLUSTER=${TOCSIN_CLUSTER:-tocsin-e2e}
if [[ ${CLUSTER:-local} != existing && -z ${KEEP:-} ]]; then
	trap 'cluster down' EXIT
fi
# Tocsin's own requests are audited, to compare the rights it has with those it uses.
start_cluster --audit-tocsin
TOCSIN_E2E=1 go test -count=1 -v -timeout 15m ./test/e2e/...
