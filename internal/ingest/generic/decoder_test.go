package generic

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

var received = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// full uses every option.
var full = Options{
	Events: "event.findings", When: "event.status != 'closed'",
	Title: "event.name", Rule: "event.check", Service: "'scanner'", Detection: "event.engine",
	Severity: "event.level", Description: "event.text", RecommendedActions: "'Look at ' + event.host",
	Time: "event.at", Tactics: "event.tags", Techniques: "event.tags", Fingerprint: "[event.check, event.host]",
	Entities: []Entity{
		{Kind: model.KindDevice, Name: "event.host", Role: model.RoleAttacked},
		{Kind: model.KindIP, Name: "event.?peers.orValue([])", Role: model.RoleSource},
		{Kind: model.KindUser, Name: "event.?user", Category: model.CategoryEvidence},
	},
}

func compiled(t testing.TB, o Options) *Decoder {
	t.Helper()
	d, err := New("probe", "prod", o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const event = `{"status": "open", "name": "Port scan\u202e", "check": "scan-1", "engine": "net", "level": "WARN", "host": "Web-1",
  "text": "from outside, password=hunter2", "at": 1772600765, "tags": ["Discovery", "T1046", "green", 7, "t1046"],
  "peers": ["203.0.113.7", "127.0.0.1", "203.0.113.7", 5], "user": null}`

func TestDecode(t *testing.T) {
	when := time.Unix(1772600765, 0).UTC()
	decoded, err := compiled(t, full).Decode([]byte(event), received)
	want := model.Alert{
		Service: "scanner", Detection: "net", Rule: "scan-1", Title: "Port scan",
		Description: "from outside, password=[redacted]", RecommendedActions: "Look at Web-1",
		Severity: model.SeverityMedium, Tactics: []model.Tactic{model.TacticDiscovery}, Techniques: []string{"T1046"},
		First: when, Last: when, Fingerprint: decode.Fingerprint("generic", "probe", "prod", "scan-1", "Web-1"),
		Entities: []model.Entity{
			{Key: model.Key{Kind: model.KindDevice, Name: "web-1"}, Role: model.RoleAttacked, Category: model.CategoryAsset},
			{Key: model.Key{Kind: model.KindIP, Name: "203.0.113.7"}, Role: model.RoleSource, Category: model.CategoryEvidence},
		},
		Occurrences: 1,
	}
	if diff := cmp.Diff(decode.Decoded{Alert: want}, decoded); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestDefaults(t *testing.T) {
	decoded, err := compiled(t, Options{Title: "event.t", Rule: "null", Entities: []Entity{
		{Kind: model.KindPod, Name: "event.pod"}, {Kind: model.KindFile, Name: "event.file"},
	}}).Decode([]byte(`{"t": "Something", "pod": "shop/cart-0", "file": "/etc/shadow"}`), received)
	want := model.Alert{
		Service: "probe", Rule: "Something", Title: "Something", First: received, Last: received, Occurrences: 1,
		Tactics:     []model.Tactic{},
		Fingerprint: decode.Fingerprint("generic", "probe", "prod", "probe", "", "Something", "File//etc/shadow", "Pod/shop/cart-0"),
		Entities: []model.Entity{
			{Key: model.Key{Kind: model.KindPod, Name: "shop/cart-0"}, Role: model.RoleUnknown, Category: model.CategoryAsset},
			{Key: model.Key{Kind: model.KindFile, Name: "/etc/shadow"}, Role: model.RoleUnknown, Category: model.CategoryEvidence},
		},
	}
	if diff := cmp.Diff(want, decoded.Alert); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestFingerprint(t *testing.T) {
	with := func(source string, o Options, event string) string {
		o.Title = "event.t"
		d, err := New(source, "", o)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := d.Decode([]byte(event), received)
		if err != nil {
			t.Fatal(err)
		}
		return decoded.Alert.Fingerprint
	}
	users := Options{Entities: []Entity{{Kind: model.KindUser, Name: "event.users"}}}
	same := with("a", users, `{"t": "x", "users": ["jane", "joe"]}`)
	for name, tc := range map[string]struct {
		got  string
		same bool
	}{
		"the order of entities does not matter": {with("a", users, `{"t": "x", "users": ["joe", "jane"]}`), true},
		"another entity":                        {with("a", users, `{"t": "x", "users": ["joe"]}`), false},
		"another rule":                          {with("a", users, `{"t": "y", "users": ["jane", "joe"]}`), false},
		"another source":                        {with("b", users, `{"t": "x", "users": ["jane", "joe"]}`), false},
		"an expression":                         {with("a", Options{Fingerprint: "event.t"}, `{"t": "x"}`), false},
		"an expression that gives nothing":      {with("a", Options{Fingerprint: "''", Entities: users.Entities}, `{"t": "x", "users": ["jane", "joe"]}`), true},
	} {
		if (tc.got == same) != tc.same {
			t.Errorf("%s: the same: %t, want %t", name, tc.got == same, tc.same)
		}
	}
}

func TestTime(t *testing.T) {
	when := time.Date(2026, 3, 4, 5, 6, 5, 0, time.UTC)
	for expression, want := range map[string]time.Time{
		"timestamp('2026-03-04T05:06:05Z')":          when,
		"'2026-03-04 05:06:05'":                      when,
		"1772600765":                                 when,
		"1772600765000u":                             when,
		"1772600765.5":                               when.Add(time.Second / 2),
		"'yesterday'":                                received,
		"null":                                       received,
		"timestamp('2031-01-01T00:00:00Z')":          received,
		"timestamp('2026-03-04T06:06:05+01:00')":     when,
		"timestamp('0001-01-01T00:00:00Z')":          received,
		"true ? event.at : timestamp(event.instead)": when,
	} {
		decoded, err := compiled(t, Options{Title: "'x'", Time: expression}).Decode([]byte(`{"at": "2026-03-04T05:06:05Z"}`), received)
		if got := decoded.Alert.First; err != nil || !got.Equal(want) || !decoded.Alert.Last.Equal(want) {
			t.Errorf("%s: %s, want %s (%v)", expression, got, want, err)
		}
	}
}

func TestSeverity(t *testing.T) {
	for name, want := range map[string]model.Severity{
		"High": model.SeverityHigh, " CRITICAL ": model.SeverityHigh, "error": model.SeverityHigh, "emergency": model.SeverityHigh,
		"Medium": model.SeverityMedium, "warning": model.SeverityMedium, "Low": model.SeverityLow, "notice": model.SeverityLow,
		"Informational": model.SeverityInformational, "info": model.SeverityInformational, "debug": model.SeverityInformational,
		"": model.SeverityUnknown, "12": model.SeverityUnknown, "Unknown": model.SeverityUnknown,
	} {
		if got := severity(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"no title":             {func(o *Options) { o.Title = " " }, "generic.title: is missing"},
		"no such variable":     {func(o *Options) { o.When = "evnt.x" }, "generic.when: line 1, column 1: undeclared reference to 'evnt' (in container '')"},
		"two errors":           {func(o *Options) { o.When = "true\n && (evnt || evt)" }, "generic.when: line 2, column 6: undeclared reference to 'evnt' (in container ''); line 2, column 14: undeclared reference to 'evt' (in container '')"},
		"no condition":         {func(o *Options) { o.When = "'x'" }, "generic.when: must give true or false, not string"},
		"no string":            {func(o *Options) { o.Rule = "1 + 1" }, "generic.rule: must give a string, not int"},
		"no list":              {func(o *Options) { o.Events = "'x'" }, "generic.events: must give a list, not string"},
		"perhaps a number":     {func(o *Options) { o.Description = "optional.of(1)" }, "generic.description: must give a string, not optional_type(int)"},
		"a bad entity":         {func(o *Options) { o.Entities[1].Name = "event." }, "generic.entities[1].name: line 1, column 7: Syntax error: "},
		"an entity of no kind": {func(o *Options) { o.Entities[1].Kind = "Spaceship" }, `generic.entities[1].kind: there is no kind "Spaceship"`},
		"an unknown role":      {func(o *Options) { o.Entities[1].Role = "attacker" }, `generic.entities[1].role: there is no role "attacker"`},
		"an unknown category":  {func(o *Options) { o.Entities[0].Category = "Asset" }, `generic.entities[0].category: must be ImpactedAsset or RelatedEvidence, is "Asset"`},
		"an entity of no name": {func(o *Options) { o.Entities[0].Name = "" }, "generic.entities[0].name: is missing"},
	} {
		o := Options{Title: "event.x", Entities: []Entity{{Kind: model.KindIP, Name: "event.ip"}, {Kind: model.KindIP, Name: "event.peer"}}}
		tc.change(&o)
		if _, err := New("probe", "", o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v; want %s", name, err, tc.want)
		}
	}
	_, err := New("probe", "", Options{Title: "evnt", Rule: "1"})
	if err == nil || !strings.Contains(err.Error(), "generic.title") || !strings.Contains(err.Error(), "generic.rule") {
		t.Errorf("not all errors are told: %v", err)
	}
}

func TestEvents(t *testing.T) {
	for name, tc := range map[string]struct {
		options Options
		event   string
		drop    decode.Drop
		err     string
	}{
		"fits":                      {Options{Title: "event.x"}, `{"x": "y"}`, "", ""},
		"does not alert":            {Options{Title: "event.x", When: "event.level > 3.5"}, `{"x": "y", "level": 3}`, decode.DropNoRule, ""},
		"alerts":                    {Options{Title: "event.x", When: "event.level > 3.5"}, `{"x": "y", "level": 4}`, "", ""},
		"not looked at any further": {Options{Title: "event.x", When: "false"}, `{}`, decode.DropNoRule, ""},
		"a condition on nothing":    {Options{Title: "event.x", When: "event.?y"}, `{"x": "y"}`, decode.DropNoRule, ""},
		"what may be missing":       {Options{Title: "event.x", Rule: "event.?y"}, `{"x": "y"}`, "", ""},
		"a title that is missing":   {Options{Title: "event.?x"}, `{}`, "", "generic.title: gives nothing"},
		"a field is missing":        {Options{Title: "event.x"}, `{}`, "", "generic.title: no such key: x; where a field may be missing, write event.?field"},
		"in an entity":              {Options{Title: "event.x", Entities: []Entity{{}, {Kind: model.KindIP, Name: "event.ip"}}}, `{"x": "y"}`, "", "generic.entities[1].name: no such key: ip"},
		"nothing":                   {Options{Title: "event.x"}, `{"x": " "}`, "", "generic.title: gives nothing"},
		"null":                      {Options{Title: "event.x"}, `{"x": null}`, "", "generic.title: gives nothing"},
		"a number":                  {Options{Title: "event.x"}, `{"x": 7}`, "", "generic.title: must give a string, not int"},
		"no condition":              {Options{Title: "'x'", When: "event.x"}, `{"x": 7}`, "", "generic.when: must give true or false, not int"},
		"no object":                 {Options{Title: "event.x"}, `[1]`, "", "a JSON object is needed"},
		"too dear": {Options{Title: "event.l.map(a, event.l.map(b, event.l.map(c, c))).size() > 0 ? 'x' : 'y'"},
			`{"l": [` + strings.Repeat("1,", 500) + `1]}`, "", "generic.title: "},
	} {
		for i := range tc.options.Entities {
			if tc.options.Entities[i].Name == "" {
				tc.options.Entities[i] = Entity{Kind: model.KindUser, Name: "'jane'"}
			}
		}
		d := compiled(t, tc.options)
		decoded, err := d.Decode([]byte(tc.event), received)
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) || decoded.Drop != tc.drop {
			t.Errorf("%s: drop %q, %v; want drop %q, %s", name, decoded.Drop, err, tc.drop, tc.err)
		}
		if drop, checked := d.Check([]byte(tc.event)); drop != decoded.Drop || (checked == nil) != (err == nil) {
			t.Errorf("%s: Check says %q, %v; Decode %q, %v", name, drop, checked, decoded.Drop, err)
		}
	}
}

// TestTooDearTogether: expressions that each stay within the limit do not pass
// it together.
func TestTooDearTogether(t *testing.T) {
	const dear = "event.l.map(a, event.l.exists(b, b == 2)).size() > 0 ? 'x' : 'y'"
	list := []byte(`{"l": [` + strings.Repeat("1,", 300) + `1]}`)
	if _, err := compiled(t, Options{Title: dear}).Decode(list, received); err != nil {
		t.Fatalf("one is too dear already: %v", err)
	}
	_, err := compiled(t, Options{Title: dear, Rule: dear, Service: dear, Detection: dear, Severity: dear}).Decode(list, received)
	if err == nil || !strings.Contains(err.Error(), "take too long") {
		t.Errorf("err = %v", err)
	}
}

func TestUnwrap(t *testing.T) {
	for name, tc := range map[string]struct {
		events, record string
		want           []string
		err            string
	}{
		"the record":         {"", `{"a": 1}`, []string{`{"a": 1}`}, ""},
		"a list":             {"event.l", `{"l": [{"b": 12345678901234567, "a": [1.5, "<x>", {}, null, true]}, {}]}`, []string{`{"a":[1.5,"\u003cx\u003e",{},null,true],"b":12345678901234567}`, `{}`}, ""},
		"with its parent":    {"event.l.map(i, {'host': event.host, 'item': i, 'none': []})", `{"host": "h", "l": [1, 2]}`, []string{`{"host":"h","item":1,"none":[]}`, `{"host":"h","item":2,"none":[]}`}, ""},
		"null":               {"event.l", `{"l": null}`, nil, ""},
		"missing":            {"event.l", `{}`, nil, "generic.events: no such key: l"},
		"where missing":      {"event.?l.orValue([event])", `{"a":1}`, []string{`{"a":1}`}, ""},
		"no list":            {"event.l", `{"l": 1}`, nil, "generic.events: must give a list, not int"},
		"no objects":         {"event.l", `{"l": [{}, 1]}`, nil, "generic.events: item 1 is no object"},
		"keys of numbers":    {"[{1: 2}]", `{}`, nil, "generic.events: item 0: the keys of an object must be strings"},
		"growing":            {"event.l.map(i, event)", `{"l": [` + strings.Repeat("1,", 2000) + `1]}`, nil, "more than 4 times as large"},
		"growing in nothing": {"event.l.map(i, {'a': event.l})", `{"l": [` + strings.Repeat("[],", 2000) + `[]]}`, nil, "more than 4 times as large"},
	} {
		o := Options{Title: "'x'", Events: tc.events}
		events, err := compiled(t, o).Unwrap([]byte(tc.record))
		var got []string
		for _, e := range events {
			got = append(got, string(e))
		}
		if diff := cmp.Diff(tc.want, got); diff != "" || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %v; want %s %s", name, err, tc.err, diff)
		}
	}
}

func TestSecretsInTitles(t *testing.T) {
	decoded, err := compiled(t, Options{Title: "event.t", Rule: "event.t"}).Decode([]byte(`{"t": "login with password=hunter2 failed"}`), received)
	if want := "login with password=[redacted] failed"; decoded.Alert.Title != want || decoded.Alert.Rule != want || err != nil {
		t.Errorf("%q, %q, %v", decoded.Alert.Title, decoded.Alert.Rule, err)
	}
}

// TestLongList: only the beginning of a list is looked at.
func TestLongList(t *testing.T) {
	of := func(items int, last string) string {
		d := compiled(t, Options{Title: "'x'", Fingerprint: "event.l"})
		decoded, err := d.Decode([]byte(`{"l": [`+strings.Repeat(`"a",`, items)+`"`+last+`"]}`), received)
		if err != nil {
			t.Fatal(err)
		}
		return decoded.Alert.Fingerprint
	}
	if of(maxItems, "b") != of(maxItems, "c") || of(maxItems-1, "b") == of(maxItems-1, "c") {
		t.Errorf("not the first %d items are looked at", maxItems)
	}
}

func TestUnmapped(t *testing.T) {
	d := compiled(t, Unmapped())
	one, err := d.Decode([]byte(`{"a": 1}`), received)
	other, err2 := d.Decode([]byte(`{"b": 2}`), received)
	if err != nil || err2 != nil || one.Alert.Title == "" || one.Alert.Fingerprint != other.Alert.Fingerprint {
		t.Errorf("%+v, %v; %+v, %v", one, err, other, err2)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(event))
	f.Add([]byte(`{"status": 1, "findings": [{}, {"name": ["x"]}]}`))
	f.Add([]byte(`{"name": "x", "findings": {"a": 1e400}}`))
	d := compiled(f, full)
	f.Fuzz(func(t *testing.T, data []byte) {
		records, err := d.Unwrap(data)
		if err == nil {
			for _, record := range records {
				if _, err := parse(record); err != nil {
					t.Fatalf("%s: %v", record, err)
				}
			}
		}
		decoded, err := d.Decode(data, received)
		if drop, checked := d.Check(data); drop != decoded.Drop || (checked == nil) != (err == nil) {
			t.Fatalf("Check says %q, %v; Decode %q, %v", drop, checked, decoded.Drop, err)
		}
		a := decoded.Alert
		if err != nil || decoded.Drop != "" {
			return
		}
		if a.Title == "" || a.Rule == "" || a.Service == "" || a.Fingerprint == "" || len(a.Title) > decode.MaxTitle ||
			len(a.Description) > decode.MaxDescription || len(a.Entities) > entity.MaxEntities || a.Last.After(received.Add(time.Hour)) {
			t.Fatalf("%+v", a)
		}
	})
}
