package kube

// LabelManagedBy marks the Jobs, Pods and ConfigMaps that Tocsin made; only
// those are cached.
const (
	LabelManagedBy = "tocsin.dev/managed-by"
	ManagedBy      = "tocsin"
)
