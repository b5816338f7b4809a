package decode

import (
	"strings"
	"testing"
)

func TestFacts(t *testing.T) {
	var f Facts
	f.Add("Process: ", "/bin/cat /etc/passwd")
	f.Add("Parent: ", " ")
	f.Add("Command: ", "mysql --password hunter22\nx")
	if got, want := f.String(), "Process: /bin/cat /etc/passwd\nCommand: mysql --password [redacted] x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFactsAreBounded(t *testing.T) {
	var f Facts
	for range 10 {
		f.Add("", strings.Repeat("x", 10_000))
	}
	if got := f.String(); len(got) > MaxDescription || strings.Count(got, "\n") != 4 {
		t.Errorf("%d bytes, %d lines", len(got), strings.Count(got, "\n"))
	}
}
