package hostile

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/ingest/falco"
)

const event = `{"rule": "A shell", "priority": "Error", "time": "2026-03-04T05:06:05Z", "tags": ["T1059"],
	"output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": "cart-0", "proc.name": "sh", "evt.time": 1685022245478445995}}`

func TestFalco(t *testing.T) {
	Alter(t, falco.Decoder{}, event)
	Sent(t, falco.Decoder{}, event)
}

func TestReplaceEach(t *testing.T) {
	var whole any
	if err := json.Unmarshal([]byte(`{"a": {"b": [1, 2]}}`), &whole); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	replaceEach(whole, 7, func(path string, altered any) {
		data, err := json.Marshal(altered)
		if err != nil {
			t.Fatal(err)
		}
		got[path] = string(data)
	})
	want := map[string]string{
		".a": `{"a":7}`, ".a left out": `{}`, ".a.b": `{"a":{"b":7}}`, ".a.b left out": `{"a":{}}`,
		".a.b[0]": `{"a":{"b":[7,2]}}`, ".a.b[1]": `{"a":{"b":[1,7]}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if data, _ := json.Marshal(whole); string(data) != `{"a":{"b":[1,2]}}` {
		t.Errorf("it is not as it was: %s", data)
	}
}

func TestOutcomes(t *testing.T) {
	outcomes := Body(t, falco.Decoder{}, []byte(`[`+event+`, {"rule": "Falco internal: x"}, {}, 7]`))
	var got []string
	for _, o := range outcomes {
		got = append(got, o.Alert.Rule+"/"+string(o.Drop)+"/"+message(o.Err))
	}
	want := []string{"A shell//", "/Health/", "//rule: is missing; a Falco event names the rule that fired", "//a JSON object is needed"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
