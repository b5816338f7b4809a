package body

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func all(t testing.TB, from Records) []Record {
	t.Helper()
	var out []Record
	for {
		r, err := from.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
}

// slowly reads as little at once as it can.
func slowly(in string) Records {
	return &objects{window: window{in: strings.NewReader(in), grain: 1, limit: maxRecordBytes}}
}

// TestObjects: a stream gives the records that the same bytes give as a body.
func TestObjects(t *testing.T) {
	var lines strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&lines, "{\"number\": %d, \"text\": \"%s\"}\n", i, strings.Repeat("x", 20))
	}
	long := `{"a": "` + strings.Repeat("x", 3*grain) + `"}`
	for name, in := range map[string]string{
		"nothing":                     "",
		"lines":                       lines.String()[:grain+100],
		"a broken line":               "{\"a\":1}\n{\"b\":\n{\"c\":3}",
		"an array":                    "[" + long + ", {\"b\": 2}]",
		"numbers in an array":         "[12, 34, {\"a\":1}]",
		"an array cut off":            "[" + long + ", {\"b\"",
		"long ones":                   long + long + "\n" + long,
		"a long broken one":           `{"a": "` + strings.Repeat("x", 3*grain) + "\n\n{\"b\": 2}",
		"what comes after all blanks": strings.Repeat(" ", 2*grain) + `{"a":1}`,
		"a mark of byte order":        "\xef\xbb\xbf[{\"a\":1}]",
	} {
		want, err := Split([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		for how, stream := range map[string]Records{
			"as a file":    Objects(strings.NewReader(in)),
			"with the end": Objects(iotest.DataErrReader(strings.NewReader(in))),
			"bit by bit":   slowly(in),
		} {
			if diff := cmp.Diff(show(want), show(all(t, stream))); diff != "" {
				t.Errorf("%s, %s: %s", name, how, diff)
			}
		}
	}
}

func TestObjectsMoreThanABodyHas(t *testing.T) {
	if got := len(all(t, Objects(strings.NewReader(strings.Repeat("{}\n", MaxRecords+1))))); got != MaxRecords+1 {
		t.Errorf("%d records", got)
	}
}

// few is a limit that is reached soon.
const few = 1 << 20

// endless never ends a record.
type endless struct{ given int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	if e.given == 0 {
		copy(p, `{"a": "`)
	}
	e.given += len(p)
	if e.given > 3*few {
		return copy(p, "\"}\n{\"b\": 2}"), io.EOF
	}
	return len(p), nil
}

func TestRecordWithoutEnd(t *testing.T) {
	got := all(t, &objects{window: window{in: &endless{}, grain: grain, limit: few}})
	if len(got) != 2 || !errors.Is(got[0].Err, errTooLong) || string(got[1].Data) != `{"b": 2}` {
		t.Errorf("%v", show(got))
	}
}

func TestReadingFails(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, from := range map[string]Records{
		"objects": Objects(io.MultiReader(strings.NewReader("{}\n"), iotest.ErrReader(broken))),
		"later":   &objects{window: window{in: io.MultiReader(strings.NewReader("{}\n"+strings.Repeat(" ", 99)), iotest.ErrReader(broken)), grain: 1, limit: maxRecordBytes}},
		"rows":    Rows(io.MultiReader(strings.NewReader("a\n1\n"), iotest.ErrReader(broken))),
	} {
		var err error
		for range 3 {
			if _, err = from.Next(); err != nil {
				break
			}
		}
		if !errors.Is(err, broken) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestRows(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []string
		err  string
	}{
		"rows":           {"time,name\n1,a\n2,\"b, \"\"c\"\"\nd\"\n", []string{`0:{"time":"1","name":"a"}`, `1:{"time":"2","name":"b, \"c\"\nd"}`}, ""},
		"nothing":        {"", nil, ""},
		"a header only":  {"a,b\r\n", nil, ""},
		"byte order":     {"\xef\xbb\xbfa, b \r\n1,2\r\n\r\n3,4", []string{`0:{"a":"1","b":"2"}`, `1:{"a":"3","b":"4"}`}, ""},
		"ragged":         {"a,b\n1\n1,2\n1,2,3\n", []string{"0!", `1:{"a":"1","b":"2"}`, "2!"}, ""},
		"a stray quote":  {"a,b\n1,x\"y\n1,2\n", []string{"0!", `1:{"a":"1","b":"2"}`}, ""},
		"an open quote":  {"a,b\n1,2\n1,\"2\n1,2\n", []string{`0:{"a":"1","b":"2"}`, "1!"}, ""},
		"a long field":   {"a,b\n1," + strings.Repeat("x", maxFieldBytes+1) + "\n1,2\n", []string{"0!", `1:{"a":"1","b":"2"}`}, ""},
		"a long row":     {"a\n\"" + strings.Repeat("x\n", maxRowBytes) + "\"\n1\n", []string{"0!"}, ""},
		"no column name": {"a,,b\n", nil, "number 2 has no name"},
		"twice":          {"a,b,a\n", nil, `"a" is there twice`},
		"too many":       {strings.Repeat("a,", maxColumns) + "a\n", nil, "257, and 256 are the most"},
		"no CSV at all":  {"a,\"b\n1,2\n", nil, "the first line must name the columns"},
	} {
		records, err := SplitRows([]byte(tc.in))
		if (err == nil) != (tc.err == "") || err != nil && (!strings.Contains(err.Error(), tc.err) || !errors.Is(err, ErrHeader)) {
			t.Errorf("%s: err = %v, want %s", name, err, tc.err)
		}
		if diff := cmp.Diff(tc.want, show(records)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := SplitRows([]byte(strings.Repeat("a\n", MaxRecords+2))); !errors.Is(err, ErrTooMany) {
		t.Errorf("err = %v", err)
	}
}

// TestManyRows: what bounds a row does not bound all of them.
func TestManyRows(t *testing.T) {
	row := strings.Repeat("x", maxFieldBytes) + "\n"
	rows := all(t, Rows(strings.NewReader("a\n"+strings.Repeat(row, 2*maxRowBytes/len(row)))))
	for _, r := range rows {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if len(rows) != 2*maxRowBytes/len(row) {
		t.Errorf("%d rows", len(rows))
	}
}

func FuzzRows(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n3\n\"4,5\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := SplitRows(data)
		if err != nil {
			return
		}
		for i, r := range rows {
			if r.Position != i || (r.Err == nil) != (r.Data != nil) {
				t.Fatalf("row %d is %+v", i, r)
			}
			if r.Err != nil {
				continue
			}
			if again, err := Split(r.Data); err != nil || len(again) != 1 || again[0].Err != nil {
				t.Fatalf("row %d is no object: %s", i, r.Data)
			}
		}
	})
}

func FuzzObjects(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n{\"b\":\n{\"c\":3}"))
	f.Add([]byte("[{\"a\":1}, 5,\n {\"b\":2"))
	f.Fuzz(func(t *testing.T, data []byte) {
		want, err := Split(data)
		if err != nil {
			return
		}
		if diff := cmp.Diff(show(want), show(all(t, slowly(string(data))))); diff != "" {
			t.Error(diff)
		}
	})
}
