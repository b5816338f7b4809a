package cases

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
)

const (
	sources = `
apiVersion: tocsin.dev/v1alpha1
kind: AlertSource
metadata: {name: probe}
spec:
  type: Generic
  generic:
    when: event.name != 'noise'
    title: event.name
    time: event.at
    severity: "'High'"
    tactics: "['Execution']"
    entities:
    - {kind: Device, name: event.host}
    - {kind: File, name: event.file}
`
	policy = "{apiVersion: tocsin.dev/v1alpha1, kind: CorrelationPolicy, metadata: {name: p}, spec: {optOuts: [{name: drops, rules: [drop]}]}}"
	quiet  = "{apiVersion: tocsin.dev/v1alpha1, kind: TuningRule, metadata: {name: quiet}, spec: {action: Hide, reason: Noise, match: {rules: [scan]}}}"
	// rows are: an alert, the same, noise, a second alert about the same file,
	// one of no use, and one long after.
	rows = `name,at,host,file
scan,2026-05-04T08:00:00Z,web-1,1
scan,2026-05-04T08:00:01Z,web-1,1
noise,2026-05-04T08:00:02Z,web-1,1
drop,2026-05-04T08:00:03Z,web-2,1
drop
leak,2026-05-14T08:00:03Z,far-away,2
`
	head = "name: x\nsources: [sources.yaml]\ninputs: [{file: rows.csv}]\nexpect:\n"
)

// open has a few files.
func open(name string) (io.ReadCloser, error) {
	files := map[string]string{"sources.yaml": sources, "policy.yaml": policy, "tuning.yaml": quiet, "rows.csv": rows, "bad.yaml": "a: b", "huge.yaml": strings.Repeat("#", maxFile+1)}
	content, ok := files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(strings.NewReader(content)), nil
}

func TestRun(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []string // what each fault begins with
	}{
		"incidents":          {head + "  incidents: 2", nil},
		"incidents differ":   {head + "  incidents: 3", []string{"incidents: want 3, got 2"}},
		"together":           {head + "  together: [[0, 1, 3]]", nil},
		"not together":       {head + "  together: [[0, 5]]", []string{"together [0 5]: they are in several incidents\n  event 0 (scan) is in scan-"}},
		"apart":              {head + "  apart: [[0, 5]]", nil},
		"not apart":          {head + "  apart: [[0, 3, 5]]", []string{"apart [0 3 5]: events 0 and 3 are in one incident\n  event 0 (scan) is in scan-"}},
		"suppressed":         {head + "  together: [[0, 2]]", []string{"together [0 2]: event 2 is in no incident: it was suppressed: NoRule"}},
		"rejected":           {head + "  apart: [[0, 4]]", []string{"apart [0 4]: event 4 is in no incident: it was rejected: the row has 1 fields"}},
		"no such event":      {head + "  apart: [[0, 6]]", []string{"apart [0 6]: there is no event 6; the inputs have 6, counted from 0"}},
		"states":             {head + "  events: {0: {state: new}, 1: {state: duplicate}, 2: {state: suppressed}, 4: {state: rejected}}", nil},
		"other states":       {head + "  events: {0: {state: duplicate}, 2: {state: new}}", []string{"events[0].state: want duplicate, got new", "events[2].state: want new, got suppressed: NoRule"}},
		"state of none":      {head + "  events: {9: {state: new}}", []string{"events[9]: there is no event 9"}},
		"link":               {head + "  events: {3: {link: {reason: SameFile, entity: File/1}}}", nil},
		"link of a kind":     {head + "  events: {3: {link: {reason: SameFile}}}", nil},
		"another link":       {head + "  events: {3: {link: {reason: SameFile, entity: File/2}}}", []string{"events[3].link: want SameFile File/2, got\n  event 3 (drop) is in scan-"}},
		"no link":            {head + "  events: {0: {link: {entity: File/1}}}", []string{"events[0].link: want File/1, got\n  event 0 (scan) is in scan-"}},
		"details":            {head + "  details: [{event: 1, severity: High, alerts: 2, tactics: [Execution], title: scan on multiple devices}]", nil},
		"other details":      {head + "  details: [{event: 1, severity: Low, alerts: 3, tactics: [Impact], title: x}]", []string{"details[0].title: want x, got scan on multiple devices, in incident scan-", "details[0].severity: want Low, got High", "details[0].alerts: want 3, got 2", "details[0].tactics: want [Impact], got [Execution]"}},
		"details of none":    {head + "  details: [{event: 2, alerts: 1}]", []string{"details[0]: event 2 is in no incident"}},
		"with a policy":      {strings.Replace(head, "inputs:", "policy: policy.yaml\ninputs:", 1) + "  apart: [[0, 3]]", nil},
		"with tuning":        {strings.Replace(head, "inputs:", "tuning: [tuning.yaml]\ninputs:", 1) + "  events: {0: {state: suppressed, tuning: quiet}, 1: {tuning: quiet}}\n  incidents: 2", nil},
		"tuned otherwise":    {strings.Replace(head, "inputs:", "tuning: [tuning.yaml]\ninputs:", 1) + "  events: {0: {tuning: other}, 2: {tuning: quiet}, 3: {tuning: quiet}}\n  apart: [[0, 3]]", []string{"apart [0 3]: event 0 is in no incident: it was suppressed: Hidden by tuning rule quiet", "events[0].tuning: want other, got quiet", "events[2].tuning: event 2 has no alert: it was suppressed: NoRule", "events[3].tuning: want quiet, got none"}},
		"events in the case": {"name: x\nsources: [sources.yaml]\ninputs:\n- source: probe\n  events: [{name: a, at: '1777881600', host: x, file: f}, {name: noise}]\nexpect: {events: {0: {state: new}, 1: {state: suppressed}}}", nil},
		"sorted":             {"name: x\nsources: [sources.yaml]\nsort: true\ninputs:\n- events: [{name: a, at: '1777881660', host: x, file: f}, {name: a, at: '1777881600', host: x, file: f}]\nexpect: {events: {0: {state: duplicate}, 1: {state: new}}}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Read([]byte(tc.in))
			if err != nil {
				t.Fatal(err)
			}
			wrong, _, err := c.Run(open)
			if err != nil {
				t.Fatal(err)
			}
			if len(wrong) != len(tc.want) {
				t.Fatalf("got %d faults, want %d: %q", len(wrong), len(tc.want), wrong)
			}
			for i, want := range tc.want {
				if !strings.HasPrefix(wrong[i], want) {
					t.Errorf("got %q, want %q", wrong[i], want)
				}
			}
		})
	}
}

