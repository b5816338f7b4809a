package bounded

import (
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
)

func compile(t *testing.T, source string) (*cel.Ast, error) {
	t.Helper()
	env, err := cel.NewEnv(cel.OptionalTypes(), Strings(), cel.Variable("event", cel.MapType(cel.StringType, cel.DynType)))
	if err != nil {
		t.Fatal(err)
	}
	return Compile(env, source)
}

func TestCompile(t *testing.T) {
	for source, refused := range map[string]string{
		"event.name":                   "",
		"event.name.replace('_', ' ')": "",
		"event.name.replace('\\n', '').replace('ab', 'c', 2)":         "",
		"event.name.replace('a', event.name)":                         "line 1, column 19: replace must not make a text longer",
		"event.name.replace(event.name, 'a')":                         "replace must not make a text longer",
		"event.name.replace('', 'a')":                                 "replace must not make a text longer",
		"event.list.map(x, x.replace('a', 'bb'))":                     "replace must not make a text longer",
		"event.list.join(', ') + event.name.split(' ').join('')":      "",
		"event.?list.orValue([]).join(',') + event['list'].join(',')": "",
		"event.?list.orValue([event.name]).join(',')":                 "join is for a list as it was given",
		"event.list.join(event.name)":                                 "line 1, column 16: join is for a list as it was given",
		"event.list.join('---------')":                                "of at most 8 bytes",
		"event.list.map(x, event.name).join(',')":                     "join is for a list as it was given",
		"[event.name, event.name].join('')":                           "join is for a list as it was given",
		"event.name == ":                                              "line 1, column 15: Syntax error",
		"evnt.a + event.b":                                            "line 1, column 1: undeclared reference to 'evnt'",
	} {
		t.Run(source, func(t *testing.T) {
			_, err := compile(t, source)
			if refused == "" && err != nil || refused != "" && (err == nil || !strings.Contains(err.Error(), refused)) {
				t.Errorf("got %v, want %q", err, refused)
			}
		})
	}
}

func TestNothingFormats(t *testing.T) {
	for _, source := range []string{"'%s'.format([event.name])", "strings.quote(event.name)"} {
		if _, err := compile(t, source); err == nil {
			t.Errorf("%s is taken", source)
		}
	}
}
