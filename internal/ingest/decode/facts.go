package decode

import (
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Facts make a description where the sender wrote none: a fact a line.
type Facts struct{ lines []string }

// maxFact leaves room for the others.
const maxFact = 1000

// Add adds a fact with a label in front, or nothing where nothing is known.
func (f *Facts) Add(label, fact string) {
	if fact = text.Line(fact, maxFact); fact != "" {
		f.lines = append(f.lines, label+fact)
	}
}

// String returns the description.
func (f *Facts) String() string { return Description(strings.Join(f.lines, "\n")) }
