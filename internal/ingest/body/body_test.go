package body

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func pack(t testing.TB, data []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestRead(t *testing.T) {
	packed := pack(t, []byte(`{"rule":"x"}`))
	flipped := bytes.Clone(packed)
	flipped[len(flipped)-5] ^= 0xff
	for name, tc := range map[string]struct {
		body     []byte
		encoding string
		want     string
		err      error
	}{
		"plain":            {body: []byte("{}"), want: "{}"},
		"identity":         {body: []byte("{}"), encoding: "Identity", want: "{}"},
		"gzip":             {body: packed, encoding: "gzip", want: `{"rule":"x"}`},
		"as large as may":  {body: bytes.Repeat([]byte("x"), 100), want: strings.Repeat("x", 100)},
		"too large":        {body: bytes.Repeat([]byte("x"), 101), err: ErrTooLarge},
		"gzip bomb":        {body: pack(t, make([]byte, 1<<20)), encoding: "gzip", err: ErrTooLarge},
		"not gzip":         {body: []byte("{}"), encoding: "gzip", err: ErrBroken},
		"gzip cut off":     {body: packed[:len(packed)-6], encoding: "gzip", err: ErrBroken},
		"gzip altered":     {body: flipped, encoding: "gzip", err: ErrBroken},
		"unknown encoding": {body: []byte("{}"), encoding: "br", err: ErrEncoding},
		"two encodings":    {body: packed, encoding: "gzip, gzip", err: ErrEncoding},
	} {
		t.Run(name, func(t *testing.T) {
			for _, said := range []int64{-1, 0, int64(len(tc.body)), 1 << 50} { // true or not
				got, err := Read(bytes.NewReader(tc.body), said, tc.encoding, 100)
				if !errors.Is(err, tc.err) || string(got) != tc.want {
					t.Errorf("%d bytes said: got %q, %v; want %q, %v", said, got, err, tc.want, tc.err)
				}
			}
		})
	}
}

func TestBombNeedsNoMemory(t *testing.T) {
	bomb := pack(t, make([]byte, 64<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(bytes.NewReader(bomb), -1, "gzip", 1<<20)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("err = %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d bytes were allocated for a body of at most 1 MiB", used)
	}
}

// show renders records as "position:data" or "position!".
func show(records []Record) []string {
	var out []string
	for _, r := range records {
		if r.Err != nil {
			out = append(out, fmt.Sprintf("%d!", r.Position))
		} else {
			out = append(out, fmt.Sprintf("%d:%s", r.Position, r.Data))
		}
	}
	return out
}

func TestSplit(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"object":                      {`{"a":1}`, []string{`0:{"a":1}`}},
		"mark of byte order":          {"\xef\xbb\xbf" + ` {"a":1} `, []string{`0:{"a":1}`}},
		"indented object":             {"{\n  \"a\": 1\n}", []string{"0:{\n  \"a\": 1\n}"}},
		"array":                       {`[{"a":1}, {"b":2}]`, []string{`0:{"a":1}`, `1:{"b":2}`}},
		"empty array":                 {`[]`, nil},
		"empty body":                  {" \n", nil},
		"array of other things":       {`[{"a":1}, null, 5, "x", {"b":2}]`, []string{`0:{"a":1}`, "1!", "2!", "3!", `4:{"b":2}`}},
		"array with a broken element": {`[{"a":1}, {"b":}, {"c":3}]`, []string{`0:{"a":1}`, "1!"}},
		"array cut off":               {`[{"a":1}, {"b":2`, []string{`0:{"a":1}`, "1!"}},
		"array never closed":          {`[{"a":1}`, []string{`0:{"a":1}`, "1!"}},
		"array and more":              {`[{"a":1}] {}`, []string{`0:{"a":1}`, "1!"}},
		"lines":                       {"{\"a\":1}\n{\"b\":2}\r\n\n{\"c\":3}\n", []string{`0:{"a":1}`, `1:{"b":2}`, `2:{"c":3}`}},
		"lines with a broken one":     {"{\"a\":1}\n{\"b\":\n{\"c\":3}", []string{`0:{"a":1}`, "1!", `2:{"c":3}`}},
		"line that is no object":      {"{\"a\":1}\n7\n{\"c\":3}", []string{`0:{"a":1}`, "1!", `2:{"c":3}`}},
		"objects without lines":       {`{"a":1}{"b":2}`, []string{`0:{"a":1}`, `1:{"b":2}`}},
		"indented object cut off":     {"{\n  \"a\": 1,\n  \"b\": [\n", []string{"0!"}},
		"no JSON":                     {"hello", []string{"0!"}},
		"deep nesting":                {strings.Repeat(`{"a":`, 80) + "1" + strings.Repeat("}", 80), []string{"0!"}},
		"brackets within a string":    {`{"a":"` + strings.Repeat("[", 80) + `\""}`, []string{`0:{"a":"` + strings.Repeat("[", 80) + `\""}`}},
	} {
		t.Run(name, func(t *testing.T) {
			records, err := Split([]byte(tc.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, show(records)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSplitBoundsRecords(t *testing.T) {
	lines := strings.Repeat("{}\n", MaxRecords+1)
	array := "[" + strings.Repeat("{},", MaxRecords) + "{}]"
	for name, in := range map[string]string{"lines": lines, "array": array} {
		if _, err := Split([]byte(in)); !errors.Is(err, ErrTooMany) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte(`[{"a":1}, null, {"b":}]`))
	f.Add([]byte("{\"a\":1}\n{\"b\":\n{\"c\":3}"))
	f.Add([]byte("{\n \"a\": [\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, err := Split(data)
		if err != nil {
			return
		}
		for i, r := range records {
			if r.Position != i || (r.Err == nil) != (r.Data != nil) {
				t.Fatalf("record %d is %+v", i, r)
			}
		}
	})
}

// FuzzEnclosed: an object that is taken without a decoder is what a decoder takes.
func FuzzEnclosed(f *testing.F) {
	f.Add([]byte(`{"a":"}\"{","b":[{}]},{}]`))
	f.Add([]byte(`{"a":"\\"}}`))
	f.Add([]byte(`{"a":"\`))
	f.Fuzz(func(t *testing.T, data []byte) {
		object := enclosed(data)
		want, length, err := decodeValue(data)
		switch {
		case json.Valid(object) && (err != nil || length != len(object) || !bytes.Equal(object, want)):
			t.Errorf("took %q, a decoder takes %q, %v", object, want, err)
		case err == nil && want[0] == '{' && !bytes.Equal(object, want) && bytes.HasPrefix(data, want):
			t.Errorf("took %q of what a decoder takes whole: %q", object, want)
		}
	})
}
