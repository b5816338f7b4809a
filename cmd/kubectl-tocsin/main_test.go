package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/ingest/fixtures"
	"github.com/tocsin-dev/tocsin/internal/replay"
)

var update = flag.Bool("update", false, "write what the commands of the guide print into the guide")

// execute runs a command line and returns what it prints, and the exit code.
func execute(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&errs)
	code = report(&errs, root.ExecuteContext(t.Context()))
	return out.String(), errs.String(), code
}

const guides = "../../docs/guides"

// TestGuide runs the commands of the guide: it shows what they print.
func TestGuide(t *testing.T) {
	file, err := filepath.Abs(filepath.Join(guides, "replay.md"))
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(guides, "replay"))
	const begin, end = "```console\n", "```\n"
	parts := strings.Split(string(content), begin)
	for i, part := range parts[1:] {
		block, after, _ := strings.Cut(part, end)
		command, _, _ := strings.Cut(block, "\n")
		args, ok := strings.CutPrefix(command, "$ kubectl tocsin ")
		if !ok {
			t.Fatalf("no command of ours: %s", command)
		}
		stdout, stderr, _ := execute(t, "", strings.Fields(args)...)
		got := command + "\n" + stdout + stderr
		if diff := cmp.Diff(got, block); diff != "" && !*update {
			t.Errorf("the guide shows something else; if that is right, run this test with -update (- is printed, + is shown): %s", diff)
		}
		parts[i+1] = got + end + after
	}
	if len(parts) < 5 {
		t.Errorf("the guide shows %d commands", len(parts)-1)
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(parts, begin)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSameOutput: the same input gives the same output, to the byte, however many
// processors there are.
func TestSameOutput(t *testing.T) {
	in := func(file string) string { return filepath.Join(guides, "replay", file) }
	t.Run("sample", func(t *testing.T) {
		same(t, outputs, "", "--source", in("sources.yaml"), "--policy", in("policy.yaml"), "--tuning", in("tuning.yaml"), "--sort",
			"logins="+in("logins.csv"), "falco="+in("falco.ndjson"), "audit="+in("audit.ndjson"))
	})
	for source, folder := range map[string]string{"falco": "falco", "audit": "k8s-audit"} {
		t.Run(folder, func(t *testing.T) {
			args, dir := []string{"--source", in("sources.yaml")}, t.TempDir()
			for name, content := range fixtures.Files(t, folder) {
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, source+"="+filepath.Join(dir, name))
			}
			slices.Sort(args[2:])
			same(t, outputs, "", args...)
		})
	}
	t.Run("ait-ads", func(t *testing.T) {
		same(t, outputs[1:2], string(fixtures.File(t, "ait-ads/russellmitchell_alerts.csv.gz")), "--source", oneSource, "--sort", "-")
	})
}

func same(t *testing.T, outputs []string, stdin string, args ...string) {
	t.Helper()
	for _, output := range outputs {
		var first string
		for i, processors := range []int{1, 2, 8, 8} {
			before := runtime.GOMAXPROCS(processors)
			stdout, stderr, code := execute(t, stdin, append([]string{"replay", "-o", output, "--limit", "0"}, args...)...)
			runtime.GOMAXPROCS(before)
			if i == 0 {
				first = stdout
			}
			if code != 0 || stdout == "" || stdout != first {
				t.Fatalf("-o %s with %d processors: exit code %d, %s, %d bytes, and %d before", output, processors, code, stderr, len(stdout), len(first))
			}
		}
	}
}

const oneSource = "testdata/hosts.yaml"

