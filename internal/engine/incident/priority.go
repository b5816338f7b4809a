package incident

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Priority says in which order incidents should be worked on, and why.
type Priority struct {
	Score   int
	Band    string
	Reasons []string
}

// The bands, and the scores between them, are those of Microsoft Defender.
const (
	BandLow    = "Low"
	BandMedium = "Medium"
	BandTop    = "Top"

	topAbove = 85
	lowBelow = 15
)

// The points are ours, as Microsoft Defender XDR does not publish its own. Severity
// alone leads to the middle of the scale: a High incident passes into the top
// band only when reach, confirmation or a verdict speaks for it too.
var severityPoints = map[model.Severity]int{
	model.SeverityHigh: 50, model.SeverityMedium: 30, model.SeverityLow: 12,
	model.SeverityUnknown: 10, model.SeverityInformational: 3,
}

const (
	pointsPerTactic    = 4  // each further tactic reached,
	maxTacticPoints    = 20 // up to five
	pointsMalicious    = 20
	pointsSuspicious   = 10
	pointsSecondSource = 6 // independent confirmation
	pointsManyAssets   = 6
	pointsRare         = 4
	rareBits           = 8 // 1 in 256
	pointsAllClean     = -25
	manyAssets         = 5
)

type factor struct {
	points int
	reason string
}

func prioritize(alerts []Member, s Summary) Priority {
	factors := []factor{{severityPoints[s.Severity], "severity " + s.Severity.String()}}
	if further := len(s.Tactics) - 1; further > 0 {
		factors = append(factors, factor{min(further*pointsPerTactic, maxTacticPoints), fmt.Sprintf("%d tactics reached", len(s.Tactics))})
	}
	factors = append(factors, verdictFactor(s.Evidence))
	if len(s.Services) > 1 {
		factors = append(factors, factor{pointsSecondSource, fmt.Sprintf("%d independent sources", len(s.Services))})
	}
	if s.Counts.Assets >= manyAssets {
		factors = append(factors, factor{pointsManyAssets, fmt.Sprintf("%d assets", s.Counts.Assets)})
	}
	if slices.ContainsFunc(alerts, func(a Member) bool { return a.SurpriseBits >= rareBits }) {
		factors = append(factors, factor{pointsRare, "rare on its asset"})
	}
	return weigh(factors)
}

func verdictFactor(evidence []Evidence) factor {
	if len(evidence) == 0 {
		return factor{}
	}
	switch evidence[0].Verdict { // the worst comes first
	case model.VerdictMalicious:
		return factor{pointsMalicious, "malicious evidence"}
	case model.VerdictSuspicious:
		return factor{pointsSuspicious, "suspicious evidence"}
	case model.VerdictNoThreatsFound:
		return factor{pointsAllClean, "no threats found"}
	default:
		return factor{}
	}
}

func weigh(factors []factor) Priority {
	slices.SortStableFunc(factors, func(a, b factor) int { return -cmp.Compare(a.points, b.points) })
	p := Priority{}
	for _, f := range factors {
		if f.points != 0 {
			p.Score += f.points
			p.Reasons = append(p.Reasons, fmt.Sprintf("%s (%+d)", f.reason, f.points))
		}
	}
	p.Score = max(0, min(p.Score, 100))
	switch {
	case p.Score > topAbove:
		p.Band = BandTop
	case p.Score < lowBelow:
		p.Band = BandLow
	default:
		p.Band = BandMedium
	}
	return p
}
