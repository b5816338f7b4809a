package drain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTurns(t *testing.T) {
	for name, test := range map[string]struct{ pushed, want string }{
		"nobody":                    {},
		"one tenant in order":       {"a1 a2 a3", "a1 a2 a3"},
		"a flood beside two others": {"a1 a2 a3 a4 b1 c1 c2", "a1 b1 c1 a2 c2 a3 a4"},
	} {
		t.Run(name, func(t *testing.T) {
			turns := newTurns()
			for _, k := range strings.Fields(test.pushed) {
				turns.Push(key{k[:1], k[1:]})
			}
			var got []string
			for turns.Len() > 0 {
				k := turns.Pop()
				got = append(got, k.tenant+k.fingerprint)
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWhoComesAgainIsLast: who was served and comes again has no turn before
// the others.
func TestWhoComesAgainIsLast(t *testing.T) {
	turns := newTurns()
	a, b := key{"a", "1"}, key{"b", "1"}
	turns.Push(a)
	turns.Push(b)
	turns.Push(turns.Pop())
	if got := turns.Pop(); got != b {
		t.Errorf("%v came before %v", got, b)
	}
}
