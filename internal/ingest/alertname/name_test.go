package alertname

import (
	"strings"
	"testing"
)

func TestNext(t *testing.T) {
	for rule, want := range map[string]string{
		"Terminal shell in container":   "terminal-shell-in-container-",
		"ÄÖÜ ☠":                         "alert-",
		"--x--":                         "x-",
		strings.Repeat("very long ", 9): "very-long-very-long-very-long-very-long-",
	} {
		if got := Next(rule, "f", "p"); !strings.HasPrefix(got, want) || len(got) > 52 {
			t.Errorf("%q became %q", rule, got)
		}
	}
	if Next("r", "f", "") == Next("r", "f", "p") {
		t.Error("the predecessor makes no difference")
	}
	if got := Next("r", "f", "p"); got != "r-bfe0dd450b" {
		t.Errorf("the name is %s, not that of older versions", got)
	}
}
