package wire

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Class tells what a request does to the cluster.
type Class int

const (
	// Read changes nothing: get, list and watch.
	Read Class = iota
	// State changes what is stored, and is what faults are counted by.
	State
	// Aside is stored nowhere: reviews, dry runs and tokens. Faults at them are
	// counted apart.
	Aside
	// Event is for people to read; no decision rests on it. Events are written
	// from a queue, beside what they tell of.
	Event
	// Lease keeps a leader in office. It is neither counted nor spoiled.
	Lease
)

// Request is what a write asked for.
type Request struct {
	Method      string
	Resource    schema.GroupResource
	Namespace   string
	Name        string
	Subresource string
	Class       Class
	watch       bool
}

// String is how a write reads in a report: "PATCH incidents.tocsin.dev/x/status".
func (r Request) String() string {
	return fmt.Sprintf("%s %s/%s%s", r.Method, r.Resource, r.Name, r.sub())
}

// Kind is the write without the names of a single run, to group writes by.
func (r Request) Kind() string {
	return fmt.Sprintf("%s %s%s", r.Method, r.Resource, r.sub())
}

func (r Request) sub() string {
	if r.Subresource == "" {
		return ""
	}
	return "/" + r.Subresource
}

// parse reads the request's aim from its path, as the API server does.
func parse(req *http.Request) Request {
	r := Request{Method: req.Method, watch: req.URL.Query().Get("watch") == "true" || req.URL.Query().Get("watch") == "1"}
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		r.Resource.Group, parts = parts[1], parts[3:]
	default: // discovery, health
		parts = nil
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		r.Namespace, parts = parts[1], parts[2:]
	}
	for i, field := range []*string{&r.Resource.Resource, &r.Name, &r.Subresource} {
		if i < len(parts) {
			*field = parts[i]
		}
	}
	r.Class = classify(r, req)
	return r
}

func classify(r Request, req *http.Request) Class {
	switch {
	case req.Method == http.MethodGet || req.Method == http.MethodHead:
		return Read
	case r.Resource.Resource == "leases":
		return Lease
	case strings.HasSuffix(r.Resource.Group, "authorization.k8s.io"),
		strings.HasSuffix(r.Resource.Group, "authentication.k8s.io"),
		r.Subresource == "token",
		rehearses(req):
		return Aside
	case r.Resource.Resource == "events":
		return Event
	default:
		return State
	}
}

// rehearses tells whether the request is a dry run. A deletion says so in its
// body: as JSON, or as field 5 of DeleteOptions in protobuf.
func rehearses(req *http.Request) bool {
	if req.URL.Query().Get("dryRun") != "" {
		return true
	}
	if req.Method != http.MethodDelete || req.GetBody == nil {
		return false
	}
	body, err := req.GetBody()
	if err != nil {
		return false
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(body)
	return err == nil && (bytes.Contains(data, []byte(`"dryRun":["All"]`)) || bytes.Contains(data, []byte("\x2a\x03All")))
}
