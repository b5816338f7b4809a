// Package fingerprint lets an AlertSource say itself what repetitions of the same
// signal have in common, instead of what its format says.
package fingerprint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/tocsin-dev/tocsin/internal/engine/bounded"
	"github.com/tocsin-dev/tocsin/internal/engine/match"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

const (
	// event is the variable that holds the event as it came.
	event = "event"
	// costLimit is what the expressions of a Generic source may take together:
	// about ten milliseconds. A usual one takes less than a hundred.
	costLimit = 1_000_000
	// maxReason bounds why it failed: that can quote the event.
	maxReason = 256
)

// Override returns a decoder that takes the fingerprint of an alert from an
// expression over "alert" and "event". Where it gives nothing, or fails, the
// format's own holds.
func Override(d decode.Decoder, source, cluster, expression string) (decode.Decoder, error) {
	program, err := compile(expression)
	if err != nil {
		return nil, fmt.Errorf("fingerprint: %w", err)
	}
	return override{d, program, source, cluster}, nil
}

func compile(expression string) (cel.Program, error) {
	env, err := cel.NewEnv(append([]cel.EnvOption{
		cel.OptionalTypes(), bounded.Strings(), cel.Variable(event, cel.MapType(cel.StringType, cel.DynType)),
	}, match.Variables()...)...)
	if err != nil {
		return nil, err
	}
	ast, err := bounded.Compile(env, expression)
	switch {
	case err != nil:
		return nil, err
	case !gives(ast.OutputType()):
		return nil, fmt.Errorf("must give a string or a list of strings, not %s", ast.OutputType())
	case !looks(ast):
		return nil, errors.New("comes out the same whatever the event is, so that all of them would be one alert: name a field of alert or event")
	}
	return env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
}

func gives(t *cel.Type) bool {
	if t.TypeName() == types.OptionalType.TypeName() {
		t = t.Parameters()[0]
	}
	return slices.Contains([]types.Kind{types.DynKind, types.StringKind, types.ListKind}, t.Kind())
}

func looks(ast *cel.Ast) bool {
	for _, reference := range ast.NativeRep().ReferenceMap() {
		if reference.Name == match.Variable || reference.Name == event {
			return true
		}
	}
	return false
}

type override struct {
	decode.Decoder
	program         cel.Program
	source, cluster string
}

func (o override) Decode(data []byte, received time.Time) (decode.Decoded, error) {
	out, err := o.Decoder.Decode(data, received)
	if err != nil || out.Drop != "" {
		return out, err
	}
	parts, err := o.parts(out.Alert, data)
	if err != nil {
		out.FingerprintErr = errors.New("fingerprint: " + text.Line(err.Error(), maxReason))
		return out, nil // The event is an alert all the same.
	}
	if strings.Join(parts, "") != "" {
		out.Alert.Fingerprint = decode.Fingerprint("AlertSource", append([]string{o.source, o.cluster}, parts...)...)
	}
	return out, nil
}

// parts are what the expression gives. The event is read a second time only
// where the expression looks at it.
func (o override) parts(a model.Alert, data []byte) ([]string, error) {
	a.Source = o.source
	out, _, err := o.program.Eval(map[string]any{match.Variable: match.View(a), event: func() any {
		var content map[string]any
		if err := utiljson.Unmarshal(data, &content); err != nil {
			return types.WrapErr(decode.Explain(err))
		}
		return content
	}})
	if err != nil {
		return nil, err
	}
	return texts(out)
}

func texts(out ref.Val) ([]string, error) {
	if optional, ok := out.(*types.Optional); ok {
		if !optional.HasValue() {
			return nil, nil
		}
		out = optional.GetValue()
	}
	switch out := out.(type) {
	case types.Null:
		return nil, nil
	case types.String:
		return []string{string(out)}, nil
	case traits.Lister:
		var parts []string
		for it := out.Iterator(); it.HasNext() == types.True; {
			part, ok := it.Next().(types.String)
			if !ok {
				return nil, errors.New("must give a list of strings, and something else is in it")
			}
			parts = append(parts, string(part))
		}
		return parts, nil
	}
	return nil, fmt.Errorf("must give a string or a list of strings, not %s", out.Type().TypeName())
}
