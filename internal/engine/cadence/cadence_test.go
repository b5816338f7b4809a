package cadence

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNext(t *testing.T) {
	for name, tc := range map[string]struct {
		reason      string
		before, ago time.Duration
		want        time.Duration
	}{
		"first":       {reason: "nothing was written yet", want: Shortest},
		"second":      {reason: "twice as long", before: Shortest, ago: Shortest, want: 2 * time.Second},
		"near bound":  {reason: "no longer than the longest", before: 32 * time.Second, ago: time.Minute, want: Longest},
		"at bound":    {reason: "no longer than the longest", before: Longest, ago: Longest, want: Longest},
		"rare":        {reason: "a gap is not quiet", before: Longest, ago: 2*Longest - 1, want: Longest},
		"after quiet": {reason: "what begins again is news", before: Longest, ago: 2 * Longest, want: Shortest},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Next(tc.before, tc.ago)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestWrites: what happens every second for 20 minutes is written a score of times.
func TestWrites(t *testing.T) {
	writes, pause := 0, time.Duration(0)
	for at := time.Duration(0); at < 20*time.Minute; at += pause {
		pause = Next(pause, pause)
		writes++
	}
	if writes < 20 || writes > 26 {
		t.Errorf("%d writes", writes)
	}
}
