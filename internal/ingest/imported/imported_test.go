package imported

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
)

// what an alert is comes back as it went.
func TestThereAndBack(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)
	want := decode.Decoded{Resolved: true, Alert: model.Alert{
		Source: "ours", Service: "scanner", Detection: "deep", Rule: "r", Title: "t", Description: "a\nb", RecommendedActions: "do",
		Severity: model.SeverityHigh, Tactics: []model.Tactic{model.TacticImpact}, Techniques: []string{"T1552.001"}, First: at, Last: at.Add(time.Hour),
		Fingerprint: "f", Occurrences: 1,
		Entities: []model.Entity{{Key: model.Key{Kind: model.KindPod, Name: "a/b"}, Role: model.RoleScanned, Category: model.CategoryAsset}},
	}}
	event, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	if drop, err := (Decoder{}).Check(event); drop != "" || err != nil {
		t.Errorf("drop %q, %v", drop, err)
	}
	got, err := Decoder{}.Decode(event, time.Time{})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestUnreadable(t *testing.T) {
	for event, want := range map[string]string{
		`{"alert": {}}`:              "alert.Fingerprint: is missing",
		`[]`:                         "a JSON object is needed, not a array",
		`{"alert": {"Severity":""}}`: "alert.Severity: must not be of type string",
	} {
		if _, err := (Decoder{}).Decode([]byte(event), time.Time{}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", event, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"alert": {"Fingerprint": "a"}}`, `{"resolved": true, "alert": {"Fingerprint": "a", "Last": "2026-03-04T05:06:07Z"}}`, `{}`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		_, checked := Decoder{}.Check(event)
		decoded, err := Decoder{}.Decode(event, time.Time{})
		if (checked == nil) != (err == nil) || err == nil && decoded.Alert.Fingerprint == "" {
			t.Errorf("Check says %v, Decode %v", checked, err)
		}
	})
}
