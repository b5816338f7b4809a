#!/usr/bin/env bash
# Copies what is generated under config/ into the charts, which render it from
# there: one source for both ways to install Tocsin.
set -euo pipefail
cd "$(dirname "$0")/.."

# replace FOLDER FILE...: FOLDER holds exactly these files.
replace() {
	local folder=$1
	shift
	rm -rf "$folder"
	mkdir -p "$folder"
	cp "$@" "$folder"
}

admission=()
for file in config/admission/*.yaml; do
	[[ $file == */kustomization.yaml ]] || admission+=("$file")
done

replace charts/tocsin-crds/files config/crd/tocsin.dev_*.yaml
replace charts/tocsin/files config/rbac/role.yaml config/rbac/people.yaml
replace charts/tocsin/files/admission "${admission[@]}"
