package summary

import "github.com/tocsin-dev/tocsin/api/v1alpha1"

// Enqueue is what a change of an object wakes.
var Enqueue = enqueue[*v1alpha1.Remediation]
