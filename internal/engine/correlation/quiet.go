package correlation

import (
	"cmp"
	"slices"
)

// quiet are the newest routine alerts, newest first: what looks like routine may turn
// out to be the beginning of something. As with postings, twice as many are kept
// as are looked at, and those that are not kept are older than all that are.
type quiet struct {
	kept   []id
	hidden int32
}

// newest are those that are looked at.
func (q *quiet) newest(limit int) []id { return q.kept[:min(len(q.kept), limit)] }

// quieter orders routine alerts: the newer, then by name.
func (x *index) quieter(a, b id) int {
	return cmp.Or(cmp.Compare(x.alerts.rows[b].first, x.alerts.rows[a].first), cmp.Compare(x.alerts.keys[a], x.alerts.keys[b]))
}

// hush remembers a routine alert.
func (x *index) hush(a id) {
	q := &x.quiet
	at, _ := slices.BinarySearchFunc(q.kept, a, x.quieter)
	if at == len(q.kept) && (q.hidden > 0 || at == 2*x.limit) {
		q.hidden++
		return
	}
	q.kept = slices.Insert(q.kept, at, a)
	if len(q.kept) > 2*x.limit {
		q.kept = q.kept[:2*x.limit]
		q.hidden++
	}
}

// unhush forgets a routine alert that has left its incident, and looks for
// the hidden ones when too few are kept.
func (x *index) unhush(a id) {
	q := &x.quiet
	at := slices.Index(q.kept, a)
	if at < 0 {
		q.hidden--
		return
	}
	q.kept = slices.Delete(q.kept, at, at+1)
	if len(q.kept) >= x.limit || q.hidden == 0 {
		return
	}
	*q = quiet{kept: q.kept[:0]}
	for i := range x.alerts.rows {
		if rec := &x.alerts.rows[i]; rec.routine && !rec.alone && rec.incident != none {
			x.hush(id(i))
		}
	}
}