// TestLines: there is one line for each event, in the order of the input.
func TestLines(t *testing.T) {
	const rows = "time,name,ip,host,short\n1777881660,Scan,192.0.2.1,web-1,scan\n1777881600,Scan,192.0.2.1,web-1,scan\nx\n1777881601,Leak <b>,192.0.2.1,web-1,leak\n"
	stdout, stderr, code := execute(t, rows, "replay", "--source", oneSource, "--sort", "-o", "jsonl", "-")
	entities := []any{
		map[string]any{"kind": "Device", "name": "web-1", "role": "Attacked"},
		map[string]any{"kind": "IP", "name": "192.0.2.1", "role": "Unknown"},
	}
	want := []map[string]any{
		{"input": 0.0, "alert": "scan", "incident": "scan", "state": "duplicate", "links": []any{}},
		{"input": 1.0, "alert": "scan", "incident": "scan", "state": "new", "links": []any{},
			"title": "Scan", "rule": "scan", "severity": "Medium", "time": "2026-05-04T08:00:00Z",
			"entities": entities},
		{"input": 2.0, "state": "rejected", "reason": "the row has 1 fields, and the first line names 5", "links": []any{}},
		{"input": 3.0, "alert": "leak", "incident": "scan", "state": "new",
			"title": "Leak <b>", "rule": "leak", "severity": "Medium", "time": "2026-05-04T08:00:01Z",
			"entities": entities, "links": []any{
				map[string]any{"reason": "SameAddress", "entity": "IP/192.0.2.1", "peer": "scan"}, map[string]any{"reason": "SameAsset", "entity": "Device/web-1", "peer": "scan"}}},
	}
	var got []map[string]any
	for line := range strings.Lines(stdout) {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		got = append(got, plain(event).(map[string]any))
	}
	if diff := cmp.Diff(want, got); diff != "" || code != 0 {
		t.Error(code, diff)
	}
	if want := "1 event could not be read:\n  -, event 2: the row has 1 fields, and the first line names 5\n"; stderr != want {
		t.Errorf("stderr %q", stderr)
	}
}

// plain takes out of a line what the engine may weigh anew, and the digest in names.
func plain(value any) any {
	switch v := value.(type) {
	case map[string]any:
		delete(v, "weight")
		for key := range v {
			v[key] = plain(v[key])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case string:
		for _, name := range []string{"scan", "leak"} {
			if strings.HasPrefix(v, name+"-") {
				return name
			}
		}
	}
	return value
}

func TestIncidentLines(t *testing.T) {
	const rows = "time,name,ip,host,short\n1777881600,Scan,192.0.2.1,web-1,scan\n1777881601,Leak <b>,192.0.2.1,web-1,leak\n1777881601,Leak <b>,192.0.2.1,web-1,leak\n"
	stdout, _, code := execute(t, rows, "replay", "--source", oneSource, "-o", "incidents", "-")
	var got map[string]any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatal(code, err, stdout)
	}
	want := map[string]any{
		"name": "scan", "title": "Scan on device web-1", "severity": "Medium", "firstTime": "2026-05-04T08:00:00Z", "lastTime": "2026-05-04T08:00:01Z",
		"alerts": []any{"scan", "leak"}, "events": 3.0, "assets": []any{"Device/web-1"}, "totalAssets": 1.0,
	}
	if diff := cmp.Diff(want, plain(got)); diff != "" {
		t.Error(diff)
	}
}

func TestManyRejections(t *testing.T) {
	stdout, stderr, code := execute(t, "time\n"+strings.Repeat("1,2\n", 7), "replay", "--source", oneSource, "-")
	if code != exitFailed || !strings.Contains(stdout, "7 events became 0 alerts in 0 incidents; 7 could not be read.") ||
		!strings.HasPrefix(stderr, "7 events could not be read:\n  -, event 0: ") || !strings.HasSuffix(stderr, "  and 2 more; -o jsonl names them all\n") {
		t.Errorf("%d\n%s\n%s", code, stdout, stderr)
	}
}

// TestEventsWithoutATime: a time that was made up is told.
func TestEventsWithoutATime(t *testing.T) {
	const head = "time,name,ip,host,short\n1777881660,Scan,192.0.2.1,web-1,scan\n"
	for rows, want := range map[string]string{
		"":                                      "",
		"yesterday,Scan,192.0.2.1,web-1,scan\n": "1 event has no time that can be read; it was given that of the newest before it\n",
		"yesterday,Scan,192.0.2.1,web-1,scan\n,Leak,192.0.2.1,web-1,leak\nx,Y,192.0.2.1,w,y\n": "3 events have no time that can be read; they were given that of the newest before them\n",
	} {
		if _, stderr, code := execute(t, head+rows, "replay", "--source", oneSource, "-"); stderr != want || code != 0 {
			t.Errorf("%q: exit code %d, stderr %q, want %q", rows, code, stderr, want)
		}
	}
}

