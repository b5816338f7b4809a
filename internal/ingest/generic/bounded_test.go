package generic

import (
	"strings"
	"testing"
)

func TestExpressionsThatCouldGrow(t *testing.T) {
	_, err := New("scanner", "", Options{Title: "event.t.replace('a', event.t)"})
	if err == nil || !strings.Contains(err.Error(), "generic.title: line 1, column 16: replace must not make a text longer") {
		t.Errorf("got %v", err)
	}
}
