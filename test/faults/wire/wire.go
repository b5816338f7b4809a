package wire

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
)

// Write is one write that a process of the run asked for.
type Write struct {
	Request
	// Number counts the writes of its class, from 1.
	Number int
	// Time is when it was asked for.
	Time time.Time
	// Outcome is the answer: a status code, or what became of the write instead.
	Outcome string
}

// String is the write as one line of a report.
func (w Write) String() string {
	return fmt.Sprintf("%s #%d %s -> %s", w.Time.Format("05.000"), w.Number, w.Request, w.Outcome)
}

// Wire is the connection of one run.
type Wire struct {
	clock clock.PassiveClock
	fault Fault

	mu     sync.Mutex
	writes []*Write
	counts map[Class]int
	fired  *Write
	gates  map[schema.GroupResource]*gate
}

// New returns the wire of a run, which suffers the fault.
func New(c clock.PassiveClock, fault Fault) *Wire {
	return &Wire{clock: c, fault: fault, counts: map[Class]int{}, gates: map[schema.GroupResource]*gate{}}
}

// Writes returns the writes of the class so far, in order.
func (w *Wire) Writes(class Class) []Write {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []Write
	for _, write := range w.writes {
		if write.Class == class {
			all = append(all, *write)
		}
	}
	return all
}

// Fired returns the write that the fault spoiled, or nil while there was none.
func (w *Wire) Fired() *Write {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fired == nil {
		return nil
	}
	fired := *w.fired
	return &fired
}

// Total counts the writes of all classes.
func (w *Wire) Total() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.writes)
}

// LastWrite is when a process last asked for a write of any class but Lease.
func (w *Wire) LastWrite() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.writes) == 0 {
		return time.Time{}
	}
	return w.writes[len(w.writes)-1].Time
}

// Tail describes the newest n writes.
func (w *Wire) Tail(n int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := []string{}
	for _, write := range w.writes[max(0, len(w.writes)-n):] {
		lines = append(lines, write.String())
	}
	return strings.Join(lines, "\n")
}

// begin numbers the write, and says how it is to be spoiled.
func (w *Wire) begin(r Request) (*Write, Effect) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[r.Class]++
	write := &Write{Request: r, Number: w.counts[r.Class], Time: w.clock.Now(), Outcome: "under way"}
	w.writes = append(w.writes, write)
	if w.fault.Effect != Nothing && w.fault.Class == r.Class && w.aimed(write) {
		w.fired = write
		return write, w.fault.Effect
	}
	return write, Nothing
}

// aimed says whether the write is one that the fault spoils.
func (w *Wire) aimed(write *Write) bool {
	if w.fault.Number > 0 {
		return w.fault.Number == write.Number
	}
	if write.Method != http.MethodPatch && write.Method != http.MethodPut {
		return false
	}
	same := 0
	for _, other := range w.writes {
		if other.Request.String() == write.Request.String() {
			same++
		}
	}
	return same == 1
}

func (w *Wire) end(write *Write, effect Effect, resp *http.Response, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case effect == CrashBefore:
		write.Outcome = "unsent, process stopped"
	case effect == CrashAfter:
		write.Outcome = "sent, answer lost, process stopped"
	case effect == TimeOut:
		write.Outcome = "sent, caller told that it timed out"
	case effect == BadGateway:
		write.Outcome = "sent, caller told 502"
	case effect == Conflict:
		write.Outcome = "unsent, caller told of a conflict"
	case effect == TooManyRequests:
		write.Outcome = "unsent, caller told 429"
	case effect == InternalError:
		write.Outcome = "unsent, caller told 500"
	case err != nil:
		write.Outcome = err.Error()
	default:
		write.Outcome = fmt.Sprint(resp.StatusCode)
	}
}
