// Package tetragon reads the JSON that Tetragon exports, one event a line.
package tetragon

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// envelope holds the one member that says what happened, under the name of its
// kind, and some that say where and when.
type envelope map[string]json.RawMessage

// signals are the kinds of event that a TracingPolicy asks for.
var signals = []string{"process_kprobe", "process_lsm", "process_tracepoint", "process_uprobe", "process_usdt"}

// health are the kinds in which Tetragon speaks of itself: that it left out events.
var health = []string{"process_throttle", "rate_limit_info"}

var errNoEvent = errors.New("process_kprobe: is missing, and so is every other kind of event; an event of Tetragon's export has one")

// kind returns what kind of signal it is, or why it is none.
func (e envelope) kind() (string, decode.Drop, error) {
	for _, kind := range signals {
		if e[kind] != nil {
			return kind, "", nil
		}
	}
	for _, kind := range health {
		if e[kind] != nil {
			return "", decode.DropHealth, nil
		}
	}
	for kind := range e {
		if strings.HasPrefix(kind, "process_") {
			return "", decode.DropTelemetry, nil // Programs that start and end, and what later versions add.
		}
	}
	return "", "", errNoEvent
}

// word returns a member that is a string, cleaned.
func (e envelope) word(name string) string {
	var value decode.Scalar
	if e[name] == nil || json.Unmarshal(e[name], &value) != nil {
		return ""
	}
	return text.Line(string(value), maxWord)
}

// maxWord is what is kept of a value in a key or a fingerprint.
const maxWord = 512

// hook is the policy that a signal comes from and the place in the kernel, or in
// a program, that the policy watches.
type hook struct {
	Policy   decode.Scalar `json:"policy_name"`
	Function decode.Scalar `json:"function_name"` // kprobe, LSM
	Subsys   decode.Scalar `json:"subsys"`        // tracepoint
	Event    decode.Scalar `json:"event"`         // tracepoint
	Path     decode.Scalar `json:"path"`          // uprobe, USDT
	Symbol   decode.Scalar `json:"symbol"`        // uprobe
	Provider decode.Scalar `json:"provider"`      // USDT
	Name     decode.Scalar `json:"name"`          // USDT
}

func (h hook) policy() string { return text.Line(string(h.Policy), decode.MaxRule) }

// place is what the policy watches.
func (h hook) place() string {
	parts := []string{}
	for _, part := range []decode.Scalar{h.Function, h.Subsys, h.Event, h.Path, h.Provider, h.Symbol, h.Name} {
		if part := text.Line(string(part), maxWord); part != "" {
			parts = append(parts, part)
		}
	}
	return text.Line(strings.Join(parts, ":"), decode.MaxRule)
}

// rule is the policy; versions before 1.0 do not name it.
func (h hook) rule() string { return cmp.Or(h.policy(), h.place()) }

func (h hook) check(kind string) error {
	if h.rule() == "" {
		return fmt.Errorf("%s.policy_name: is missing, and so is function_name; a signal names the policy it comes from", kind)
	}
	return nil
}

// signal is an event that a TracingPolicy asked for.
type signal struct {
	hook
	Process process               `json:"process"`
	Parent  process               `json:"parent"`
	Args    decode.List[argument] `json:"args"`
	Action  decode.Scalar         `json:"action"`
	Message decode.Scalar         `json:"message"`
	Tags    decode.List[string]   `json:"tags"`
	Hash    decode.Scalar         `json:"ima_hash"`
}

type process struct {
	Binary    decode.Scalar `json:"binary"`
	Arguments decode.Scalar `json:"arguments"`
	Docker    decode.Scalar `json:"docker"`
	User      struct {
		Name decode.Scalar `json:"name"`
	} `json:"user"`
	Pod struct {
		Namespace    decode.Scalar `json:"namespace"`
		Name         decode.Scalar `json:"name"`
		Workload     decode.Scalar `json:"workload"`
		WorkloadKind decode.Scalar `json:"workload_kind"`
		Container    struct {
			ID    decode.Scalar `json:"id"`
			Image struct {
				ID   decode.Scalar `json:"id"`
				Name decode.Scalar `json:"name"`
			} `json:"image"`
		} `json:"container"`
	} `json:"pod"`
}

func (p process) command() string {
	return strings.TrimSpace(string(p.Binary) + " " + string(p.Arguments))
}
