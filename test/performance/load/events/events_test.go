package events

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/falco"
)

var at = time.Unix(1_700_000_000, 0)

// TestShape counts what Tocsin takes for different alerts.
func TestShape(t *testing.T) {
	shape := Shape{Signatures: 101, Workloads: 10, Rules: 3, CommonPercent: 99}
	list, err := Falco.Bodies(shape, 0, 100, 100, at)
	if err != nil {
		t.Fatal(err)
	}
	signatures, pods, rules, most := map[string]int{}, map[string]bool{}, map[string]bool{}, 0
	for _, data := range list {
		records, err := body.Split(data)
		if err != nil || len(records) != 100 {
			t.Fatalf("%d events, %v", len(records), err)
		}
		for _, record := range records {
			decoded, err := falco.Decoder{}.Decode(record.Data, at)
			if err != nil || decoded.Drop != "" {
				t.Fatal(decoded.Drop, err)
			}
			a := decoded.Alert
			signatures[a.Fingerprint]++
			most = max(most, signatures[a.Fingerprint])
			pods[a.Entities[0].Name], rules[a.Rule] = true, true
		}
	}
	if len(signatures) != 101 || len(pods) != 10 || len(rules) != 3 || most != 9900 {
		t.Errorf("%d signatures, %d pods, %d rules, %d of the commonest; want 101, 10, 3, 9900", len(signatures), len(pods), len(rules), most)
	}
}

// TestPartsMakeAWhole: bodies made in two parts are those made at once.
func TestPartsMakeAWhole(t *testing.T) {
	shape := Shape{Signatures: 70, Workloads: 7, Rules: 2}
	for name, format := range map[string]Format{"Falco": Falco, "Alertmanager": Alertmanager} {
		whole, _ := format.Bodies(shape, 0, 4, 5, at)
		second, _ := format.Bodies(shape, 10, 2, 5, at)
		if !bytes.Equal(bytes.Join(whole[2:], nil), bytes.Join(second, nil)) {
			t.Errorf("%s: differs", name)
		}
		one, err := format.Bodies(shape, 0, 1, 1, at)
		if err != nil || !json.Valid(one[0]) || (one[0][0] == '[') != format.list {
			t.Errorf("%s: one event is sent as %s, %v", name, one[0], err)
		}
	}
}
