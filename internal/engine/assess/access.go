package assess

import (
	"slices"
	"strings"
)

// Permission is a right that an intruder would look for.
type Permission struct {
	Verb, Group, Resource, Subresource string
	// Cluster says that it is asked for every namespace, not the account's own.
	Cluster bool
	points  int
	says    string
}

// Permissions is the fixed list of rights that are asked about, the most
// dangerous first.
var Permissions = []Permission{
	{Verb: "*", Group: "*", Resource: "*", Cluster: true, points: 60, says: "do everything (cluster-admin)"},
	{Verb: "create", Group: "rbac.authorization.k8s.io", Resource: "clusterrolebindings", Cluster: true, points: 40, says: "create ClusterRoleBindings"},
	{Verb: "escalate", Group: "rbac.authorization.k8s.io", Resource: "clusterroles", Cluster: true, points: 40, says: "escalate ClusterRoles"},
	{Verb: "bind", Group: "rbac.authorization.k8s.io", Resource: "clusterroles", Cluster: true, points: 40, says: "bind ClusterRoles"},
	{Verb: "impersonate", Resource: "users", Cluster: true, points: 40, says: "impersonate users"},
	{Verb: "create", Resource: "nodes", Subresource: "proxy", Cluster: true, points: 40, says: "reach every kubelet (nodes/proxy)"},
	{Verb: "list", Resource: "secrets", Cluster: true, points: 40, says: "list Secrets in every namespace"},
	{Verb: "get", Resource: "secrets", Cluster: true, points: 30, says: "read Secrets in every namespace"},
	{Verb: "create", Resource: "pods", Subresource: "exec", Cluster: true, points: 30, says: "open shells in every namespace (pods/exec)"},
	{Verb: "create", Resource: "pods", Cluster: true, points: 30, says: "create pods in every namespace"},
	{Verb: "create", Resource: "serviceaccounts", Subresource: "token", Cluster: true, points: 30, says: "create tokens of every service account"},
	{Verb: "create", Group: "admissionregistration.k8s.io", Resource: "mutatingwebhookconfigurations", Cluster: true, points: 30, says: "create mutating webhooks"},
	{Verb: "create", Group: "admissionregistration.k8s.io", Resource: "validatingwebhookconfigurations", Cluster: true, points: 20, says: "create validating webhooks"},
	{Verb: "list", Resource: "secrets", points: 15, says: "list Secrets in its namespace"},
	{Verb: "get", Resource: "secrets", points: 10, says: "read Secrets in its namespace"},
	{Verb: "create", Resource: "pods", Subresource: "exec", points: 15, says: "open shells in its namespace (pods/exec)"},
	{Verb: "create", Resource: "pods", points: 10, says: "create pods in its namespace"},
	{Verb: "create", Group: "rbac.authorization.k8s.io", Resource: "rolebindings", points: 15, says: "create RoleBindings in its namespace"},
}

// maxPower is how many points rights alone make: a powerful account is worth a
// look, and nothing more until an alert speaks of it.
const maxPower = maliciousPoints - 20

// AssessAccess gives a service account its verdict, from the permissions that
// it has: what it can do, and what the alerts say of it.
func AssessAccess(allowed []Permission, c Context) Assessment {
	findings := c.findings()
	if power, ok := power(allowed); ok {
		findings = append(findings, power)
	}
	return weigh(findings)
}

// power is one finding for all the rights. A right over the cluster includes
// the same one in the namespace.
func power(allowed []Permission) (finding, bool) {
	var says []string
	points := 0
	for _, p := range allowed {
		if included(p, allowed) {
			continue
		}
		points += p.points
		says = append(says, p.says)
	}
	if len(says) == 0 {
		return finding{}, false
	}
	return finding{min(points, maxPower), "it may " + strings.Join(says, ", ")}, true
}

func included(p Permission, allowed []Permission) bool {
	return slices.ContainsFunc(allowed, func(wider Permission) bool {
		if wider.Verb == "*" && p.Verb != "*" {
			return true
		}
		return wider.Cluster && !p.Cluster && wider.Verb == p.Verb && wider.Group == p.Group &&
			wider.Resource == p.Resource && wider.Subresource == p.Subresource
	})
}
