package decode

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// words takes a record apart at its blanks.
type words struct{ checked []string }

func (w *words) Unwrap(record []byte) ([][]byte, error) {
	if len(record) == 0 {
		return nil, errors.New("nothing there")
	}
	var out [][]byte
	for word := range strings.FieldsSeq(string(record)) {
		out = append(out, []byte(word))
	}
	return out, nil
}

func (w *words) Check(event []byte) (Drop, error) {
	w.checked = append(w.checked, string(event))
	switch string(event) {
	case "bad":
		return "", errors.New("bad")
	case "noise":
		return DropTelemetry, nil
	}
	return "", nil
}

func (*words) Decode([]byte, time.Time) (Decoded, error) { return Decoded{}, nil }

func TestEvents(t *testing.T) {
	var got []string
	for e := range Events(&words{}, []byte("good bad noise "+strings.Repeat("x", MaxEventBytes+1)+" good")) {
		switch {
		case e.Err != nil:
			got = append(got, "error: "+e.Err.Error())
		case e.Drop != "":
			got = append(got, string(e.Drop))
		default:
			got = append(got, string(e.Data))
		}
	}
	if want := []string{"good", "error: bad", "Telemetry", "error: the event is larger than 4194304 bytes", "good"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for e := range Events(&words{}, nil) {
		if e.Err == nil || e.Err.Error() != "nothing there" {
			t.Errorf("%+v", e)
		}
	}
}

func TestEventsNobodyAsksFor(t *testing.T) {
	w := &words{}
	for range Events(w, []byte("a b c")) {
		break
	}
	if !slices.Equal(w.checked, []string{"a"}) {
		t.Errorf("checked %q", w.checked)
	}
}
