package actions

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
)

// isolatePod cuts a pod off the network, with a policy that denies all traffic
// and a label by which the policy selects this pod alone. The policy comes
// first, so that the label takes effect at once; undoing goes the other way.
type isolatePod struct{}

func (isolatePod) steps(r Request) []Step {
	policy := isolation(r)
	return []Step{
		{Verb: "create", Kind: "NetworkPolicy", Namespace: policy.Namespace, Name: policy.Name, Body: policy},
		{Verb: "patch", Kind: "Pod", Namespace: r.Target.Namespace, Name: r.Target.Name,
			Body: map[string]string{isolatedByLabel: mark(r)}},
	}
}

func (isolatePod) words(r Request) string {
	return fmt.Sprintf("Isolate pod %s/%s: create NetworkPolicy %s, which denies it all traffic in and out, and label the pod so that it is selected",
		r.Target.Namespace, r.Target.Name, isolation(r).Name)
}

func (isolatePod) look(ctx context.Context, c client.Client, p Plan) (Sight, error) {
	pod, err := targetPod(ctx, c, p)
	if err != nil {
		return Sight{}, err
	}
	policy, err := readPolicy(ctx, c, p)
	if err != nil {
		return Sight{}, err
	}
	s := Sight{Effects: isolationEffects(p, pod, policy)}
	s.Target, s.Effect = lifecycle.TargetGone, lifecycle.EffectAbsent
	if pod != nil {
		s.Target, s.TargetUID = lifecycle.TargetPresent, string(pod.UID)
	}
	switch {
	case isolated(p, pod, policy):
		s.Effect = lifecycle.EffectInPlace
		s.Note, err = whatStillPasses(ctx, c, pod, policy.Name)
	case len(s.Effects) > 0:
		s.Effect = lifecycle.EffectPartial
	}
	return s, err
}

func (isolatePod) act(ctx context.Context, c client.Client, p Plan) error {
	pod, err := targetPod(ctx, c, p)
	if pod == nil || err != nil {
		return err
	}
	if err := isolatedByAnother(ctx, c, p, pod); err != nil {
		return err
	}
	if err := ensurePolicy(ctx, c, p); err != nil {
		return err
	}
	if marked(p, pod) {
		return nil
	}
	return markPod(ctx, c, p, pod)
}

func (isolatePod) undo(ctx context.Context, c client.Client, p Plan) error {
	pod, err := targetPod(ctx, c, p)
	if err != nil {
		return err
	}
	if marked(p, pod) {
		if err := unmarkPod(ctx, c, p, pod); err != nil {
			return err
		}
	}
	return removePolicy(ctx, c, p)
}

// isolated reports whether the policy is as rendered and selects the pod.
func isolated(p Plan, pod *corev1.Pod, policy *networkingv1.NetworkPolicy) bool {
	return marked(p, pod) && made(p, policy) && equality.Semantic.DeepEqual(policy.Spec, isolation(p.Request).Spec)
}

// isolationEffects are the changes that are there.
func isolationEffects(p Plan, pod *corev1.Pod, policy *networkingv1.NetworkPolicy) []Effect {
	var effects []Effect
	if made(p, policy) {
		effects = append(effects, Effect{"NetworkPolicy/" + policy.Namespace + "/" + policy.Name, "Created",
			"Denies all traffic of the pods with the label " + isolatedByLabel + "=" + mark(p.Request) + "; it is put back by deleting it"})
	}
	if marked(p, pod) {
		effects = append(effects, Effect{"Pod/" + pod.Namespace + "/" + pod.Name, "Modified",
			"Has the label " + isolatedByLabel + "; it is put back by removing the label"})
	}
	return effects
}
