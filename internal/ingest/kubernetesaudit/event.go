package kubernetesaudit

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	authnv1 "k8s.io/api/authentication/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Event is what a rule sees as "event": an Event of audit.k8s.io/v1 in which
// nothing is missing, so that a rule need not ask before it looks. Its members
// are typed: a misspelt one is an error when the rule is compiled. The objects
// are maps, empty where the audit policy does not record them.
type Event struct {
	Level            string            `cel:"level"`
	AuditID          string            `cel:"auditID"`
	Stage            string            `cel:"stage"`
	RequestURI       string            `cel:"requestURI"`
	Verb             string            `cel:"verb"`
	User             User              `cel:"user"`
	ImpersonatedUser User              `cel:"impersonatedUser"`
	SourceIPs        []string          `cel:"sourceIPs"`
	UserAgent        string            `cel:"userAgent"`
	ObjectRef        ObjectRef         `cel:"objectRef"`
	ResponseStatus   ResponseStatus    `cel:"responseStatus"`
	RequestObject    Object            `cel:"requestObject"`
	ResponseObject   Object            `cel:"responseObject"`
	Annotations      map[string]string `cel:"annotations"`
}

// User is who asked, or as whom.
type User struct {
	Username string              `cel:"username"`
	UID      string              `cel:"uid"`
	Groups   []string            `cel:"groups"`
	Extra    map[string][]string `cel:"extra"`
}

// ObjectRef is what was asked for.
type ObjectRef struct {
	Resource    string `cel:"resource"`
	Subresource string `cel:"subresource"`
	Namespace   string `cel:"namespace"`
	Name        string `cel:"name"`
	APIGroup    string `cel:"apiGroup"`
	APIVersion  string `cel:"apiVersion"`
}

// ResponseStatus is how it ended; Code is 0 where the sender does not say.
type ResponseStatus struct {
	Code    int64  `cel:"code"`
	Status  string `cel:"status"`
	Reason  string `cel:"reason"`
	Message string `cel:"message"`
}

// Object is a Kubernetes object as a rule sees it: a map of anything.
type Object struct {
	traits.Mapper
	content map[string]any
}

// Type says what an Object is when rules are compiled, before there is one.
func (Object) Type() ref.Type { return types.MapType }

func newObject(data json.RawMessage) Object {
	content := map[string]any{}
	if len(data) > 0 && utiljson.Unmarshal(data, &content) != nil || content == nil {
		content = map[string]any{} // "null", or something that is no object.
	}
	return Object{Mapper: types.DefaultTypeAdapter.NativeToValue(content).(traits.Mapper), content: content}
}

func newEvent(w wireEvent) Event {
	e := Event{
		Level:          string(w.Level),
		AuditID:        string(w.AuditID),
		Stage:          string(w.Stage),
		RequestURI:     w.RequestURI,
		Verb:           w.Verb,
		User:           newUser(w.User),
		SourceIPs:      w.SourceIPs,
		UserAgent:      w.UserAgent,
		RequestObject:  newObject(w.RequestObject),
		ResponseObject: newObject(w.ResponseObject),
		Annotations:    w.Annotations,
	}
	if w.ImpersonatedUser != nil {
		e.ImpersonatedUser = newUser(*w.ImpersonatedUser)
	}
	if o := w.ObjectRef; o != nil {
		e.ObjectRef = ObjectRef{Resource: o.Resource, Subresource: o.Subresource, Namespace: o.Namespace,
			Name: o.Name, APIGroup: o.APIGroup, APIVersion: o.APIVersion}
	}
	if s := w.ResponseStatus; s != nil {
		e.ResponseStatus = ResponseStatus{Code: int64(s.Code), Status: s.Status, Reason: string(s.Reason), Message: s.Message}
	}
	return e
}

func newUser(u authnv1.UserInfo) User {
	extra := make(map[string][]string, len(u.Extra))
	for key, values := range maps.All(u.Extra) {
		extra[key] = values
	}
	return User{Username: u.Username, UID: u.UID, Groups: u.Groups, Extra: extra}
}

// succeeded says whether the API server did what was asked.
func (e Event) succeeded() bool {
	return e.ResponseStatus.Code < 400 && e.ResponseStatus.Status != "Failure" &&
		e.Annotations["authorization.k8s.io/decision"] != "forbid"
}

// longRunning are the subresources that answer long before they end.
var longRunning = map[string]bool{"attach": true, "exec": true, "log": true, "portforward": true, "proxy": true}

// final says whether this is the one stage of a request that is acted on. The
// same request comes once for each stage: a long one counts when it has begun,
// any other when it has ended. Clouds leave the stage out.
func (w wireEvent) final() bool {
	long := w.Verb == "watch" || w.ObjectRef != nil && longRunning[w.ObjectRef.Subresource]
	switch w.Stage {
	case "", "Panic":
		return true
	case "ResponseStarted":
		return long
	case "ResponseComplete":
		return !long
	}
	return false
}

// name of the object: created objects get theirs from the API server.
func (e Event) name() string {
	if e.ObjectRef.Name != "" || e.ObjectRef.Subresource != "" {
		return e.ObjectRef.Name
	}
	if created := e.ResponseObject.text("metadata", "name"); created != "" {
		return created
	}
	return e.RequestObject.text("metadata", "name")
}

// stableName is name, or what the generated names of its siblings have in common.
func (e Event) stableName() string {
	if generate := e.RequestObject.text("metadata", "generateName"); generate != "" {
		return generate + "*"
	}
	return e.name()
}

// text returns the string at a path, or nothing.
func (o Object) text(path ...string) string {
	s, _ := o.at(path...).(string)
	return s
}

// list returns the objects in the list at a path.
func (o Object) list(path ...string) []Object {
	items, _ := o.at(path...).([]any)
	var out []Object
	for _, item := range items {
		if content, ok := item.(map[string]any); ok {
			out = append(out, Object{content: content})
		}
	}
	return out
}

func (o Object) at(path ...string) any {
	var here any = o.content
	for _, step := range path {
		content, ok := here.(map[string]any)
		if !ok {
			return nil
		}
		here = content[step]
	}
	return here
}

// either returns the first object that has a member of that name: what was
// asked for, or what came of it where only a patch was sent.
func (e Event) either(member string) Object {
	if _, ok := e.RequestObject.content[member]; ok {
		return e.RequestObject
	}
	return e.ResponseObject
}

// client is the address that the request came from; the others are proxies.
func (e Event) client() string {
	if len(e.SourceIPs) == 0 {
		return ""
	}
	return strings.TrimSpace(e.SourceIPs[0])
}
