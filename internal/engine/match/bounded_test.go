package match

import (
	"strings"
	"testing"
)

func TestExpressionsThatCouldGrow(t *testing.T) {
	_, err := Compile(Match{Expression: "alert.title.replace('a', alert.title) == ''"})
	if err == nil || !strings.Contains(err.Error(), "match: line 1, column 20: replace must not make a text longer") {
		t.Errorf("got %v", err)
	}
}
