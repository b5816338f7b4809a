package fingerprint

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/falco"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
)

func fingerprintOf(t *testing.T, expression, source, data string) (string, error) {
	t.Helper()
	d, err := Override(falco.Decoder{}, source, "prod", expression)
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.Decode([]byte(data), hostile.Received)
	if err != nil {
		t.Fatal(err)
	}
	return out.Alert.Fingerprint, out.FingerprintErr
}

const (
	shell = `{"rule": "Shell", "output": "a", "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": "web-0", "proc.cmdline": "sh -c id", "evt.num": 9007199254740993}}`
	other = `{"rule": "Shell", "output": "b", "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": "web-1", "proc.cmdline": "sh -c id"}}`
)

func TestWhatMakesTwoTheSame(t *testing.T) {
	for expression, same := range map[string]bool{
		"alert.rule": true,
		"[alert.rule, event.output_fields['proc.cmdline']]":                                    true,
		"[alert.alertSource] + alert.entities.filter(e, e.kind == 'Namespace').map(e, e.name)": true,
		"event.output":                         false,
		"alert.entities.map(e, e.name)":        false,
		"event.output_fields[?'k8s.pod.name']": false,
	} {
		a, errA := fingerprintOf(t, expression, "falco", shell)
		b, errB := fingerprintOf(t, expression, "falco", other)
		if errA != nil || errB != nil || (a == b) != same || len(a) != 32 {
			t.Errorf("%s: %s and %s, %v, %v", expression, a, b, errA, errB)
		}
		if elsewhere, _ := fingerprintOf(t, expression, "another", shell); elsewhere == a {
			t.Errorf("%s: another source has the same fingerprint", expression)
		}
	}
	whole, _ := fingerprintOf(t, "string(event.output_fields['evt.num'])", "falco", shell)
	if cut, _ := fingerprintOf(t, "string(event.output_fields['evt.num'])", "falco", strings.Replace(shell, "40993", "40992", 1)); cut == whole {
		t.Error("large numbers are not whole")
	}
}

// No event is lost for an expression: the format's own fingerprint holds.
func TestFallsBack(t *testing.T) {
	own, err := falco.Decoder{}.Decode([]byte(shell), hostile.Received)
	if err != nil {
		t.Fatal(err)
	}
	for expression, want := range map[string]string{
		"event.nothing":                  "fingerprint: no such key: nothing",
		"alert.entities[63].name":        "fingerprint: index out of bounds: 63",
		"event.output_fields":            "fingerprint: must give a string or a list of strings, not map",
		"[event.output_fields]":          "fingerprint: must give a list of strings, and something else is in it",
		"event.output_fields['evt.num']": "fingerprint: must give a string or a list of strings, not int",
		"event.output_fields.map(a, event.output_fields.map(b, event.output_fields.map(c, event.output_fields.map(d, event.output_fields.map(e, event.output_fields.map(f, event.output_fields.map(g, event.output_fields.map(h, event.output_fields.map(i, event.output_fields.map(j, a)))))))))).map(x, 'x')": "fingerprint: operation cancelled: actual cost limit exceeded",
		"event.?nothing":              "",
		"alert.rule == '' ? 'x' : ''": "",
		"event[?'x'].orValue(null)":   "",
		"alert.tactics":               "",
	} {
		got, err := fingerprintOf(t, expression, "falco", shell)
		if got != own.Alert.Fingerprint || err == nil && want != "" || err != nil && (want == "" || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%s: %s, %v, want %q", expression, got, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for expression, want := range map[string]string{
		"'x'":                                   "fingerprint: comes out the same whatever the event is",
		"alert.nme":                             "fingerprint: line 1, column 6: undefined field 'nme'",
		"1":                                     "fingerprint: must give a string or a list of strings, not int",
		"alert":                                 "fingerprint: must give a string or a list of strings, not match.Alert",
		"event.x +":                             "fingerprint: line 1, column 10: Syntax error",
		"alert.title.replace('a', alert.title)": "fingerprint: line 1, column 20: replace must not make a text longer",
	} {
		if _, err := Override(falco.Decoder{}, "falco", "", expression); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", expression, err, want)
		}
	}
}

// dropping drops an event, or fails on it.
type dropping struct {
	decode.Decoder
	drop decode.Drop
	err  error
}

func (d dropping) Decode([]byte, time.Time) (decode.Decoded, error) {
	return decode.Decoded{Drop: d.drop, Alert: model.Alert{Fingerprint: "own"}}, d.err
}

func TestWhatIsNoAlert(t *testing.T) {
	failed := errors.New("bad")
	for _, inner := range []dropping{{drop: decode.DropHealth}, {err: failed}} {
		d, err := Override(inner, "falco", "", "event.x")
		if err != nil {
			t.Fatal(err)
		}
		if out, err := d.Decode(nil, hostile.Received); !errors.Is(err, inner.err) || out.Drop != inner.drop || out.FingerprintErr != nil || out.Alert.Fingerprint != "own" {
			t.Errorf("%+v, %v", out, err)
		}
	}
}

func FuzzOverride(f *testing.F) {
	for _, expression := range []string{"alert.rule", "[alert.title] + alert.tactics", "event.output_fields['proc.cmdline']", "event.?x", "event.tags"} {
		f.Add(expression, []byte(shell))
	}
	f.Fuzz(func(t *testing.T, expression string, data []byte) {
		d, err := Override(falco.Decoder{}, "falco", "", expression)
		if err != nil {
			return
		}
		hostile.Record(t, decode.Safe(d), data)
	})
}
