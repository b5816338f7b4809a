// Package cases holds recorded events against what is expected to become of
// them, so that alert sources and correlation policies can be tested before they
// are used.
package cases

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/replay"
)

// Case is a file that ends in "_test.yaml". Files are named relative to it.
type Case struct {
	// Name says what the case is about.
	Name string `json:"name"`
	// Sources are files with AlertSources, Policy is one with a CorrelationPolicy.
	Sources []string `json:"sources"`
	Policy  string   `json:"policy,omitempty"`
	// Tuning are files with TuningRules.
	Tuning []string `json:"tuning,omitempty"`
	// Sort takes the events by their own time, as "replay --sort" does.
	Sort   bool    `json:"sort,omitempty"`
	Inputs []Input `json:"inputs"`
	Expect Expect  `json:"expect"`
}

// Input is a file of events, or a few events.
type Input struct {
	// Source is the name of the AlertSource; it may be left out where there is one.
	Source string            `json:"source,omitempty"`
	File   string            `json:"file,omitempty"`
	Events []json.RawMessage `json:"events,omitempty"`
}

// Expect says what must come out. Events are meant by their number over all
// inputs, counted from 0, as "replay -o jsonl" has it.
type Expect struct {
	// Incidents is how many there must be.
	Incidents *int `json:"incidents,omitempty"`
	// Together lists events that must be in one incident, Apart such of which no
	// two may be.
	Together [][]int `json:"together,omitempty"`
	Apart    [][]int `json:"apart,omitempty"`
	// Events says of single events what must become of them.
	Events map[int]Event `json:"events,omitempty"`
	// Details says how the incident of an event must look.
	Details []Detail `json:"details,omitempty"`
}

// Event is what must become of one event. What is left out may be anything.
type Event struct {
	// State is new, duplicate, rolledUp, suppressed or rejected.
	State replay.State `json:"state,omitempty"`
	// Tuning is the tuning rule that must have acted on its alert.
	Tuning string `json:"tuning,omitempty"`
	// Link is one of the reasons for which its alert must be where it is.
	Link *Link `json:"link,omitempty"`
}

// Link is why an alert is in its incident. What is left out may be anything.
type Link struct {
	Reason string `json:"reason,omitempty"`
	// Entity is "Kind/name".
	Entity string `json:"entity,omitempty"`
}

// Detail is how an incident must look. What is left out may be anything.
type Detail struct {
	// Event is an event of the incident.
	Event    int    `json:"event"`
	Title    string `json:"title,omitempty"`
	Severity string `json:"severity,omitempty"`
	Alerts   *int   `json:"alerts,omitempty"`
	// Tactics are all that were reached, in the order of ATT&CK.
	Tactics []model.Tactic `json:"tactics,omitempty"`
}

// Read reads a case. A field that nobody knows is an error: it would be without
// effect.
func Read(data []byte) (Case, error) {
	var c Case
	documents, err := replay.Documents(data)
	if err != nil {
		return c, err
	}
	if len(documents) > 1 {
		return c, fmt.Errorf("holds %d documents; one case a file", len(documents))
	}
	for _, document := range documents {
		if err := replay.DecodeStrict(document, &c); err != nil {
			return c, err
		}
	}
	return c, c.validate()
}

func (c Case) validate() error {
	e := c.Expect
	switch {
	case c.Name == "":
		return errors.New("name: is missing")
	case len(c.Sources) == 0:
		return errors.New("sources: is missing; name the file with the AlertSource")
	case len(c.Inputs) == 0:
		return errors.New("inputs: is missing")
	case e.Incidents == nil && len(e.Together)+len(e.Apart)+len(e.Events)+len(e.Details) == 0:
		return errors.New("expect: expects nothing")
	}
	for i, in := range c.Inputs {
		if (in.File == "") == (in.Events == nil) {
			return fmt.Errorf("inputs[%d]: give either file or events", i)
		}
	}
	return e.validate()
}

func (e Expect) validate() error {
	for i, group := range e.Together {
		if err := validateGroup(group); err != nil {
			return fmt.Errorf("expect.together[%d]: %w", i, err)
		}
	}
	for i, group := range e.Apart {
		if err := validateGroup(group); err != nil {
			return fmt.Errorf("expect.apart[%d]: %w", i, err)
		}
	}
	states := []replay.State{"", replay.StateNew, replay.StateDuplicate, replay.StateRolledUp, replay.StateSuppressed, replay.StateRejected}
	for _, number := range slices.Sorted(maps.Keys(e.Events)) {
		event := e.Events[number]
		if event.State == "" && event.Link == nil && event.Tuning == "" {
			return fmt.Errorf("expect.events[%d]: expects nothing; give state, tuning or link", number)
		}
		if !slices.Contains(states, event.State) {
			return fmt.Errorf("expect.events[%d].state: must be one of %v, is %q", number, states[1:], event.State)
		}
	}
	return e.validateDetails()
}

// validateGroup is about events that are held against each other.
func validateGroup(events []int) error {
	for i, event := range events {
		if slices.Contains(events[:i], event) {
			return fmt.Errorf("names event %d twice", event)
		}
	}
	if len(events) < 2 {
		return errors.New("names less than two events")
	}
	return nil
}

