package findings

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Group is what one alert tells of.
type Group struct {
	Subject Subject
	Sensor  string
}

// MaxFindings bounds what a board keeps: half a KiB or so each.
const MaxFindings = 50_000

// Board holds what the reports of one kind say. It keeps no report.
type Board struct {
	reports map[string]*report
	groups  map[Group]map[string][]Finding // what each report says of it
	size    int
	full    bool
}

type report struct {
	groups map[Group]bool
	size   int
	// gone is since when the report is away; zero while it is there.
	gone time.Time
}

// NewBoard returns a board that knows nothing.
func NewBoard() *Board {
	return &Board{reports: map[string]*report{}, groups: map[Group]map[string][]Finding{}}
}

// Put takes over what a report says. Its key is "namespace/name".
func (b *Board) Put(key string, findings []Finding) {
	b.forget(key)
	if b.size+len(findings) > MaxFindings {
		b.full = true
		return
	}
	r := &report{groups: map[Group]bool{}, size: len(findings)}
	b.reports[key], b.size = r, b.size+r.size
	for _, f := range findings {
		g := Group{f.Subject, f.Sensor}
		if b.groups[g] == nil {
			b.groups[g] = map[string][]Finding{}
		}
		b.groups[g][key] = append(b.groups[g][key], f)
		r.groups[g] = true
	}
}

// Remove says that a report is away. What it said counts until Expire forgets it.
func (b *Board) Remove(key string, now time.Time) {
	if r := b.reports[key]; r != nil && r.gone.IsZero() {
		r.gone = now
	}
}

// Keep says which reports of a namespace are there, or of all with "": the others
// are away.
func (b *Board) Keep(namespace string, there map[string]bool, now time.Time) {
	for key := range b.reports {
		if !there[key] && (namespace == "" || strings.HasPrefix(key, namespace+"/")) {
			b.Remove(key, now)
		}
	}
}

// Expire forgets the reports that have been away since before a time.
func (b *Board) Expire(before time.Time) {
	for key, r := range b.reports {
		if !r.gone.IsZero() && r.gone.Before(before) {
			b.forget(key)
		}
	}
}

// Full says that more was found than the board keeps: that something is not on
// it says nothing, from then on.
func (b *Board) Full() bool { return b.full }

func (b *Board) forget(key string) {
	r := b.reports[key]
	if r == nil {
		return
	}
	delete(b.reports, key)
	b.size -= r.size
	for g := range r.groups {
		delete(b.groups[g], key)
		if len(b.groups[g]) == 0 {
			delete(b.groups, g)
		}
	}
}

// standing is a finding that counts, as far as is known.
type standing struct {
	Finding
	gone bool
}

// of returns what counts of what was found in a group, the worst first: of each
// slot the newest, and what is there before what is away.
func (b *Board) of(g Group) []Finding {
	newest := map[string]standing{}
	for _, key := range slices.Sorted(maps.Keys(b.groups[g])) {
		for _, f := range b.groups[g][key] {
			next := standing{f, !b.reports[key].gone.IsZero()}
			if before, taken := newest[f.Slot]; !taken || next.over(before) {
				newest[f.Slot] = next
			}
		}
	}
	var out []Finding
	for _, slot := range slices.Sorted(maps.Keys(newest)) {
		if f := newest[slot].Finding; f.Counts != (Counts{}) {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return b.Counts.compare(a.Counts) })
	return out
}

func (s standing) over(other standing) bool {
	if s.gone != other.gone {
		return other.gone
	}
	return s.At.After(other.At)
}

// compare orders by what is worst.
func (c Counts) compare(o Counts) int {
	return slices.Compare([]int64{c.Critical, c.High, c.Medium, c.Low, c.Unknown}, []int64{o.Critical, o.High, o.Medium, o.Low, o.Unknown})
}

// severity of what was found; nothing is Unknown, below all others.
func severity(findings []Finding) model.Severity {
	if len(findings) == 0 {
		return model.SeverityUnknown
	}
	worst, _, _ := total(findings).Worst()
	return worst
}

func total(findings []Finding) (sum Counts) {
	for _, f := range findings {
		sum = sum.Plus(f.Counts)
	}
	return sum
}
