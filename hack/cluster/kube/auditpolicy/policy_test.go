// Package auditpolicy tests the cluster's audit policy. It is part of this
// module because only here is the API server's own code, which decides.
package auditpolicy

import (
	"bytes"
	"testing"
	"text/template"

	"k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

var (
	alice      = &user.DefaultInfo{Name: "alice", Groups: []string{"developers", "system:authenticated"}}
	anonymous  = &user.DefaultInfo{Name: "system:anonymous", Groups: []string{"system:unauthenticated"}}
	loopback   = &user.DefaultInfo{Name: "system:apiserver", Groups: []string{"system:masters"}}
	theNode    = &user.DefaultInfo{Name: "system:node:tocsin", Groups: []string{"system:nodes", "system:authenticated"}}
	shop       = account("shop", "default")
	replicaset = account("kube-system", "replicaset-controller")
	gateway    = account("tocsin-system", "gateway")
)

func account(namespace, name string) user.Info {
	return &user.DefaultInfo{
		Name:   "system:serviceaccount:" + namespace + ":" + name,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
}

// to is a request for a resource of a group.
func to(who user.Info, verb, group, resource, subresource string) authorizer.AttributesRecord {
	return authorizer.AttributesRecord{
		User: who, Verb: verb, Namespace: "shop", Name: "x",
		APIGroup: group, Resource: resource, Subresource: subresource, ResourceRequest: true,
	}
}

func TestAuditPolicy(t *testing.T) {
	const rbac, admission = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
	for name, c := range map[string]struct {
		request authorizer.AttributesRecord
		want    audit.Level
	}{
		"exec over websockets":                 {to(alice, "get", "", "pods", "exec"), audit.LevelRequest},
		"exec over a post":                     {to(alice, "create", "", "pods", "exec"), audit.LevelRequest},
		"attach":                               {to(alice, "get", "", "pods", "attach"), audit.LevelRequest},
		"a debug container":                    {to(alice, "patch", "", "pods", "ephemeralcontainers"), audit.LevelRequest},
		"a pod by a person":                    {to(alice, "create", "", "pods", ""), audit.LevelRequestResponse},
		"a pod by a controller":                {to(replicaset, "create", "", "pods", ""), audit.LevelRequestResponse},
		"a binding":                            {to(shop, "create", rbac, "clusterrolebindings", ""), audit.LevelRequest},
		"a binding by the API server":          {to(loopback, "create", rbac, "clusterrolebindings", ""), audit.LevelNone},
		"a webhook configuration":              {to(alice, "update", admission, "validatingwebhookconfigurations", ""), audit.LevelRequest},
		"secrets, listed by a pod":             {to(shop, "list", "", "secrets", ""), audit.LevelMetadata},
		"a secret, written":                    {to(alice, "create", "", "secrets", ""), audit.LevelMetadata},
		"a secret, read by a controller":       {to(replicaset, "get", "", "secrets", ""), audit.LevelMetadata},
		"a secret, read by the node":           {to(theNode, "get", "", "secrets", ""), audit.LevelNone},
		"a token for another":                  {to(alice, "create", "", "serviceaccounts", "token"), audit.LevelMetadata},
		"a token review":                       {to(alice, "create", "authentication.k8s.io", "tokenreviews", ""), audit.LevelMetadata},
		"what may I do":                        {to(shop, "create", "authorization.k8s.io", "selfsubjectrulesreviews", ""), audit.LevelRequest},
		"events, written":                      {to(replicaset, "create", "events.k8s.io", "events", ""), audit.LevelNone},
		"events, deleted":                      {to(alice, "deletecollection", "", "events", ""), audit.LevelMetadata},
		"a lease":                              {to(theNode, "update", "coordination.k8s.io", "leases", ""), audit.LevelNone},
		"pods, listed by a person":             {to(alice, "list", "", "pods", ""), audit.LevelMetadata},
		"pods, watched by a controller":        {to(replicaset, "watch", "", "pods", ""), audit.LevelNone},
		"pod status by the node":               {to(theNode, "patch", "", "pods", "status"), audit.LevelNone},
		"deployment status by its controller":  {to(replicaset, "update", "apps", "deployments", "status"), audit.LevelNone},
		"Tocsin's own write":                   {to(gateway, "create", "tocsin.dev", "alerts", ""), audit.LevelNone},
		"an approval":                          {to(alice, "patch", "tocsin.dev", "remediations", ""), audit.LevelRequest},
		"anything else":                        {to(alice, "create", "example.com", "things", ""), audit.LevelMetadata},
		"health, asked for by anyone":          {authorizer.AttributesRecord{User: anonymous, Verb: "get", Path: "/healthz"}, audit.LevelNone},
		"an unusual path, asked for by anyone": {authorizer.AttributesRecord{User: anonymous, Verb: "get", Path: "/debug/pprof"}, audit.LevelMetadata},
	} {
		t.Run(name, func(t *testing.T) {
			if got := level(t, "None", c.request); got != c.want {
				t.Errorf("level %s, want %s", got, c.want)
			}
		})
	}
}

func TestAuditPolicyOfTocsinsOwnRequests(t *testing.T) {
	request := to(gateway, "list", "", "secrets", "")
	if got := level(t, "Metadata", request); got != audit.LevelMetadata {
		t.Errorf("level %s, want Metadata: the rights that Tocsin uses could not be found out", got)
	}
}

// level is the level that the policy gives a request. ofTocsin is the level of
// Tocsin's own requests, which the cluster's up command sets.
func level(t *testing.T, ofTocsin string, request authorizer.AttributesRecord) audit.Level {
	t.Helper()
	parsed, err := template.ParseFiles("../../internal/config/files/audit-policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	if err := parsed.Execute(&content, map[string]string{"TocsinLevel": ofTocsin}); err != nil {
		t.Fatal(err)
	}
	loaded, err := policy.LoadPolicyFromBytes(content.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return policy.NewPolicyRuleEvaluator(loaded).EvaluatePolicyRule(&request).Level
}
