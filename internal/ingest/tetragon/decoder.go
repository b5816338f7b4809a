package tetragon

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/attack"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Service is the product that the alerts name.
const Service = "tetragon"

// Decoder reads Tetragon's events.
type Decoder struct {
	// Cluster is where the sender runs. Where it is empty, newer versions say it.
	Cluster string
}

// Unwrap returns the record: shippers send lines or arrays, which are split before.
func (Decoder) Unwrap(record []byte) ([][]byte, error) { return [][]byte{record}, nil }

// Check looks for the policy: most events only tell which programs run.
func (Decoder) Check(data []byte) (decode.Drop, error) {
	var e envelope
	if err := decode.Lenient(data, &e); err != nil {
		return "", err
	}
	var h hook
	_, drop, err := e.read(&h)
	return drop, err
}

// Decode makes an alert of what a policy asked for.
func (d Decoder) Decode(data []byte, received time.Time) (decode.Decoded, error) {
	var e envelope
	if err := decode.Lenient(data, &e); err != nil {
		return decode.Decoded{}, err
	}
	var s signal
	kind, drop, err := e.read(&s)
	if drop != "" || err != nil {
		return decode.Decoded{Drop: drop}, err
	}
	return decode.Decoded{Alert: d.alert(e, kind, s, received)}, nil
}

// read fills a hook, or a signal, which has one.
func (e envelope) read(into interface{ check(kind string) error }) (kind string, drop decode.Drop, err error) {
	kind, drop, err = e.kind()
	if drop != "" || err != nil {
		return "", drop, err
	}
	if decode.Lenient(e[kind], into) != nil {
		return "", "", hook{}.check(kind) // It is no object.
	}
	return kind, "", into.check(kind)
}

func (d Decoder) alert(e envelope, kind string, s signal, received time.Time) model.Alert {
	when := entity.Time(e.word("time"), received)
	tactics, techniques := attack.Tags(s.Tags)
	return model.Alert{
		Service:     Service,
		Detection:   text.Line(cmp.Or(s.policy(), kind), decode.MaxSensor),
		Rule:        s.rule(),
		Title:       cmp.Or(decode.Title(string(s.Message)), decode.Title(s.title())),
		Description: s.describe(),
		Severity:    s.severity(),
		Tactics:     tactics,
		Techniques:  techniques,
		First:       when,
		Last:        when,
		Fingerprint: d.fingerprint(e, s),
		Entities:    s.entities(e.word("node_name")),
		Occurrences: 1,
	}
}

// title is the name of the policy, or else what was done.
func (s signal) title() string {
	if policy := s.policy(); policy != "" {
		return policy
	}
	return strings.TrimSpace(string(s.Process.Binary) + " " + s.place())
}

// describe says what was done, and who did it.
func (s signal) describe() string {
	var arguments []string
	for _, a := range s.Args {
		if told := a.told(); told != "" {
			arguments = append(arguments, told)
		}
	}
	call := s.place()
	if len(arguments) > 0 {
		call += "(" + strings.Join(arguments, ", ") + ")"
	}
	var facts decode.Facts
	facts.Add("", call)
	facts.Add("Process: ", s.Process.command())
	facts.Add("Parent: ", s.Parent.command())
	if s.enforced() {
		facts.Add("Enforced: ", s.action())
	}
	return facts.String()
}

// enforcing are the actions by which a policy prevents what it sees.
var enforcing = []string{"SIGKILL", "SIGNAL", "OVERRIDE", "NOTIFYENFORCER"}

func (s signal) action() string {
	return strings.TrimPrefix(text.Line(string(s.Action), maxWord), "KPROBE_ACTION_")
}

func (s signal) enforced() bool { return slices.Contains(enforcing, s.action()) }

// severity is High for what somebody found bad enough to prevent. Policies have
// no severity of their own.
func (s signal) severity() model.Severity {
	if s.enforced() {
		return model.SeverityHigh
	}
	return model.SeverityMedium
}

// fingerprint is over the policy, what it watches, where, the program and the
// arguments that are the same each time. exec_id is not in it: a program that is
// started again and again would be another signal each time.
func (d Decoder) fingerprint(e envelope, s signal) string {
	parts := []string{cmp.Or(d.Cluster, e.word("cluster_name")), s.policy(), s.place(),
		s.Process.where(e.word("node_name")), text.Line(string(s.Process.Binary), maxWord)}
	for _, a := range s.Args {
		parts = append(parts, a.lasting())
	}
	return decode.Fingerprint(Service, parts...)
}
