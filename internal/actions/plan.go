package actions

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
)

// ErrPlan is something that can never be done.
var ErrPlan = errors.New("no such remediation is possible")

// Remediation identifies who made an object.
type Remediation struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
}

// Target is the object to act on.
type Target struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// UID is the object that is meant. Empty, it is whichever has the name.
	UID string `json:"uid,omitempty"`
}

// Request is everything that people were shown and that may not change after
// they approved it.
type Request struct {
	Remediation   Remediation `json:"remediation"`
	Action        string      `json:"action"`
	Target        Target      `json:"target"`
	ActsAs        string      `json:"actsAs"`
	TTLSeconds    int32       `json:"ttlSeconds,omitempty"`
	Approval      string      `json:"approval"`
	Reason        string      `json:"reason"`
	Incident      string      `json:"incident,omitempty"`
	Investigation string      `json:"investigation,omitempty"`
	RequestedBy   string      `json:"requestedBy,omitempty"`
}

// Step is one change, as it will be sent.
type Step struct {
	Verb      string `json:"verb"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Body      any    `json:"body,omitempty"`
}

// Plan is exactly what will be done.
type Plan struct {
	Request
	Steps []Step `json:"steps"`

	entry entry
	// pinned is the UID of the object that was acted on first.
	pinned string
}

// Render says exactly what a request comes to. It reads nothing.
func Render(r Request) (Plan, error) {
	e, ok := table[r.Action]
	if !ok {
		return Plan{}, fmt.Errorf("%w: unknown action %q", ErrPlan, r.Action)
	}
	if r.Target.Kind != e.kind || r.Target.Namespace == "" || r.Target.Name == "" {
		return Plan{}, fmt.Errorf("%w: %s acts on a %s with a namespace and a name, not on %q %q/%q",
			ErrPlan, r.Action, e.kind, r.Target.Kind, r.Target.Namespace, r.Target.Name)
	}
	if r.ActsAs == "" || r.Remediation.UID == "" {
		return Plan{}, fmt.Errorf("%w: it is not said who acts", ErrPlan)
	}
	p := Plan{Request: r, Steps: e.steps(r), entry: e}
	return p, inScope(p)
}

// Digest identifies the plan: the SHA-256 of its JSON, whose fields come in a
// fixed order.
func (p Plan) Digest() (string, error) {
	encoded, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encoding plan: %w", err)
	}
	sum := sha256.Sum256(encoded)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// Words say what will be done.
func (p Plan) Words() string {
	return fmt.Sprintf("%s. Done as %s.%s", p.entry.words(p.Request), p.ActsAs, p.duration())
}

func (p Plan) duration() string {
	switch {
	case !p.entry.undoable:
		return " It cannot be undone."
	case p.TTLSeconds > 0:
		return fmt.Sprintf(" Undone after %s.", duration.HumanDuration(time.Duration(p.TTLSeconds)*time.Second))
	default:
		return " It holds until somebody undoes it."
	}
}

// Undoable reports whether the effect can be taken back.
func (p Plan) Undoable() bool { return p.entry.undoable }

// For is the plan for the object with this UID and no other of the same name.
func (p Plan) For(uid string) Plan {
	p.pinned = uid
	return p
}

// meant reports whether an object is the one to act on.
func (p Plan) meant(uid string) bool {
	return (p.Target.UID == "" || p.Target.UID == uid) && (p.pinned == "" || p.pinned == uid)
}