func TestRead(t *testing.T) {
	for in, want := range map[string]string{
		"{": "line 1",
		strings.Replace(head, "name: x", "name: ''", 1) + "  incidents: 1":                       "name: is missing",
		strings.Replace(head, "sources", "source", 1) + "  incidents: 1":                         `unknown field "source"`,
		strings.Replace(head, "[sources.yaml]", "[]", 1) + "  incidents: 1":                      "sources: is missing",
		strings.Replace(head, "[{file: rows.csv}]", "[]", 1) + "  incidents: 1":                  "inputs: is missing",
		strings.Replace(head, "{file: rows.csv}", "{source: x}", 1) + "  incidents: 1":           "inputs[0]: give either file or events",
		strings.Replace(head, "{file: rows.csv}", "{file: x, events: []}", 1) + "  incidents: 1": "inputs[0]: give either file or events",
		head + "  incidents: 1\n---\n" + head + "  incidents: 2":                                 "holds 2 documents; one case a file",
		head + "  incidents: one":                                "expect.incidents: must be a whole number, is a string",
		head + "  {}":                                            "expect: expects nothing",
		head + "  together: [[1]]":                               "expect.together[0]: names less than two events",
		head + "  apart: [[1, 2], [3]]":                          "expect.apart[1]: names less than two events",
		head + "  apart: [[1, 2, 1]]":                            "expect.apart[0]: names event 1 twice",
		head + "  together: [[1, 1]]":                            "expect.together[0]: names event 1 twice",
		head + "  events: {0: {state: new}, 1: {}}":              "expect.events[1]: expects nothing; give state, tuning or link",
		head + "  details: [{event: 0}]":                         "expect.details[0]: expects nothing; give title, severity, alerts or tactics",
		head + "  events: {1: {state: old}}":                     `expect.events[1].state: must be one of [new duplicate rolledUp suppressed rejected], is "old"`,
		head + "  details: [{event: 1, severity: Awful}]":        `expect.details[0].severity: there is no severity "Awful"`,
		head + "  details: [{event: 1, tactics: [Credentials]}]": `expect.details[0].tactics: "Credentials" is no tactic`,
		head + "  details: [{event: 1, alert: 2}]":               `unknown field "expect.details[0].alert"`,
	} {
		if _, err := Read([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: err = %v, want %s", in, err, want)
		}
	}
}

func TestFilesOfNoUse(t *testing.T) {
	const two = "name: x\nsources: [sources.yaml, falco.yaml]\n"
	withFalco := func(name string) (io.ReadCloser, error) {
		if name == "falco.yaml" {
			return io.NopCloser(strings.NewReader(strings.NewReplacer("probe", "falco").Replace(sources))), nil
		}
		return open(name)
	}
	for in, want := range map[string]string{
		strings.Replace(head, "sources.yaml", "none.yaml", 1) + "  incidents: 1":                   "sources: open none.yaml: file does not exist",
		strings.Replace(head, "sources.yaml", "bad.yaml", 1) + "  incidents: 1":                    "sources: bad.yaml: document 1: ",
		strings.Replace(head, "sources.yaml", "huge.yaml", 1) + "  incidents: 1":                   "huge.yaml: is longer than",
		strings.Replace(head, "inputs:", "policy: none.yaml\ninputs:", 1) + "  incidents: 1":       "policy: open none.yaml",
		strings.Replace(head, "inputs:", "policy: bad.yaml\ninputs:", 1) + "  incidents: 1":        "policy: bad.yaml: ",
		strings.Replace(head, "rows.csv", "none.csv", 1) + "  incidents: 1":                        "inputs[0]: open none.csv",
		strings.Replace(head, "file: rows.csv", "file: rows.csv, source: x", 1) + "  incidents: 1": `inputs[0]: source: there is no AlertSource "x"`,
		strings.Replace(head, "inputs:", "tuning: [none.yaml]\ninputs:", 1) + "  incidents: 1":     "tuning: open none.yaml",
		strings.Replace(head, "inputs:", "tuning: [bad.yaml]\ninputs:", 1) + "  incidents: 1":      "tuning: bad.yaml: ",
		two + "inputs: [{file: rows.csv}]\nexpect: {incidents: 1}":                                 "inputs[0]: source: there are several AlertSources",
	} {
		c, err := Read([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Run(withFalco); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: err = %v, want %s", in, err, want)
		}
		if _, _, err := c.Run(open); strings.Contains(want, "does not exist") && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("err = %v", err)
		}
	}
}
