# Sourced by run.sh and e2e.sh: makes sure that there is a cluster with the
# images, and says where it is.
#
#   CLUSTER=existing  use the cluster of KUBECONFIG, with kubectl from the path.
#                     IMAGE and APP_IMAGE must be images that it can pull.
#   TOCSIN_CLUSTER    the name of the local cluster.

cluster() { go -C hack/cluster run . "$@"; }

# start_cluster ARGUMENTS...: the arguments are for `up`.
start_cluster() {
	export HELM=${HELM:-$PWD/bin/tools/helm}
	if [[ ${CLUSTER:-local} == existing ]]; then
		: "${KUBECONFIG:?CLUSTER=existing needs KUBECONFIG}" "${IMAGE:?CLUSTER=existing needs IMAGE}" "${APP_IMAGE:?CLUSTER=existing needs APP_IMAGE}"
		export KUBECTL=${KUBECTL:-kubectl}
		return
	fi
	KUBECONFIG=$(cluster up "$@")
	KUBECTL=$(cluster assets)/kubectl
	export KUBECONFIG KUBECTL
	cluster load "${IMAGE_FILE:-$PWD/dist/tocsin.tar}" "${APP_IMAGE_FILE:-$PWD/dist/demoapp.tar}"
}