func (e Expect) validateDetails() error {
	for i, d := range e.Details {
		if d.Title == "" && d.Severity == "" && d.Alerts == nil && d.Tactics == nil {
			return fmt.Errorf("expect.details[%d]: expects nothing; give title, severity, alerts or tactics", i)
		}
		if d.Severity != "" && model.ParseSeverity(d.Severity).String() != d.Severity {
			return fmt.Errorf("expect.details[%d].severity: there is no severity %q", i, d.Severity)
		}
		for _, t := range d.Tactics {
			if t.Order() < 0 {
				return fmt.Errorf("expect.details[%d].tactics: %q is no tactic of ATT&CK", i, t)
			}
		}
	}
	return nil
}

// Open opens a file that a case names.
type Open func(name string) (io.ReadCloser, error)

// Run replays the events and returns what is not as expected, each in some lines
// of text, and notes about tuning rules that could not do anything, a line each. The error is
// about files that cannot be used.
func (c Case) Run(open Open) (wrong, notes []string, err error) {
	sources, err := c.sources(open)
	if err != nil {
		return nil, nil, err
	}
	policies, err := c.policies(open)
	if err != nil {
		return nil, nil, err
	}
	if policies.Tuning, notes, err = c.tuning(open, sources); err != nil {
		return nil, nil, err
	}
	r := &result{run: replay.New(policies), outcomes: map[int]replay.Outcome{}}
	feed := replay.NewFeed(r.run, c.Sort, func(event int, o replay.Outcome) { r.outcomes[event] = o })
	for i, in := range c.Inputs {
		if err := in.read(feed, sources, open); err != nil {
			return nil, nil, fmt.Errorf("inputs[%d]: %w", i, err)
		}
	}
	feed.End()
	return r.compare(c.Expect), append(notes, r.run.TuningNotes()...), nil
}

func (c Case) sources(open Open) (replay.Sources, error) {
	sources := replay.Sources{}
	for _, file := range c.Sources {
		data, err := readAll(open, file)
		if err != nil {
			return nil, fmt.Errorf("sources: %w", err)
		}
		if err := sources.Read(data); err != nil {
			return nil, fmt.Errorf("sources: %s: %w", file, err)
		}
	}
	return sources, nil
}

func (c Case) policies(open Open) (replay.Policies, error) {
	if c.Policy == "" {
		return replay.DefaultPolicies(), nil
	}
	data, err := readAll(open, c.Policy)
	if err != nil {
		return replay.Policies{}, fmt.Errorf("policy: %w", err)
	}
	policies, err := replay.ReadPolicy(data)
	if err != nil {
		err = fmt.Errorf("policy: %s: %w", c.Policy, err)
	}
	return policies, err
}

// tuning are the rules that hold for the events, and notes about the others.
func (c Case) tuning(open Open, sources replay.Sources) (*tuning.Set, []string, error) {
	var rules replay.TuningRules
	for _, file := range c.Tuning {
		data, err := readAll(open, file)
		if err != nil {
			return nil, nil, fmt.Errorf("tuning: %w", err)
		}
		if err := rules.Read(data); err != nil {
			return nil, nil, fmt.Errorf("tuning: %s: %w", file, err)
		}
	}
	tenant, err := c.tenant(sources)
	if err != nil {
		return nil, nil, err
	}
	set, notes, err := rules.For(tenant)
	if err != nil {
		err = fmt.Errorf("tuning: %w", err)
	}
	return set, notes, err
}

// tenant is the namespace whose events the inputs are.
func (c Case) tenant(sources replay.Sources) (string, error) {
	var used []replay.Source
	for i, in := range c.Inputs {
		from, err := sources.Find(in.Source)
		if err != nil {
			return "", fmt.Errorf("inputs[%d]: source: %w", i, err)
		}
		used = append(used, from)
	}
	return replay.Tenant(used...)
}

// maxFile bounds a file that is read whole: etcd keeps no object over 1.5 MiB.
const maxFile = 8 << 20

func readAll(open Open, file string) ([]byte, error) {
	f, err := open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: is longer than %d bytes", file, maxFile)
	}
	return data, err
}

func (in Input) read(feed *replay.Feed, sources replay.Sources, open Open) error {
	from, err := sources.Find(in.Source)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	file, err := in.open(open)
	if err != nil {
		return err
	}
	defer file.Close()
	records, err := replay.Open(file, cmp.Or(in.File, "events.json"), from)
	if err == nil {
		err = feed.Read(records, from)
	}
	if err != nil && in.File != "" {
		err = fmt.Errorf("%s: %w", in.File, err)
	}
	return err
}

func (in Input) open(open Open) (io.ReadCloser, error) {
	if in.File != "" {
		return open(in.File)
	}
	return io.NopCloser(bytes.NewReader(bytes.Join(rawBytes(in.Events), []byte("\n")))), nil
}

func rawBytes(events []json.RawMessage) [][]byte {
	out := make([][]byte, len(events))
	for i, e := range events {
		out[i] = e
	}
	return out
}
