package operator_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// TestCorrelationPolicy sends alerts that opt-outs mean, and alerts that they do
// not; breaks the policy, starts the operator anew, and sends more.
func TestCorrelationPolicy(t *testing.T) {
	cfg, c := environment.Start(t)
	ns := environment.Namespace(t, c)
	prepareTenant(t, c, ns)
	policy := builders.CorrelationPolicy(ns, "ours", func(p *v1alpha1.CorrelationPolicy) {
		p.Spec.OptOuts = []v1alpha1.CorrelationOptOut{
			{Name: "source", AlertSources: []v1alpha1.LocalName{"scanner"}},
			{Name: "rule", Rules: []string{"Drift"}},
			{Name: "place", Match: "alert.entities.exists(e, e.namespace == 'staging')"},
		}
	})
	if err := c.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	address, end := run(t, cfg, ns)
	await(t, func() error { return said(t, c, policy, "Valid", "InUse") })
	send := func(source, rule, namespace, pod string, want v1alpha1.CorrelationMode) {
		t.Helper()
		body := fmt.Sprintf(`{"rule": %q, "time": "2026-01-02T03:04:05Z", "output_fields": {"k8s.ns.name": %q, "k8s.pod.name": %q}}`, rule, namespace, pod)
		url := fmt.Sprintf("http://%s/v1/sources/%s/%s", address, ns, source)
		await(t, func() error { return post(t, url, strings.NewReader(body)) })
		await(t, func() error { return correlated(t, c, ns, source, rule, pod, want) })
	}
	send("falco", "Shell", "shop", "web-0", v1alpha1.CorrelationEnabled)
	send("scanner", "Port scan", "shop", "web-0", v1alpha1.CorrelationDisabled)
	send("falco", "Drift", "shop", "web-0", v1alpha1.CorrelationDisabled)
	send("falco", "Miner", "staging", "web-1", v1alpha1.CorrelationDisabled)

	policy.Spec.OptOuts = []v1alpha1.CorrelationOptOut{{Name: "all", Match: "true"}}
	policy.Spec.JoinBits = ptr.To[int32](32)
	policy.Spec.MergeBits = ptr.To[int32](32)
	if err := c.Update(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	await(t, func() error { return said(t, c, policy, "Invalid", "InUse") })
	send("falco", "Secret read", "shop", "web-0", v1alpha1.CorrelationEnabled)
	end()
	address, end = run(t, cfg, ns)
	defer end()
	send("falco", "Reverse shell", "shop", "web-0", v1alpha1.CorrelationEnabled)
	send("falco", "Drift", "shop", "web-2", v1alpha1.CorrelationDisabled)
	if err := said(t, c, policy, "Invalid", "InUse"); err != nil || *policy.Status.InForce.Generation != 1 {
		t.Errorf("%v, in force is generation %d", err, *policy.Status.InForce.Generation)
	}
	together(t, c, ns, "Shell", "Secret read", "Reverse shell")
}

// prepareTenant makes two sources of Falco's alerts.
func prepareTenant(t *testing.T, c client.Client, ns string) {
	t.Helper()
	falco, scanner := builders.AlertSource(ns, "falco"), builders.AlertSource(ns, "scanner")
	ref := falco.Spec.Auth.BearerToken
	token := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: string(ref.Name)}, StringData: map[string]string{ref.Key: "token"}}
	for _, object := range []client.Object{falco, scanner, token} {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// run starts the operator, for a namespace, and returns where its gateway is and
// how to end it.
func run(t *testing.T, cfg *rest.Config, ns string) (address string, end func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mgr, err := operator.New(cfg, operator.Options{
		Namespaces: []string{ns}, MetricsAddress: "0", HealthAddress: "0", Repeatable: true,
		Gateway: &operator.GatewayOptions{Listener: listener, SpoolDir: t.TempDir(), DrainTimeout: 15 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	return listener.Addr().String(), func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// said reads a policy, and says whether its conditions have these reasons.
func said(t *testing.T, c client.Client, p *v1alpha1.CorrelationPolicy, accepted, used string) error {
	t.Helper()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(p), p); err != nil {
		return err
	}
	for conditionType, want := range map[string]string{"Accepted": accepted, "InUse": used} {
		if got := meta.FindStatusCondition(p.Status.Conditions, conditionType); got == nil || got.Reason != want {
			return fmt.Errorf("%s is %+v, want %s", conditionType, got, want)
		}
	}
	return nil
}

// correlated says whether an alert is correlated, and as it should be.
func correlated(t *testing.T, c client.Client, ns, source, rule, pod string, want v1alpha1.CorrelationMode) error {
	t.Helper()
	var alerts v1alpha1.AlertList
	if err := c.List(t.Context(), &alerts, client.InNamespace(ns)); err != nil {
		return err
	}
	for _, a := range alerts.Items {
		if string(a.Spec.Source.AlertSource) != source || a.Spec.Source.Rule != rule || !strings.Contains(fmt.Sprint(a.Spec.Entities), pod) {
			continue
		}
		if a.Status.IncidentName == "" {
			return fmt.Errorf("%s is not correlated yet", a.Name)
		}
		alone := meta.FindStatusCondition(a.Status.Conditions, "Correlated").Reason == "CorrelationDisabled"
		if a.Spec.Correlation != want || alone != (want == v1alpha1.CorrelationDisabled) {
			t.Errorf("%s of %s: correlation is %s, want %s; %+v", rule, source, a.Spec.Correlation, want, a.Status.Conditions)
		}
		return nil
	}
	return fmt.Errorf("there is no alert of %s about %s from %s", rule, pod, source)
}

// together sees that the alerts of these rules are in one incident, and no other
// alert is.
func together(t *testing.T, c client.Client, ns string, rules ...string) {
	t.Helper()
	var alerts v1alpha1.AlertList
	if err := c.List(t.Context(), &alerts, client.InNamespace(ns)); err != nil {
		t.Fatal(err)
	}
	in := map[v1alpha1.LocalName][]string{}
	for _, a := range alerts.Items {
		in[a.Status.IncidentName] = append(in[a.Status.IncidentName], a.Spec.Source.Rule)
	}
	for name, members := range in {
		joined := strings.Contains(strings.Join(members, ","), rules[0])
		if joined && len(members) != len(rules) || !joined && len(members) != 1 {
			t.Errorf("incident %s has %v", name, members)
		}
	}
}
