// Package kubernetesaudit makes alerts of the audit events of a kube-apiserver.
//
// An audit event is telemetry; rules in CEL say which ones are alerts. An event
// makes at most one alert, so that each is counted once: the most severe rule
// that matches names it (of equal ones the first), the others add their tactics
// and techniques and are mentioned.
//
// The fingerprint is over the cluster, the rule, the user and the object.
package kubernetesaudit
