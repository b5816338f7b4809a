package replay

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/ingest/body"
)

const probe = `
apiVersion: tocsin.dev/v1alpha1
kind: AlertSource
metadata: {name: probe}
spec:
  type: Generic
  generic:
    events: event.?all.orValue([event])
    when: event.name != 'noise'
    title: event.name
    time: event.?at
    entities:
    - {kind: Device, name: "event.?host"}
`

func sourceOf(t testing.TB, declared string) Source {
	t.Helper()
	sources := Sources{}
	if err := sources.Read([]byte(declared)); err != nil {
		t.Fatal(err)
	}
	only, err := sources.Find("")
	if err != nil {
		t.Fatal(err)
	}
	return only
}

// fed feeds inputs and returns what became of each event: its state, and its
// alert with its time or the reason.
func fed(t *testing.T, sorted bool, inputs ...string) []string {
	t.Helper()
	run, outcomes := New(DefaultPolicies()), map[int]Outcome{}
	feed := NewFeed(run, sorted, func(event int, o Outcome) {
		if _, twice := outcomes[event]; twice {
			t.Errorf("event %d was told twice", event)
		}
		outcomes[event] = o
	})
	from := sourceOf(t, probe)
	for _, in := range inputs {
		records, err := Open(strings.NewReader(in), "events", from)
		if err == nil {
			err = feed.Read(records, from)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	feed.End()
	var out []string
	for i := range feed.Events() {
		o := outcomes[i]
		if o.HasAlert() {
			a := run.Alert(o.Alert).Alert
			out = append(out, fmt.Sprintf("%s: %s from %s", o.State, a.Title, a.First.Format("15:04")))
		} else {
			out = append(out, fmt.Sprintf("%s: %s", o.State, o.Reason))
		}
	}
	return out
}

func TestFeed(t *testing.T) {
	for name, tc := range map[string]struct {
		inputs []string
		sorted bool
		want   []string
	}{
		"each event once": {
			inputs: []string{`{"all": [{"name": "a", "at": "2026-05-04T08:00:00Z"}, {"name": "noise"}, {"host": "x"}]}`, `[5, {"name": "a", "at": "2026-05-04T08:10:00Z"}]`},
			want: []string{"new: a from 08:00", "suppressed: NoRule", "rejected: generic.when: no such key: name; where a field may be missing, write event.?field",
				"rejected: a JSON object is needed", "duplicate: a from 08:00"},
		},
		"in the order of the inputs": {
			inputs: []string{`{"name": "a", "at": "2026-05-04T12:00:00Z"}`, `{"name": "b", "at": "2026-05-04T08:00:00Z"}{"name": "a", "at": "2026-05-04T08:00:00Z"}`},
			want:   []string{"new: a from 12:00", "new: b from 08:00", "duplicate: a from 12:00"},
		},
		"by their own time": {
			inputs: []string{`{"name": "a", "at": "2026-05-04T12:00:00Z"}`, `{"name": "b", "at": "2026-05-04T08:00:00Z"}{"name": "a", "at": "2026-05-04T11:30:00Z"}`},
			sorted: true,
			want:   []string{"duplicate: a from 11:30", "new: b from 08:00", "new: a from 11:30"},
		},
		"without a time of their own": {
			inputs: []string{`{"name": "a"}{"name": "noise"}{"name": "b"}{"name": "c", "at": "2026-05-04T08:00:00Z"}{"name": "d", "at": "2026-05-04T07:00:00Z"}{"name": "e"}`},
			want:   []string{"new: a from 08:00", "suppressed: NoRule", "new: b from 08:00", "new: c from 08:00", "new: d from 07:00", "new: e from 08:00"},
		},
		"none has a time":         {inputs: []string{`{"name": "a"}{"name": "a"}`}, want: []string{"new: a from 00:00", "duplicate: a from 00:00"}},
		"none has a time, sorted": {inputs: []string{`{"name": "a"}{"name": "a"}`}, sorted: true, want: []string{"new: a from 00:00", "duplicate: a from 00:00"}},
		"ahead of every clock":    {inputs: []string{`{"name": "a", "at": "2126-05-04T08:30:00Z"}`}, want: []string{"new: a from 08:30"}},
		"nothing":                 {inputs: []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, fed(t, tc.sorted, tc.inputs...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWaitingIsBounded: a long input without any time does not wait for its end.
func TestWaitingIsBounded(t *testing.T) {
	told := 0
	feed := NewFeed(New(DefaultPolicies()), false, func(int, Outcome) { told++ })
	from := sourceOf(t, probe)
	if err := feed.Read(body.Objects(strings.NewReader(strings.Repeat("{\"name\": \"a\"}\n", maxWaiting+10))), from); err != nil {
		t.Fatal(err)
	}
	if told != maxWaiting+10 {
		t.Errorf("%d events are told of before the end", told)
	}
}

func TestInputThatBreaks(t *testing.T) {
	gone := errors.New("the disk is gone")
	feed := NewFeed(New(DefaultPolicies()), false, func(int, Outcome) {})
	records := body.Objects(io.MultiReader(strings.NewReader("{\"name\": \"a\"}\n"), iotest.ErrReader(gone)))
	if err := feed.Read(records, sourceOf(t, probe)); !errors.Is(err, gone) {
		t.Errorf("err = %v", err)
	}
}

func pack(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestOpen(t *testing.T) {
	const rows, objects = "name,at\na,1\n", `[{"name": "a", "at": "1"}]`
	generic, falco := Source{Rows: true}, Source{}
	for name, tc := range map[string]struct {
		content, file string
		from          Source
		err           string
	}{
		"JSON":              {objects, "a.json", falco, ""},
		"JSON by content":   {" " + objects, "-", generic, ""},
		"JSON in gzip":      {pack(t, objects), "a.json.gz", falco, ""},
		"CSV":               {rows, "a.CSV", generic, ""},
		"CSV by content":    {rows, "-", generic, ""},
		"CSV in gzip":       {pack(t, rows), "a.csv.gz", generic, ""},
		"CSV, packed on in": {pack(t, rows), "-", generic, ""},
		"CSV to Falco":      {rows, "a.csv", falco, "only a source of type Generic"},
		"broken gzip":       {"\x1f\x8b\x00\x00", "a.gz", generic, "it cannot be unpacked: the gzip data end too early"},
		"no gzip":           {objects, "a.json.GZ", falco, "is named .gz but is not packed with gzip"},
		"nothing in .gz":    {"", "a.json.gz", falco, "is named .gz but is not packed with gzip"},
	} {
		records, err := Open(strings.NewReader(tc.content), tc.file, tc.from)
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: err = %v, want %s", name, err, tc.err)
		}
		if err != nil {
			continue
		}
		record, err := records.Next()
		if err != nil || strings.ReplaceAll(string(record.Data), " ", "") != `{"name":"a","at":"1"}` {
			t.Errorf("%s: %s, %v", name, record.Data, err)
		}
	}
}

// TestGzipThatIsCutOff: that is not taken for JSON or CSV that is broken.
func TestGzipThatIsCutOff(t *testing.T) {
	from := sourceOf(t, probe)
	for file, content := range map[string]string{
		"a.json.gz": strings.Repeat(`{"name": "a", "at": "2026-05-04T08:00:00Z"}`+"\n", 3),
		"a.csv.gz":  "name,at\n" + strings.Repeat("a,2026-05-04T08:00:00Z\n", 3),
	} {
		whole := pack(t, content)
		feed := NewFeed(New(DefaultPolicies()), false, func(int, Outcome) {})
		records, err := Open(strings.NewReader(whole[:len(whole)-4]), file, from)
		if err == nil {
			err = feed.Read(records, from)
		}
		if err == nil || err.Error() != "the gzip data end too early" {
			t.Errorf("%s: err = %v after %d events", file, err, feed.Events())
		}
	}
}

func TestTimeOfAuditEvents(t *testing.T) {
	from := sourceOf(t, "{apiVersion: tocsin.dev/v1alpha1, kind: AlertSource, metadata: {name: audit}, spec: {type: KubernetesAudit}}")
	run := New(DefaultPolicies())
	feed := NewFeed(run, false, func(int, Outcome) {})
	const exec = `{"verb":"create","stage":"ResponseStarted","user":{"username":"%s"},%s"objectRef":{"resource":"pods","subresource":"exec","namespace":"a","name":"b"}}`
	in := fmt.Sprintf(exec+exec, "jane", `"stageTimestamp": "2026-05-04T08:00:09Z", "requestReceivedTimestamp": "2026-05-04T08:00:00Z",`, "joe", "")
	if err := feed.Read(body.Objects(strings.NewReader(in)), from); err != nil {
		t.Fatal(err)
	}
	feed.End()
	for number, want := range []string{"08:00:00 08:00:09", "08:00:09 08:00:09"} {
		a := run.Alert(number).Alert
		if got := a.First.Format(time.TimeOnly) + " " + a.Last.Format(time.TimeOnly); got != want || a.Source != "audit" {
			t.Errorf("alert %d of %s: %s, want %s", number, a.Source, got, want)
		}
	}
}

// TestTimeOfWhatGoesOn: an alert that had not ended when it was sent ended, live,
// at its receipt.
func TestTimeOfWhatGoesOn(t *testing.T) {
	from := sourceOf(t, "{apiVersion: tocsin.dev/v1alpha1, kind: AlertSource, metadata: {name: am}, spec: {type: Alertmanager}}")
	run := New(DefaultPolicies())
	feed := NewFeed(run, false, func(int, Outcome) {})
	if err := feed.Read(body.Objects(strings.NewReader(`{"labels": {"alertname": "a"}, "startsAt": "2026-05-04T08:00:00Z"}`)), from); err != nil {
		t.Fatal(err)
	}
	feed.End()
	want := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	if a := run.Alert(0).Alert; !a.First.Equal(want) || !a.Last.Equal(want) {
		t.Errorf("it lasted from %s to %s, want %s", a.First, a.Last, want)
	}
}

// TestFingerprintOfASource: it holds, and where it fails the event is an alert all
// the same, and says so.
func TestFingerprintOfASource(t *testing.T) {
	from := sourceOf(t, "{apiVersion: tocsin.dev/v1alpha1, kind: AlertSource, metadata: {name: falco}, spec: {type: Falco, fingerprint: event.output_fields.x}}")
	run := New(DefaultPolicies())
	var got []string
	feed := NewFeed(run, false, func(event int, o Outcome) { got = append(got, fmt.Sprint(o.Alert, " ", o.State, " ", o.Reason)) })
	const in = `{"rule": "a", "output_fields": {"x": "1"}}{"rule": "b", "output_fields": {"x": "1"}}{"rule": "a", "output_fields": {"x": "2"}}{"rule": "a"}`
	if err := feed.Read(body.Objects(strings.NewReader(in)), from); err != nil {
		t.Fatal(err)
	}
	feed.End()
	want := []string{"0 new ", "0 duplicate ", "1 new ", "2 new fingerprint: no such key: output_fields"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
