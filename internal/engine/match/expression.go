package match

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"

	"github.com/tocsin-dev/tocsin/internal/engine/bounded"
)

const (
	// Variable is what an expression sees.
	Variable = "alert"
	// maxExpression is how many characters the API takes.
	maxExpression = 1024
	// costLimit ends an evaluation that takes too long, after about a
	// millisecond. Comparing every entity of the largest alert with every other
	// costs a few ten thousand.
	costLimit = 100_000
)

// environment is made once: it takes as long as a hundred expressions.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(append(Variables(), bounded.Strings())...)
})

// Variables let expressions see an alert.
func Variables() []cel.EnvOption {
	return []cel.EnvOption{
		ext.NativeTypes(reflect.TypeFor[Alert](), reflect.TypeFor[Entity](), ext.ParseStructTags(true)),
		cel.Variable(Variable, cel.ObjectType("match.Alert")),
	}
}

// compile makes an expression ready to run.
func compile(expression string) (cel.Program, error) {
	if utf8.RuneCountInString(expression) > maxExpression {
		return nil, fmt.Errorf("must be at most %d characters long", maxExpression)
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	ast, err := bounded.Compile(env, expression)
	if err != nil {
		return nil, err
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("must be true or false, not %s", ast.OutputType())
	}
	if err := looksAtTheAlert(env, ast); err != nil {
		return nil, err
	}
	return env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
}

// looksAtTheAlert refuses what comes out the same for every alert: such a match
// means all of them or none. That is so if it comes out without knowing one.
func looksAtTheAlert(env *cel.Env, ast *cel.Ast) error {
	program, err := env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptPartialEval))
	if err != nil {
		return err
	}
	nothing, err := cel.PartialVars(map[string]any{}, cel.AttributePattern(Variable))
	if err != nil {
		return err
	}
	if out, _, err := program.Eval(nothing); err != nil || !types.IsUnknown(out) {
		return errors.New("comes out the same whatever the alert is: name a field of alert, such as alert.service == 'falco'")
	}
	return nil
}
