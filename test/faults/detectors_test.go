package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/tocsin"
)

// falco sends what Falco would say of the pod that is taken over, for the nth time.
func falco(rule, priority string, nth int64) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		return send(ctx, r, tocsin.Falco, happened(rule, nth), map[string]any{
			"hostname": "node-1", "rule": rule, "priority": priority, "source": "syscall", "output": rule + " (pod web-0)",
			"time": clock.RealClock{}.Now().UTC().Format(time.RFC3339Nano),
			"tags": []string{"container", "mitre_execution", "T1059"},
			"output_fields": map[string]any{
				"container.id": "0123456789ab", "k8s.ns.name": r.Namespace, "k8s.pod.name": malicious, "proc.name": "bash", "user.name": "root",
			},
		})
	}
}

// audit sends what the API server would say of an exec into that pod.
func audit(ctx context.Context, r *harness.Run) error {
	now := metav1.NewMicroTime(clock.RealClock{}.Now())
	return send(ctx, r, tocsin.Audit, happened("pod-exec", 1), map[string]any{
		"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": []any{map[string]any{
			"level": "Metadata", "auditID": r.Namespace, "stage": "ResponseStarted", "verb": "create",
			"requestURI":     "/api/v1/namespaces/" + r.Namespace + "/pods/" + malicious + "/exec",
			"user":           map[string]any{"username": "mallory", "groups": []string{"system:authenticated"}},
			"sourceIPs":      []string{"203.0.113.7"},
			"objectRef":      map[string]any{"resource": "pods", "subresource": "exec", "namespace": r.Namespace, "name": malicious, "apiVersion": "v1"},
			"responseStatus": map[string]any{"code": 101}, "requestReceivedTimestamp": now, "stageTimestamp": now,
		}},
	})
}

// happened: the alert of that rule has happened n times.
func happened(rule string, n int64) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		for _, a := range history.List[*v1alpha1.Alert](v) {
			if a.Spec.Source.Rule == rule && ptr.Deref(a.Status.Occurrences, 0) >= n {
				return nil
			}
		}
		return fmt.Errorf("the alert of rule %q has not happened %d times", rule, n)
	}
}

// send posts one event, until the gateway has taken it. Where an answer was
// lost it is looked whether the event has arrived.
func send(ctx context.Context, r *harness.Run, source string, arrived func(*harness.Run, history.View) error, event any) error {
	if tocsin.SentBy(r).Unsure > 0 && arrived(r, r.Log.View()) == nil {
		return nil
	}
	data, err := json.Marshal(event)
	if err != nil {
		return err
	}
	answer, err := tocsin.Post(ctx, r, source, data)
	if err != nil {
		return err
	}
	if answer.Accepted != 1 {
		return fmt.Errorf("the gateway said %d: %s", answer.Status, answer.Body)
	}
	return nil
}
