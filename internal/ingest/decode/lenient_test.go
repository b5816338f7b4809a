package decode

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type sample struct {
	Name  string       `json:"name"`
	ID    Scalar       `json:"id"`
	Tags  List[string] `json:"tags"`
	Peers List[struct {
		Port int `json:"port"`
	}] `json:"peers"`
}

func TestLenient(t *testing.T) {
	for name, tc := range map[string]struct {
		in, message string
		want        sample
	}{
		"as wanted":       {in: `{"name":"a","id":"b","tags":["c"]}`, want: sample{Name: "a", ID: "b", Tags: List[string]{"c"}}},
		"a number":        {in: `{"id":12345678901234567890}`, want: sample{ID: "12345678901234567890"}},
		"a truth value":   {in: `{"id":true}`, want: sample{ID: "true"}},
		"of other types":  {in: `{"name":[],"id":{},"tags":{"x":1},"peers":7}`},
		"null":            {in: `{"name":null,"id":null,"tags":null}`},
		"after a bad one": {in: `{"name":1,"id":"b","tags":[1,"c",null,[]]}`, want: sample{ID: "b", Tags: List[string]{"c", ""}}},
		"bad in a list": {in: `{"peers":[{"port":"x"},7,{"port":2}]}`, want: sample{Peers: List[struct {
			Port int `json:"port"`
		}]{{}, {2}}}},
		"no object": {in: `[1]`, message: "a JSON object is needed, not a array"},
		"cut off":   {in: `{"name":`, message: "not valid JSON: unexpected end of JSON input"},
	} {
		t.Run(name, func(t *testing.T) {
			var got sample
			err := Lenient([]byte(tc.in), &got)
			if tc.message == "" && err != nil || tc.message != "" && (err == nil || err.Error() != tc.message) {
				t.Fatalf("err = %v, want %q", err, tc.message)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestListIsBounded(t *testing.T) {
	var got sample
	if err := Lenient([]byte(`{"tags":[`+strings.Repeat(`"x",`, MaxItems)+`"y"]}`), &got); err != nil || len(got.Tags) != MaxItems {
		t.Errorf("%d items, %v", len(got.Tags), err)
	}
	// Those that are left out count too: looking at them costs most.
	if err := Lenient([]byte(`{"tags":[`+strings.Repeat(`1,`, MaxItems)+`"y"]}`), &got); err != nil || len(got.Tags) != 0 {
		t.Errorf("%d items, %v", len(got.Tags), err)
	}
}

func TestWrapped(t *testing.T) {
	for in, want := range map[string]Wrapped{
		`{"events": [{"a": 1}, 2, null]}`: {[]byte(`{"a": 1}`), []byte(`2`), []byte(`null`)},
		`{"events": []}`:                  {},
		`{"events": {}}`:                  nil,
		`{}`:                              nil,
	} {
		var got struct{ Events Wrapped }
		if err := Lenient([]byte(in), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Events); diff != "" {
			t.Error(in, diff)
		}
	}
	var got struct{ Events Wrapped }
	if err := Lenient([]byte(`{"events":[`+strings.Repeat("1,", MaxWrapped)+`1]}`), &got); err != nil || len(got.Events) != MaxWrapped {
		t.Errorf("%d events, %v", len(got.Events), err)
	}
}

func TestTexts(t *testing.T) {
	if got := Description("a\n--token secretsecret\x00"); got != "a\n--token [redacted]" {
		t.Errorf("%q", got)
	}
	if got := Title("a\nbearer secretsecret"); got != "a bearer [redacted]" {
		t.Errorf("%q", got)
	}
}
