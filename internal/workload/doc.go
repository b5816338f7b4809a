// Package workload builds what a step of an investigation runs as: a Job with a
// restricted pod, and the ConfigMap with its input.
//
// Nothing that an alert says reaches a command, an argument, an environment
// variable, a label or an annotation: the kubelet expands $(VAR) in some of
// them, shells and selectors the rest. It is in the input file alone.
package workload
