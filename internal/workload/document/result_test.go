package document_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

func TestDecodeResult(t *testing.T) {
	pod := `{"kind":"Pod","name":"web/web-0","verdict":"Malicious","reason":"privileged","uid":"4f1c-1"}`
	for name, tc := range map[string]struct {
		reason string
		raw    string
		want   document.Result
		err    string
	}{
		"good": {
			reason: "what the format says is taken", raw: `{"verdicts":[` + pod + `],"message":"done"}`,
			want: document.Result{Message: "done", Verdicts: []document.Verdict{{Kind: "Pod", Name: "web/web-0", Verdict: "Malicious", Reason: "privileged", UID: "4f1c-1"}}},
		},
		"nothing found":  {reason: "no verdict is an answer, too", raw: `{"verdicts":[]}`, want: document.Result{Verdicts: []document.Verdict{}}},
		"empty":          {reason: "the step wrote nothing", raw: "", err: "it is empty"},
		"text":           {reason: "a log line is no answer", raw: "panic: $(rm -rf /)", err: "it is not JSON, from byte 1 on"},
		"cut off":        {reason: "the kubelet keeps 4096 bytes", raw: `{"message":"` + strings.Repeat("a", document.MaxResultBytes-12), err: "it was cut off after 4096 bytes"},
		"in the middle":  {reason: "half an answer", raw: `{"verdicts":[`, err: "it ends in the middle"},
		"too long":       {reason: "more than a kubelet would keep", raw: strings.Repeat(" ", document.MaxResultBytes+1), err: "it is longer than 4096 bytes"},
		"not UTF-8":      {reason: "bytes that are no text", raw: "{\"message\":\"\xff\"}", err: "it is not UTF-8"},
		"more follows":   {reason: "one answer only", raw: `{"verdicts":[]} {}`, err: "something follows the JSON object"},
		"unknown field":  {reason: "a misspelt field would be lost", raw: `{"verdict":[]}`, err: "it has a field that is not known"},
		"wrong type":     {reason: "a list is expected", raw: `{"verdicts":"Malicious"}`, err: "a field has the wrong type"},
		"wrong verdict":  {reason: "verdicts are four", raw: strings.Replace(`{"verdicts":[`+pod+`]}`, "Malicious", "malicious", 1), err: "verdicts[0].verdict: must be"},
		"wrong kind":     {reason: "kinds are known", raw: strings.Replace(`{"verdicts":[`+pod+`]}`, "Pod", "ClusterRole", 1), err: "verdicts[0].kind: is not a kind of entity"},
		"no name":        {reason: "what is meant must be said", raw: strings.Replace(`{"verdicts":[`+pod+`]}`, "web/web-0", "", 1), err: "verdicts[0].name"},
		"hidden in name": {reason: "a name is compared and shown", raw: strings.Replace(`{"verdicts":[`+pod+`]}`, "web-0", `web-0\u202e`, 1), err: "verdicts[0].name: has control characters"},
		"wrong uid":      {reason: "a UID is compared and written", raw: strings.Replace(`{"verdicts":[`+pod+`]}`, "4f1c-1", "a b", 1), err: "verdicts[0].uid"},
		"long reason":    {reason: "the API takes 512 characters", raw: strings.Replace(`{"verdicts":[`+pod+`]}`, "privileged", strings.Repeat("a", 513), 1), err: "verdicts[0].reason"},
		"long message":   {reason: "the API takes 512 characters", raw: `{"message":"` + strings.Repeat("a", 513) + `"}`, err: "message: is longer"},
		"too many":       {reason: "a step gives 32 at most", raw: `{"verdicts":[` + strings.Repeat(`{"kind":"IP","name":"a","verdict":"Unknown"},`, 32) + `{"kind":"IP","name":"a","verdict":"Unknown"}]}`, err: "verdicts: are 33, more than 32"},
		"terminal codes": {
			reason: "text is shown in terminals", raw: `{"verdicts":[],"message":"a\u001b[31mb\nc"}`,
			want: document.Result{Message: "a\uFFFD[31mb c", Verdicts: []document.Verdict{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := document.DecodeResult(tc.raw)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("%s: error is %v, not %q", tc.reason, err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

func FuzzDecodeResult(f *testing.F) {
	f.Add(`{"verdicts":[{"kind":"Pod","name":"web/web-0","verdict":"Malicious","reason":"x","uid":"u"}],"message":"m"}`)
	f.Add(`{"verdicts":[],"message":"\u001b\u202e"}`)
	f.Add("{}")
	f.Add("")
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := document.DecodeResult(raw)
		if err != nil {
			if utf8.RuneCountInString(err.Error()) > 200 || err.Error() != document.Printable(err.Error()) {
				t.Errorf("an error repeats what nobody checked: %q", err)
			}
			return
		}
		if len(got.Verdicts) > document.MaxVerdicts {
			t.Errorf("%d verdicts", len(got.Verdicts))
		}
		for _, v := range got.Verdicts {
			if v.Reason != document.Printable(v.Reason) || v.Name != document.Printable(v.Name) || v.Name == "" {
				t.Errorf("unclean verdict: %+v", v)
			}
		}
		encoded, err := document.EncodeResult(got)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := document.DecodeResult(string(encoded)); err != nil {
			t.Errorf("what was read and written again is refused: %v", err)
		}
	})
}

func TestEncodeResultFits(t *testing.T) {
	r := document.Result{Message: "Pods examined: 64"}
	for i := range 64 {
		r.Verdicts = append(r.Verdicts, document.Verdict{
			Kind: "Pod", Name: fmt.Sprintf("some-namespace/some-rather-long-pod-name-%d", i), Verdict: "NoThreatsFound",
			Reason: strings.Repeat("<reason> & ", 40), UID: "4f1c0000-0000-0000-0000-000000000000",
		})
	}
	r.Verdicts[63].Verdict = "Malicious"
	raw, err := document.EncodeResult(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := document.DecodeResult(string(raw))
	if err != nil {
		t.Fatalf("it does not fit: %v", err)
	}
	if got.Verdicts[0].Name != r.Verdicts[63].Name {
		t.Error("the worst verdict must be told first")
	}
	if !strings.Contains(got.Message, "of 64 verdicts are told") {
		t.Errorf("what is left out must be said: %s", got.Message)
	}
	if r.Verdicts[63].Verdict != "Malicious" || len(r.Verdicts) != 64 {
		t.Error("the argument was changed")
	}
}

func TestEncodeInputFits(t *testing.T) {
	in := document.Input{Incident: "i", Investigation: "v", AlertsTotal: 50}
	for range 64 {
		in.Entities = append(in.Entities, document.Entity{Kind: "File", Name: strings.Repeat("ä", 1024)})
	}
	for range 50 {
		in.Alerts = append(in.Alerts, document.Alert{Title: strings.Repeat("\x01", 256), Rule: strings.Repeat("\"", 256)})
	}
	raw, err := document.EncodeInput(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > document.MaxInputBytes {
		t.Errorf("%d bytes", len(raw))
	}
	got, err := document.DecodeInput(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Entities) != 64 || got.AlertsTotal != 50 {
		t.Errorf("%d entities, %d alerts in all", len(got.Entities), got.AlertsTotal)
	}
	if _, err := document.DecodeInput(json.RawMessage(`{"version":2}`)); err == nil {
		t.Error("another version must be refused")
	}
}
