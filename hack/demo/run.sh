#!/usr/bin/env bash
# Plays the demo; `make demo` builds what it needs.
set -euo pipefail
cd "$(dirname "$0")/../.."
source hack/demo/cluster.sh

start_cluster
exec go run ./hack/demo
