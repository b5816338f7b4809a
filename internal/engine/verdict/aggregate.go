package verdict

import (
	"cmp"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// MaxEvidence is how many entities an investigation keeps a verdict for.
const MaxEvidence = 64

// Finding is what one step found one entity to be.
type Finding struct {
	model.Key
	Verdict model.Verdict
	Reason  string
	// UID is the object that was examined; empty when it was not found out.
	UID string
}

// Compare orders findings worst first, then by entity.
func (f Finding) Compare(other Finding) int {
	switch {
	case f.Verdict.Worse(other.Verdict):
		return -1
	case other.Verdict.Worse(f.Verdict):
		return 1
	}
	return cmp.Or(
		f.Key.Compare(other.Key),
		// A finding that names the object says more than one that does not.
		-cmp.Compare(min(len(f.UID), 1), min(len(other.UID), 1)),
		cmp.Compare(f.Reason, other.Reason),
		cmp.Compare(f.UID, other.UID),
	)
}

// Aggregate keeps the worst finding for each entity, worst first, at most limit
// of them. It returns also how many entities were found on in all.
func Aggregate(findings []Finding, limit int) (kept []Finding, total int) {
	sorted := slices.Clone(findings)
	slices.SortFunc(sorted, Finding.Compare)
	seen := map[model.Key]bool{}
	for _, f := range sorted {
		if !seen[f.Key] {
			seen[f.Key] = true
			kept = append(kept, f)
		}
	}
	return kept[:min(len(kept), limit)], len(kept)
}
