package cloudevents

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/falco"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/ingest/hostile"
	"github.com/tocsin-dev/tocsin/internal/ingest/policyreport"
)

var decoder = Decoder{Routes: []Route{
	{Type: "falco.rule.output.v1", Decoder: falco.Decoder{}},
	{Type: "com.example.policy.*", Decoder: policyreport.Decoder{}},
}}

const (
	shell   = `{"rule":"A shell","priority":"Error","time":"2026-03-04T05:06:05Z","output_fields":{"k8s.ns.name":"shop","k8s.pod.name":"cart-0"}}`
	results = `{"kind":"PolicyReport","results":[{"policy":"a","result":"fail"},{"policy":"b","result":"pass"},{"policy":"c","result":"fail"}]}`
)

// of returns an event of a type around data.
func of(eventType, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"/x","type":%q,"datacontenttype":"application/json","data":%s}`, eventType, data)
}

func inBase64(eventType, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"/x","type":%q,"data_base64":%q}`, eventType, base64.StdEncoding.EncodeToString([]byte(data)))
}

// TestData: an event makes the alert that its data alone would make.
func TestData(t *testing.T) {
	want := hostile.Alerts(t, hostile.Record(t, falco.Decoder{}, []byte(shell)))
	for name, record := range map[string]string{
		"as it is":  of("falco.rule.output.v1", shell),
		"in base64": inBase64("falco.rule.output.v1", shell),
	} {
		t.Run(name, func(t *testing.T) {
			got := hostile.Alerts(t, hostile.Record(t, decoder, []byte(record)))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	for name, tc := range map[string]struct {
		record  string
		rules   []string
		dropped int
	}{
		"exact":                   {of("falco.rule.output.v1", shell), []string{"A shell"}, 0},
		"exact means exact":       {of("falco.rule.output.v10", shell), nil, 1},
		"beginning":               {of("com.example.policy.result", results), []string{"a", "c"}, 1},
		"several, in base64":      {inBase64("com.example.policy.", results), []string{"a", "c"}, 1},
		"no route":                {of("com.example.other", shell), nil, 1},
		"no route, no data":       {`{"type":"com.example.other"}`, nil, 1},
		"what the data drops":     {of("falco.rule.output.v1", `{"rule":"Falco internal: x"}`), nil, 1},
		"a batch":                 {`[` + of("falco.rule.output.v1", shell) + `,` + of("x", "1") + `]`, []string{"A shell"}, 1},
		"data that holds nothing": {of("com.example.policy.x", `{"kind":"PolicyReport"}`), nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var rules []string
			dropped := 0
			for _, o := range hostile.Body(t, decoder, []byte(tc.record)) {
				switch {
				case o.Err != nil:
					t.Error(o.Err)
				case o.Drop != "":
					dropped++
				default:
					rules = append(rules, o.Alert.Rule)
				}
			}
			if !cmp.Equal(rules, tc.rules) || dropped != tc.dropped {
				t.Errorf("rules %v, %d dropped", rules, dropped)
			}
		})
	}
}

func TestUnroutedIsNoRule(t *testing.T) {
	if o := hostile.Record(t, decoder, []byte(of("x", "1"))); len(o) != 1 || o[0].Drop != decode.DropNoRule {
		t.Errorf("%+v", o)
	}
}

func TestRefused(t *testing.T) {
	const falcoType = "falco.rule.output.v1"
	for name, tc := range map[string]struct{ record, message string }{
		"no type":           {shell, errNoType.Error()},
		"type is a number":  {`{"type":1}`, errNoType.Error()},
		"type is long":      {of("com.example.policy."+strings.Repeat("x", maxType), results), errLongType.Error()},
		"no data":           {`{"type":"falco.rule.output.v1","data":null}`, errNoData.Error()},
		"data is a string":  {of(falcoType, `"hello"`), "data: a JSON object is needed, not a string"},
		"data is wrong":     {of(falcoType, `{}`), "data: rule: is missing; a Falco event names the rule that fired"},
		"no base64":         {`{"type":"falco.rule.output.v1","data_base64":"..."}`, "data_base64: illegal base64 data at input byte 0"},
		"base64 is a list":  {`{"type":"falco.rule.output.v1","data_base64":[]}`, "data_base64: must be a string"},
		"base64 of no JSON": {inBase64(falcoType, "hello"), "data: not valid JSON: invalid character 'h' looking for beginning of value"},
		"base64 of several": {inBase64("com.example.policy.x", "[]"), "data: a JSON object is needed, not a array"},
	} {
		t.Run(name, func(t *testing.T) {
			o := hostile.Record(t, decoder, []byte(tc.record))
			if len(o) != 1 || o[0].Err == nil || o[0].Err.Error() != tc.message {
				t.Errorf("%+v", o)
			}
		})
	}
}

func TestHostile(t *testing.T) {
	hostile.Alter(t, decoder, of("falco.rule.output.v1", shell))
	hostile.Alter(t, decoder, inBase64("com.example.policy.x", results))
	hostile.Sent(t, decoder, of("falco.rule.output.v1", shell))
	hostile.Sent(t, decoder, of("com.example.policy.x", results))
}

func FuzzDecode(f *testing.F) {
	hostile.Fuzz(f, decoder, of("falco.rule.output.v1", shell), inBase64("com.example.policy.x", results), `{"type":"x"}`, `{"type":"falco.rule.output.v1","data":"x"}`)
}

// TestFixtures reads the examples of the specification as if they were Falco's:
// none of them is, and the error is about the data of each, never about the event.
func TestFixtures(t *testing.T) {
	all := Decoder{Routes: []Route{{Type: "com.example.*", Decoder: falco.Decoder{}}}}
	var events []json.RawMessage
	if err := json.Unmarshal(fixtures.Files(t, "cloudevents")["structured-examples.json"], &events); err != nil {
		t.Fatal(err)
	}
	var routed, unrouted int
	for _, data := range events {
		var plain struct {
			ID    string
			Batch json.RawMessage
		}
		if err := json.Unmarshal(data, &plain); err != nil {
			t.Fatal(err)
		}
		if plain.Batch != nil {
			if o := hostile.Body(t, all, plain.Batch); len(o) != 2 || o[0].Err == nil || o[1].Err == nil {
				t.Errorf("the batch: %+v", o)
			}
			continue
		}
		o := hostile.Record(t, all, data)[0]
		switch {
		case o.Drop == decode.DropNoRule:
			unrouted++ // Of another type.
		case o.Err == nil || !strings.HasPrefix(o.Err.Error(), "data"):
			t.Errorf("%s: %+v", plain.ID, o)
		default:
			routed++
		}
	}
	if routed != 8 || unrouted != 1 {
		t.Errorf("%d routed, %d not", routed, unrouted)
	}
}

func TestStructured(t *testing.T) {
	for name, tc := range map[string]struct{ data, want string }{
		"JSON":    {shell, `{"type":"t","data":` + shell + `}`},
		"no JSON": {"hello", `{"type":"t","data_base64":"aGVsbG8="}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Structured("t", []byte(tc.data))
			if err != nil || string(got) != tc.want {
				t.Errorf("got %s, %v, want %s", got, err, tc.want)
			}
		})
	}
}
