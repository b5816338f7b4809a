package envelope

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var sample = Envelope{
	Tenant: "shop", Source: "falco", Format: "Falco", Received: time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC),
	Suppressed: 3, Rejected: 1, Events: [][]byte{[]byte(`{"rule":"a"}`), {}, []byte("\xff\x00")},
}

func TestRoundTrip(t *testing.T) {
	for name, e := range map[string]Envelope{"events": sample, "none": {Tenant: "a", Source: "b", Received: sample.Received}} {
		data, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if sample.Positions() != 3 || (Envelope{}).Positions() != 1 {
		t.Error("positions")
	}
}

func TestCutOff(t *testing.T) {
	data, err := sample.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(data) {
		got, err := Unmarshal(data[:n])
		if err == nil && len(got.Events) >= len(sample.Events) {
			t.Errorf("the first %d of %d bytes read as whole", n, len(data))
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	data, _ := sample.Marshal()
	f.Add(data)
	f.Add([]byte{version, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = Unmarshal(data) })
}