// TestStoryOfLinks: the alert that one is linked to may have come before it or after.
func TestStoryOfLinks(t *testing.T) {
	for peer, want := range map[string]string{
		"second": "so close in time to #2 that chance is unlikely (6.5 bits)",
		"gone":   "so close in time to another alert that chance is unlikely (6.5 bits)",
	} {
		placed := replay.Placed{Links: []correlation.Link{{Reason: correlation.LinkProximateTime, Peer: peer, Weight: 6.5}}}
		if got := why(placed, replay.Incident{}, map[string]int{"second": 2}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestOverview(t *testing.T) {
	for want, counts := range map[string]map[replay.State]int{
		"1 event became 1 alert in 0 incidents.":                                                      {replay.StateNew: 1},
		"4 events became 1 alert in 0 incidents; 1 repeats one, 1 is no alert, 1 could not be read.":  {replay.StateNew: 1, replay.StateDuplicate: 1, replay.StateSuppressed: 1, replay.StateRejected: 1},
		"6 events became 0 alerts in 0 incidents; 2 repeat one, 2 are no alert, 2 could not be read.": {replay.StateDuplicate: 2, replay.StateSuppressed: 2, replay.StateRejected: 2},
		"3 events became 1 alert in 0 incidents; 2 are rolled up.":                                    {replay.StateNew: 1, replay.StateRolledUp: 2},
	} {
		if got := overview(nil, &book{counts: counts}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	hidden := &book{counts: map[replay.State]int{replay.StateNew: 1, replay.StateSuppressed: 3}, hidden: 2}
	if got, want := overview(nil, hidden), "4 events became 1 alert in 0 incidents; 2 are hidden, 1 is no alert."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestTuningLines: each rule is told once, in words that fit what it did.
func TestTuningLines(t *testing.T) {
	rule := func(name string, action tuning.Action, monitor bool, alerts int, events int64) replay.Tuned {
		return replay.Tuned{Rule: tuning.Rule{Name: name, Action: action, Monitor: monitor, Severity: model.SeverityLow}, Alerts: alerts, Events: events}
	}
	var out strings.Builder
	tellTuning(&out, []replay.Tuned{
		rule("a", tuning.Hide, false, 2, 5), rule("b", tuning.Resolve, false, 1, 1), rule("c", tuning.Rescore, false, 1, 2),
		rule("d", tuning.Hide, true, 3, 3), rule("e", tuning.Rescore, true, 1, 1), rule("f", tuning.Hide, false, 0, 0), rule("g", tuning.Hide, false, 0, 0),
	})
	want := `Tuning rule a hid 2 alerts (5 events).
Tuning rule b resolved 1 alert (1 event).
Tuning rule c rescored 1 alert (2 events) to Low.
Tuning rule d only monitors: it would hide 3 alerts (3 events).
Tuning rule e only monitors: it would rescore 1 alert (1 event) to Low.
2 tuning rules matched nothing: f, g.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// TestStoryIsBounded: what is left out is counted.
func TestStoryIsBounded(t *testing.T) {
	var rows strings.Builder
	rows.WriteString("time,name,ip,host,short\n")
	for i := range 4 {
		fmt.Fprintf(&rows, "%d,Scan,192.0.2.%d,web-%d,scan\n", 1_777_000_000+i*100_000, i, i)
	}
	for i := range maxAlerts + 3 {
		fmt.Fprintf(&rows, "%d,Step %d.,192.0.2.99,db-1,step-%d\n", 1_778_000_000+i*60, i, i)
	}
	stdout, _, _ := execute(t, rows.String(), "replay", "--source", oneSource, "--limit", "2", "-")
	for _, want := range []string{
		"19 events became 19 alerts in 5 incidents.\n", "\n1. Step 0. on device db-1\n", "#12  ", "Step 11 on Device/db-1\n", "     and 3 more\n", "\n2. Scan on device web-0\n", "\nThere are 3 more; --limit 0 tells them all.\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(stdout, "#13") || strings.Contains(stdout, "\n3. ") {
		t.Errorf("more is told than there should be: %s", stdout)
	}
	if all, _, _ := execute(t, rows.String(), "replay", "--source", oneSource, "--limit", "0", "-"); !strings.Contains(all, "\n5. ") || strings.Contains(all, "There are") {
		t.Errorf("--limit 0: %s", all)
	}
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	events := file("events.json", "{}")
	sources, missing := filepath.Join(guides, "replay", "sources.yaml"), filepath.Join(dir, "none")
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no input":              {[]string{"replay", "--source", oneSource}, "error: replay: name an INPUT\n"},
		"a mistyped source":     {[]string{"replay", "--source", sources, "fal=" + events}, `error: fal=` + events + `: there is no AlertSource "fal"; there are audit, falco, logins`},
		"no name of a source":   {[]string{"replay", "--source", sources, "=" + events}, `name an AlertSource before "="`},
		"no name of a file":     {[]string{"replay", "--source", sources, "falco="}, `error: falco=: name a file behind "="`},
		"stdin twice":           {[]string{"replay", "--source", sources, "falco=-", "audit=-"}, "error: audit=-: standard input can be read only once"},
		"no folder":             {[]string{"test"}, "error: test: name one folder or case\n"},
		"two folders":           {[]string{"test", dir, dir}, "error: test: name one folder or case\n"},
		"no source":             {[]string{"replay", events}, `required flag(s) "source" not set`},
		"no such output":        {[]string{"replay", "--source", oneSource, "-o", "xml", events}, `--output: must be one of [story jsonl incidents], is "xml"`},
		"a negative limit":      {[]string{"replay", "--source", oneSource, "--limit", "-1", events}, "--limit: must not be negative"},
		"no such file":          {[]string{"replay", "--source", oneSource, missing}, "none: no such file"},
		"no such source":        {[]string{"replay", "--source", missing, events}, "error: --source: " + missing + ": no such file"},
		"no such policy":        {[]string{"replay", "--source", oneSource, "--policy", missing, events}, "error: --policy: " + missing + ": no such file"},
		"no such tuning":        {[]string{"replay", "--source", oneSource, "--tuning", missing, events}, "error: --tuning: " + missing + ": no such file"},
		"tuning that is none":   {[]string{"replay", "--source", oneSource, "--tuning", oneSource, events}, "hosts.yaml: no TuningRule is there"},
		"a source that is none": {[]string{"replay", "--source", events, events}, "events.json: document 1: it has no kind, and must be tocsin.dev/v1alpha1 AlertSource"},
		"a policy that is none": {[]string{"replay", "--source", oneSource, "--policy", oneSource, events}, "hosts.yaml: no CorrelationPolicy is there"},
		"the same source twice": {[]string{"replay", "--source", oneSource, "--source", oneSource, events}, "there is another of that name"},
		"whose events":          {[]string{"replay", "--source", sources, events}, "there are several AlertSources: say whose events these are: NAME="},
		"a header twice":        {[]string{"replay", "--source", oneSource, file("twice.csv", "a,a\n")}, `twice.csv: the first line must name the columns: "a" is there twice`},
		"CSV to Falco":          {[]string{"replay", "--source", sources, "falco=" + file("rows.csv", "a\n1\n")}, "only a source of type Generic takes"},
		"no case":               {[]string{"test", filepath.Join(dir, "events.json", "..", "..", "nowhere")}, "no such file"},
		"no case there":         {[]string{"test", t.TempDir()}, "there is no file whose name ends in _test.yaml or _test.yml"},
	} {
		stdout, stderr, code := execute(t, "", tc.args...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: exit code %d, %q; want %s", name, code, stderr, tc.want)
		}
	}
}

func TestCases(t *testing.T) {
	if stdout, _, code := execute(t, "", "test", filepath.Join(guides, "replay")); code != 0 || !strings.Contains(stdout, "3 cases, 0 failed") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	dir := t.TempDir()
	source, err := filepath.Abs(oneSource)
	if err != nil {
		t.Fatal(err)
	}
	content := "name: A scan is no incident\nsources: ['" + source + "']\ninputs: [{file: rows.csv}]\nexpect: {incidents: 0}"
	for name, content := range map[string]string{"a/x_test.yaml": content, "a/rows.csv": "time,name,ip,host,short\n1777881600,Scan,192.0.2.1,web-1,scan\n", "a/other.yaml": "a: b"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stdout, _, code := execute(t, "", "test", dir)
	if code != exitFailed || !strings.HasPrefix(stdout, "FAIL  "+dir+"/a/x_test.yaml: A scan is no incident\n      incidents: want 0, got 1\n        scan-") || !strings.HasSuffix(stdout, "\n1 case, 1 failed\n") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
}

// TestBadCase: a case that cannot be run does not hide the others.
func TestBadCase(t *testing.T) {
	dir := t.TempDir()
	source, err := filepath.Abs(oneSource)
	if err != nil {
		t.Fatal(err)
	}
	const rest = "inputs: [{events: [{time: 1777881600, name: Scan, ip: 192.0.2.1, host: web-1, short: scan}]}]\nexpect: {incidents: 1}"
	for name, content := range map[string]string{
		"a_test.yaml": "name: x",
		"b_test.yml":  "name: A scan\nsources: ['" + source + "']\n" + rest,
		"c_test.yaml": "name: Nowhere\nsources: [none.yaml]\n" + rest,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	stdout, stderr, code := execute(t, "", "test", ".")
	want := "ERROR a_test.yaml: sources: is missing; name the file with the AlertSource\n" +
		"ok    b_test.yml: A scan\n" +
		"ERROR c_test.yaml: sources: open none.yaml: no such file or directory\n" +
		"3 cases, 0 failed, 2 could not be run\n"
	if diff := cmp.Diff(want, stdout); diff != "" || stderr != "" || code != exitUsage {
		t.Errorf("exit code %d, stderr %q: %s", code, stderr, diff)
	}
}

// TestNameWithEquals: what looks like NAME=FILE may be the name of a file.
func TestNameWithEquals(t *testing.T) {
	source, err := filepath.Abs(oneSource)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	const file = "day=1.csv"
	if err := os.WriteFile(file, []byte("time,name,ip,host,short\n1777881600,Scan,192.0.2.1,web-1,scan\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, arg := range []string{file, "hosts=" + file} {
		if stdout, stderr, code := execute(t, "", "replay", "--source", source, arg); code != 0 || !strings.HasPrefix(stdout, "1 event became 1 alert") {
			t.Errorf("%s: exit code %d: %s", arg, code, stderr)
		}
	}
}

// TestHelp: the help of every command names each of its flags.
func TestHelp(t *testing.T) {
	for _, command := range []string{"replay", "test"} {
		stdout, _, code := execute(t, "", command, "--help")
		if code != 0 || !strings.Contains(stdout, "kubectl tocsin "+command) || !strings.Contains(stdout, "Examples:") {
			t.Errorf("%d: %s", code, stdout)
		}
	}
	if stdout, _, _ := execute(t, "", "__complete", "replay", "--output", ""); !strings.HasPrefix(stdout, "story\njsonl\nincidents\n") {
		t.Errorf("completion offers %q", stdout)
	}
}

// TestTuningNotes: what keeps tuning rules from doing anything is told beside the
// output, also of a case.
func TestTuningNotes(t *testing.T) {
	source, err := os.ReadFile(oneSource)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	const rule = "apiVersion: tocsin.dev/v1alpha1\nkind: TuningRule\nmetadata: {name: NAME, namespace: NAMESPACE}\nspec: {action: Hide, suspend: true, reason: Noise, match: {rules: [scan]}}\n---\n"
	for name, content := range map[string]string{
		"source.yaml": strings.Replace(string(source), "name: hosts\n", "name: hosts\n  namespace: shop\n", 1),
		"tuning.yaml": strings.NewReplacer("NAMESPACE", "shop", "NAME", "paused").Replace(rule) + strings.NewReplacer("NAMESPACE", "bank", "NAME", "theirs").Replace(rule),
		"rows.csv":    "time,name,ip,host,short\n1777881600,Scan,192.0.2.1,web-1,scan\n",
		"x_test.yaml": "name: x\nsources: [source.yaml]\ntuning: [tuning.yaml]\ninputs: [{file: rows.csv}]\nexpect: {incidents: 1}",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lines := []string{"Tuning rule theirs is not used: it is in namespace bank, and the events are of shop.", "Tuning rule paused was not applied: it is suspended."}
	_, stderr, _ := execute(t, "", "replay", "--source", "source.yaml", "--tuning", "tuning.yaml", "rows.csv")
	_, tested, _ := execute(t, "", "test", ".")
	want := strings.Join(lines, "\n") + "\n" + "x_test.yaml: " + strings.Join(lines, "\nx_test.yaml: ") + "\n"
	if diff := cmp.Diff(want, stderr+tested); diff != "" {
		t.Error(diff)
	}
}
