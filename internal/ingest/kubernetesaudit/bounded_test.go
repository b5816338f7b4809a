package kubernetesaudit

import (
	"strings"
	"testing"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

func TestExpressionsThatCouldGrow(t *testing.T) {
	_, err := Compile([]Rule{{Name: "mine", Title: "Mine", Severity: model.SeverityLow, Match: "event.verb.replace('a', event.verb) == ''"}})
	if err == nil || !strings.Contains(err.Error(), `rule "mine": match: line 1, column 19: replace must not make a text longer`) {
		t.Errorf("got %v", err)
	}
}
