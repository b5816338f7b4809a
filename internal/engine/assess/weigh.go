package assess

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Thresholds of the points.
const (
	// maliciousPoints needs two strong findings, such as a privileged container
	// with the node's root folder, or an attack that went on after its first step.
	maliciousPoints = 80
	// suspiciousPoints is one strong finding, or a few weak ones.
	suspiciousPoints = 30
)

// finding is one thing that speaks against an entity.
type finding struct {
	points int
	reason string
}

// Assessment is a verdict with its reasons, the heaviest first.
type Assessment struct {
	Verdict model.Verdict
	Points  int
	Reasons []string
}

// Reason is all the reasons in one sentence.
func (a Assessment) Reason() string { return strings.Join(a.Reasons, "; ") }

func weigh(findings []finding) Assessment {
	slices.SortStableFunc(findings, func(a, b finding) int {
		return cmp.Or(-cmp.Compare(a.points, b.points), cmp.Compare(a.reason, b.reason))
	})
	out := Assessment{Verdict: model.VerdictNoThreatsFound}
	for _, f := range findings {
		out.Points += f.points
		if !slices.Contains(out.Reasons, f.reason) {
			out.Reasons = append(out.Reasons, f.reason)
		}
	}
	switch {
	case out.Points >= maliciousPoints:
		out.Verdict = model.VerdictMalicious
	case out.Points >= suspiciousPoints:
		out.Verdict = model.VerdictSuspicious
	}
	if len(out.Reasons) == 0 {
		out.Reasons = []string{"nothing remarkable was seen"}
	}
	return out
}
