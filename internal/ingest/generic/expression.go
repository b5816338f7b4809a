package generic

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/tocsin-dev/tocsin/internal/engine/bounded"
)

const (
	// costLimit ends the evaluation of an event whose expressions take too long
	// together: as much as one rule for an audit event may take, about ten
	// milliseconds. A usual event takes less than a hundred.
	costLimit = 1_000_000
	// maxItems is how many items of a list are looked at.
	maxItems = 1000
)

// expression is one option, ready to run. nil is one that was left out.
type expression struct {
	field   string
	program cel.Program
}

// result is what an option may give.
type result struct {
	what  string
	kinds []types.Kind
}

var (
	aBool = result{"true or false", []types.Kind{types.BoolKind}}
	aText = result{"a string", []types.Kind{types.StringKind}}
	aList = result{"a list", []types.Kind{types.ListKind}}
	texts = result{"a string or a list of strings", []types.Kind{types.StringKind, types.ListKind}}
	aTime = result{"a timestamp, a string or a number", []types.Kind{
		types.TimestampKind, types.StringKind, types.IntKind, types.UintKind, types.DoubleKind}}
)

// allows says whether an expression of a type can give the result: also one
// that may give nothing.
func (r result) allows(t *cel.Type) bool {
	if t.TypeName() == types.OptionalType.TypeName() {
		t = t.Parameters()[0]
	}
	return t.Kind() == types.DynKind || t.Kind() == types.NullTypeKind || slices.Contains(r.kinds, t.Kind())
}

func environment() (*cel.Env, error) {
	return cel.NewEnv(
		cel.OptionalTypes(),
		bounded.Strings(),
		cel.Variable("event", cel.MapType(cel.StringType, cel.DynType)),
	)
}

// compiler compiles options and gathers what is wrong with them.
type compiler struct {
	env      *cel.Env
	problems []error
}

// compile returns nil for an option that is left out.
func (c *compiler) compile(field, source string, want result) *expression {
	if strings.TrimSpace(source) == "" {
		return nil
	}
	field = "generic." + field
	ast, err := bounded.Compile(c.env, source)
	if err != nil {
		c.problems = append(c.problems, fmt.Errorf("%s: %w", field, err))
		return nil
	}
	if !want.allows(ast.OutputType()) {
		c.problems = append(c.problems, fmt.Errorf("%s: must give %s, not %s", field, want.what, ast.OutputType()))
		return nil
	}
	program, err := c.env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		c.problems = append(c.problems, fmt.Errorf("%s: %w", field, err))
	}
	return &expression{field, program}
}

// evaluation runs the expressions on one event. The first error ends it.
type evaluation struct {
	facts map[string]any
	spent uint64
	err   error
}

func newEvaluation(event map[string]any) *evaluation {
	return &evaluation{facts: map[string]any{"event": event}}
}

var errTooDear = errors.New("the expressions take too long on this event: look at less of it")

// value is what an expression gives; nil where it is left out, gives nothing or
// null, or failed.
func (v *evaluation) value(x *expression, want result) ref.Val {
	if x == nil || v.err != nil {
		return nil
	}
	out, details, err := x.program.Eval(v.facts)
	if cost := details.ActualCost(); cost != nil {
		v.spent += *cost
	}
	if optional, ok := out.(*types.Optional); ok {
		out = types.NullValue
		if optional.HasValue() {
			out = optional.GetValue()
		}
	}
	switch {
	case v.spent > costLimit:
		v.err = fmt.Errorf("%s: %w", x.field, errTooDear)
	case err != nil:
		v.err = fmt.Errorf("%s: %w%s", x.field, err, hint(err))
	case out == types.NullValue:
	case !slices.Contains(want.kinds, kindOf(out)):
		v.err = fmt.Errorf("%s: must give %s, not %s", x.field, want.what, out.Type().TypeName())
	default:
		return out
	}
	return nil
}

func kindOf(out ref.Val) types.Kind {
	if t, ok := out.Type().(*types.Type); ok {
		return t.Kind()
	}
	return types.UnspecifiedKind
}

// hint says what to do about the commonest mistake.
func hint(err error) string {
	if strings.Contains(err.Error(), "no such key") {
		return "; where a field may be missing, write event.?field"
	}
	return ""
}

// holds is whether a condition is true; one that is left out is.
func (v *evaluation) holds(x *expression) bool {
	out := v.value(x, aBool)
	return x == nil || out == types.True
}

func (v *evaluation) text(x *expression) string {
	s, _ := v.value(x, aText).(types.String)
	return string(s)
}

// texts returns the strings in a list, or the one string. What else is in the
// list is left out.
func (v *evaluation) texts(x *expression) []string {
	var found []string
	switch out := v.value(x, texts).(type) {
	case types.String:
		found = append(found, string(out))
	case traits.Lister:
		for i := range items(out) {
			if s, ok := out.Get(types.Int(i)).(types.String); ok {
				found = append(found, string(s))
			}
		}
	}
	return found
}

func items(list traits.Lister) int64 {
	size, _ := list.Size().(types.Int)
	return min(int64(size), maxItems)
}
