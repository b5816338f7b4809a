package actions

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tocsin-dev/tocsin/internal/engine/lifecycle"
)

func webPod(labels map[string]string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "web-0", UID: "ab12", Labels: labels}}
}

func rendered(t *testing.T, change ...func(*Request)) Plan {
	t.Helper()
	p, err := Render(isolation0(change...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestIsolationOfAnotherIsLeftAlone(t *testing.T) {
	t.Parallel()
	p := rendered(t)
	first := rendered(t, func(r *Request) { r.Remediation.UID = "first" })
	c := fake.NewClientBuilder().WithObjects(webPod(nil)).Build()
	if err := first.Act(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	err := p.Act(t.Context(), c)
	if trouble, ok := p.Trouble(err); !ok || trouble.Kind != lifecycle.TroubleRefused || !strings.Contains(trouble.Message, "already isolated") {
		t.Errorf("%v", err)
	}
	if err := p.Undo(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	sight, err := first.Look(t.Context(), c)
	if err != nil || sight.Effect != lifecycle.EffectInPlace {
		t.Errorf("the isolation of the first is %+v, %v", sight, err)
	}
}

// A pod's template can bring any label: it must not keep the pod from being isolated.
func TestAForgedMarkDoesNotProtect(t *testing.T) {
	t.Parallel()
	for _, mark := range []string{"0123456789abcdef", "mine", "", "A.b_c", strings.Repeat("f", 63)} {
		p := rendered(t)
		objects := []client.Object{webPod(map[string]string{isolatedByLabel: mark})}
		if mark == "mine" {
			forged := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: policyPrefix + mark}}
			objects = append(objects, forged)
		}
		c := fake.NewClientBuilder().WithObjects(objects...).Build()
		if err := p.Act(t.Context(), c); err != nil {
			t.Fatalf("%q: %v", mark, err)
		}
		if sight, err := p.Look(t.Context(), c); err != nil || sight.Effect != lifecycle.EffectInPlace {
			t.Errorf("%q: %+v, %v", mark, sight, err)
		}
	}
}

func TestAPolicyOfSomebodyElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	p := rendered(t)
	foreign := isolation(p.Request)
	foreign.Labels = nil
	foreign.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
	c := fake.NewClientBuilder().WithObjects(webPod(nil), foreign.DeepCopy()).Build()
	if err := p.Act(t.Context(), c); !errors.As(err, new(inTheWayError)) {
		t.Errorf("%v", err)
	}
	if err := p.Undo(t.Context(), c); err != nil {
		t.Error(err)
	}
	var have networkingv1.NetworkPolicy
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(foreign), &have); err != nil || len(have.Spec.Ingress) != 1 {
		t.Errorf("the policy is %+v, %v", have, err)
	}
}

func TestActAndUndoCanBeRepeated(t *testing.T) {
	t.Parallel()
	p := rendered(t)
	c := fake.NewClientBuilder().WithObjects(webPod(map[string]string{"app": "web"})).Build()
	for range 2 {
		if err := p.Act(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if sight, _ := p.Look(t.Context(), c); sight.Effect != lifecycle.EffectInPlace || len(sight.Effects) != 2 {
		t.Errorf("%+v", sight)
	}
	for range 2 {
		if err := p.Undo(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if sight, _ := p.Look(t.Context(), c); sight.Effect != lifecycle.EffectAbsent || len(sight.Effects) != 0 {
		t.Errorf("%+v", sight)
	}
}

func TestAnotherPodOfTheSameNameIsGone(t *testing.T) {
	t.Parallel()
	c := fake.NewClientBuilder().WithObjects(webPod(nil)).Build()
	for name, p := range map[string]Plan{
		"meant by people":    rendered(t, func(r *Request) { r.Target.UID = "other" }),
		"acted on before":    rendered(t, func(r *Request) { r.Target.UID = "" }).For("other"),
		"to be deleted":      rendered(t, func(r *Request) { r.Action, r.Target.UID = "DeletePod", "other" }),
		"to be deleted then": rendered(t, func(r *Request) { r.Action, r.Target.UID = "DeletePod", "" }).For("other"),
	} {
		sight, err := p.Look(t.Context(), c)
		if err != nil || sight.Target != lifecycle.TargetGone {
			t.Errorf("%s: %+v, %v", name, sight, err)
		}
		if err := p.Act(t.Context(), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var pod corev1.Pod
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(webPod(nil)), &pod); err != nil || len(pod.Labels) > 0 {
		t.Errorf("the pod is %+v, %v", pod.Labels, err)
	}
}

func TestTroubleTellsRefusalsFromFailures(t *testing.T) {
	t.Parallel()
	policies := schema.GroupResource{Group: "networking.k8s.io", Resource: "networkpolicies"}
	tests := map[string]struct {
		err  error
		kind lifecycle.TroubleKind
		want string
	}{
		"forbidden": {
			apierrors.NewForbidden(policies, "x", errors.New(strings.Repeat("no ", 1000))), lifecycle.TroubleForbidden,
			"system:serviceaccount:team-a:responder may not create networkpolicies.networking.k8s.io in namespace web: ",
		},
		"invalid":     {apierrors.NewBadRequest("bad"), lifecycle.TroubleRefused, "The API server refused to create networkpolicies.networking.k8s.io in namespace web: bad"},
		"unavailable": {apierrors.NewServiceUnavailable("later"), lifecycle.NoTrouble, ""},
		"throttled":   {apierrors.NewTooManyRequests("later", 1), lifecycle.NoTrouble, ""},
		"network":     {errors.New("connection refused"), lifecycle.NoTrouble, ""},
	}
	for name, test := range tests {
		p := rendered(t)
		c := fake.NewClientBuilder().WithObjects(webPod(nil)).WithInterceptorFuncs(interceptor.Funcs{
			Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return test.err },
		}).Build()
		trouble, ok := p.Trouble(p.Act(t.Context(), c))
		if ok != (test.kind != lifecycle.NoTrouble) || trouble.Kind != test.kind || !strings.HasPrefix(trouble.Message, test.want) {
			t.Errorf("%s: %v %+v", name, ok, trouble)
		}
		if len(trouble.Message) > 1024 {
			t.Errorf("%s: %d characters", name, len(trouble.Message))
		}
	}
}

func TestRehearsalChangesNothing(t *testing.T) {
	t.Parallel()
	p := rendered(t)
	c := fake.NewClientBuilder().WithObjects(webPod(nil)).Build()
	if err := p.Rehearse(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if sight, _ := p.Look(t.Context(), c); sight.Effect != lifecycle.EffectAbsent {
		t.Errorf("%+v", sight)
	}
}
