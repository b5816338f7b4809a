package actions

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
)

// action is one thing that can be done.
type action interface {
	// steps are the changes that it makes.
	steps(Request) []Step
	// words say the same to people.
	words(Request) string
	// look sees what there is of the target and of the effect.
	look(context.Context, client.Client, Plan) (Sight, error)
	// act makes what is missing of the effect; nothing, if it is all there.
	act(context.Context, client.Client, Plan) error
	// undo takes away what is there of the effect.
	undo(context.Context, client.Client, Plan) error
}

// entry is a row of the table.
type entry struct {
	action
	kind     string
	undoable bool
}

// table lists the actions.
var table = map[string]entry{
	"IsolatePod": {action: isolatePod{}, kind: "Pod", undoable: true},
	"DeletePod":  {action: deletePod{}, kind: "Pod"},
}

// allowedKinds are the kinds that a step may touch, all of them namespaced.
var allowedKinds = []string{"Pod", "NetworkPolicy"}

// inScope refuses a plan that would reach beyond the namespace of its target,
// whatever rights the service account has.
func inScope(p Plan) error {
	for _, s := range p.Steps {
		if !slices.Contains(allowedKinds, s.Kind) || s.Namespace != p.Target.Namespace || s.Name == "" {
			return fmt.Errorf("%w: %s %s %q in namespace %q is out of scope", ErrPlan, s.Verb, s.Kind, s.Name, s.Namespace)
		}
	}
	return nil
}

// Sight is what was seen.
type Sight struct {
	lifecycle.Observation
	// TargetUID is the UID of the target, if it is there.
	TargetUID string
	// Effects are the changes that are in place.
	Effects []Effect
}

// Effect is one change.
type Effect struct {
	Object, Change, Message string
}

// Look sees what there is of the target and of the effect.
func (p Plan) Look(ctx context.Context, c client.Client) (Sight, error) {
	s, err := p.entry.look(ctx, c, p)
	s.Looked = err == nil
	return s, err
}

// Rehearse does everything but for real: a right that is missing, or a policy of
// the cluster that objects, shows before anything was changed.
func (p Plan) Rehearse(ctx context.Context, c client.Client) error {
	return p.entry.act(ctx, client.NewDryRunClient(c), p)
}

// Act makes the effect.
func (p Plan) Act(ctx context.Context, c client.Client) error { return p.entry.act(ctx, c, p) }

// RehearseUndo does all of Undo but for real.
func (p Plan) RehearseUndo(ctx context.Context, c client.Client) error {
	return p.entry.undo(ctx, client.NewDryRunClient(c), p)
}

// Undo takes the effect back.
func (p Plan) Undo(ctx context.Context, c client.Client) error { return p.entry.undo(ctx, c, p) }
