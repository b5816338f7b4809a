// Package policyreport reads results of policies: out of the reports of
// wgpolicyk8s.io, reports.x-k8s.io and openreports.io as they are in the cluster,
// and one by one as policy-reporter's webhook posts them.
package policyreport

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// report is what the results in a report have in common.
type report struct {
	Namespace string   `json:"namespace,omitempty"`
	Source    string   `json:"source,omitempty"`
	Created   string   `json:"created,omitempty"`
	Scope     resource `json:"scope,omitzero"`
}

// resource is the object that a result is about.
type resource struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// within returns the resource in a namespace, where it names none.
func (r resource) within(namespace string) resource {
	return resource{Kind: line(r.Kind), Namespace: line(cmp.Or(r.Namespace, namespace)), Name: line(r.Name)}
}

// String is "kind/namespace/name".
func (r resource) String() string { return r.Kind + "/" + r.Namespace + "/" + r.Name }

// maxName bounds the name of an object.
const maxName = 253

func line(s string) string { return text.Line(s, maxName) }

// event is a result out of a report, as Unwrap writes it.
type event struct {
	Report report          `json:"report"`
	Result json.RawMessage `json:"result"`
}

// result is one result. Old versions call some members otherwise.
type result struct {
	Report report `json:"-"`
	// Event is "heartbeat" where policy-reporter only says that it is alive.
	Event             string                `json:"event"`
	Policy            string                `json:"policy"`
	Rule              string                `json:"rule"`
	Message           string                `json:"message"`
	Description       string                `json:"description"`
	Result            string                `json:"result"`
	Status            string                `json:"status"`
	Severity          string                `json:"severity"`
	Category          string                `json:"category"`
	Source            string                `json:"source"`
	CreationTimestamp string                `json:"creationTimestamp"`
	Resource          resource              `json:"resource"`
	Resources         decode.List[resource] `json:"resources"`
	Subjects          decode.List[resource] `json:"subjects"`
	Properties        properties            `json:"properties"`
	Data              properties            `json:"data"`
	Timestamp         struct {
		Seconds decode.Scalar `json:"seconds"`
	} `json:"timestamp"`
}

// properties are what the engine adds, in names of its own.
type properties map[string]decode.Scalar

// get returns the first that is there.
func (p properties) get(names ...string) string {
	for _, name := range names {
		if value := string(p[name]); value != "" {
			return value
		}
	}
	return ""
}

var errNoPolicy = errors.New("policy: is missing or not a string; a result names the policy that it is of")

// parse reads a result, and says whether it is worth keeping.
func parse(data []byte) (result, decode.Drop, error) {
	var e event
	if err := decode.Lenient(data, &e); err != nil {
		return result{}, "", err
	}
	if len(e.Result) > 0 && e.Result[0] == '{' {
		data = e.Result
	}
	r := result{Report: e.Report}
	if err := decode.Lenient(data, &r); err != nil {
		return result{}, "", err
	}
	switch {
	case r.Policy == "" && r.Event != "":
		return r, decode.DropHealth, nil
	case line(r.Policy) == "":
		return r, "", errNoPolicy
	case !r.failed():
		return r, decode.DropTelemetry, nil
	}
	return r, "", nil
}

// failed says whether the policy does not hold, or could not be told to hold.
func (r result) failed() bool {
	outcome := strings.ToLower(cmp.Or(r.Result, r.Status))
	return outcome == "fail" || outcome == "error"
}

// resources are the objects that the result is about, else that of the report.
func (r result) resources() []resource {
	all := append(append(r.Resources, r.Subjects...), r.Resource)
	if len(all) == 1 && r.Resource == (resource{}) {
		all = []resource{r.Report.Scope}
	}
	var named []resource
	for _, one := range all {
		if one = one.within(r.Report.Namespace); one.Name != "" {
			named = append(named, one)
		}
	}
	return named
}

// properties of both names.
func (r result) properties() properties {
	if len(r.Properties) > 0 {
		return r.Properties
	}
	return r.Data
}
