package replay

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Source is an AlertSource whose sender was recorded.
type Source struct {
	Name string
	// Namespace is the tenant, where it is declared.
	Namespace string
	Decoder   decode.Decoder
	// Rows says that its events may also come as CSV.
	Rows bool
	// CorrelationDisabled keeps its alerts out of the incidents of others.
	CorrelationDisabled bool
	// RollUp are the limits beyond which its alerts are rolled up.
	RollUp rollup.Limits
}

// State says what became of an event.
type State string

// The states of an event.
const (
	// StateNew opened an alert, StateDuplicate counts in one, StateRolledUp in one
	// that rolls up further alerts.
	StateNew       State = "new"
	StateDuplicate State = "duplicate"
	StateRolledUp  State = "rolledUp"
	// StateSuppressed is no alert, or counts in one that is hidden; StateRejected
	// cannot be read.
	StateSuppressed State = "suppressed"
	StateRejected   State = "rejected"
)

// Outcome is what became of an event.
type Outcome struct {
	State State
	// Alert is the number of its alert in the run, where it has one.
	Alert int
	// Reason says why it was suppressed or rejected, or of an alert why the
	// fingerprint of its source could not be used.
	Reason string
	// Opened says that it opened its alert, Hidden that a tuning rule hides that.
	Opened, Hidden bool
}

// HasAlert says whether the event has an alert.
func (o Outcome) HasAlert() bool {
	return o.Hidden || o.State == StateNew || o.State == StateDuplicate || o.State == StateRolledUp
}

// Feed reads recorded events and hands them to a run.
type Feed struct {
	run *Run
	// sorted holds all events back until the end, to hand them on by time.
	sorted bool
	queue  []held
	// waiting are events without a time of their own, before the first that has one.
	waiting []held
	newest  time.Time
	events  int
	undated int
	took    func(event int, o Outcome)
}

// held is an event that is an alert, or the notice that one is over, and its
// number.
type held struct {
	model.Alert
	resolved bool
	event    int
	note     string
}

const (
	// maxWaiting bounds the events that wait for one with a time.
	maxWaiting = 10_000
	// maxReason bounds the reason of a rejection: it can quote the event.
	maxReason = 256
	// reasonResolved is that of a notice that a signal is over.
	reasonResolved = "Resolved"
)

var (
	// never is handed to decoders as the time of receipt: what comes back with it
	// has no time of its own, and what has one is believed.
	never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	// noTime is the time of events where none has one.
	noTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// NewFeed returns a feed into the run. Events are handed on as they come, or by
// their own time where sorted. took is told of each event once, by its number
// over all inputs, counted from 0.
func NewFeed(run *Run, sorted bool, took func(event int, o Outcome)) *Feed {
	return &Feed{run: run, sorted: sorted, took: took}
}

// Events is how many events there were so far.
func (f *Feed) Events() int { return f.events }

// Undated is how many of them had no time of their own that could be read.
func (f *Feed) Undated() int { return f.undated }

// Read reads an input to its end. An error is about the whole input.
func (f *Feed) Read(records body.Records, from Source) error {
	f.run.Limit(from.Name, from.RollUp)
	for {
		record, err := records.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if record.Err != nil {
			f.leave(StateRejected, record.Err.Error())
			continue
		}
		for event := range decode.Events(from.Decoder, record.Data) {
			f.take(event, from)
		}
	}
}

// leave notes an event that is no alert.
func (f *Feed) leave(state State, reason string) {
	f.took(f.events, Outcome{State: state, Reason: text.Line(reason, maxReason)})
	f.events++
}

func (f *Feed) take(event decode.Event, from Source) {
	decoded, err := decode.Decoded{Drop: event.Drop}, event.Err
	if err == nil && event.Drop == "" {
		decoded, err = from.Decoder.Decode(event.Data, never)
	}
	switch {
	case err != nil:
		f.leave(StateRejected, err.Error())
	case decoded.Drop != "":
		f.leave(StateSuppressed, string(decoded.Drop))
	default:
		decoded.Alert.Source, decoded.Alert.CorrelationDisabled = from.Name, from.CorrelationDisabled
		if decoded.Alert.Last.Equal(never) && !decoded.Resolved {
			decoded.Alert.Last = decoded.Alert.First // It went on when it was sent: all that is known is when it began.
		}
		h := held{Alert: decoded.Alert, resolved: decoded.Resolved, event: f.events}
		if decoded.FingerprintErr != nil {
			h.note = decoded.FingerprintErr.Error()
		}
		f.date(h)
		f.events++
	}
}

// date gives an event without a time that of the newest before it, or else of the
// first that has one.
func (f *Feed) date(h held) {
	if !h.Last.Equal(never) {
		if f.newest.IsZero() {
			f.begin(h.Last)
		}
		if h.Last.After(f.newest) {
			f.newest = h.Last
		}
		f.pass(h)
		return
	}
	f.undated++
	if f.newest.IsZero() && len(f.waiting) < maxWaiting {
		f.waiting = append(f.waiting, h)
		return
	}
	if f.newest.IsZero() {
		f.begin(noTime)
	}
	h.First, h.Last = f.newest, f.newest
	f.pass(h)
}

// begin hands on what waited for a time.
func (f *Feed) begin(at time.Time) {
	f.newest = at
	for _, h := range f.waiting {
		h.First, h.Last = at, at
		f.pass(h)
	}
	f.waiting = nil
}

func (f *Feed) pass(h held) {
	if f.sorted {
		f.queue = append(f.queue, h)
		return
	}
	f.place(h)
}

func (f *Feed) place(h held) {
	if h.resolved {
		f.run.End(h.Alert)
		f.took(h.event, Outcome{State: StateSuppressed, Reason: reasonResolved})
		return
	}
	number, opened := f.run.Take(h.Alert)
	o := Outcome{State: StateDuplicate, Alert: number, Reason: h.note, Opened: opened}
	switch by := f.run.HiddenBy(number); {
	case by != "":
		o.State, o.Hidden, o.Reason = StateSuppressed, true, "Hidden by tuning rule "+by
	case opened:
		o.State = StateNew
	case f.run.RollsUp(number):
		o.State = StateRolledUp
	}
	f.took(h.event, o)
}

// End hands on what was held back. Nothing may be read after it.
func (f *Feed) End() {
	if f.newest.IsZero() {
		f.begin(noTime)
	}
	slices.SortStableFunc(f.queue, func(a, b held) int { return cmp.Or(a.Last.Compare(b.Last), cmp.Compare(a.event, b.event)) })
	for _, h := range f.queue {
		f.place(h)
	}
	f.queue = nil
}
