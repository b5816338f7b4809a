package story

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// approval lets one person try, and another decide.
func approval(ctx context.Context, w *World) error {
	first, err := w.awaitState(ctx, v1alpha1.ActionDeletePod, w.Pod, v1alpha1.RemediationPendingApproval)
	if err != nil {
		return err
	}
	second, err := w.awaitState(ctx, v1alpha1.ActionDeletePod, w.Intruder, v1alpha1.RemediationPendingApproval)
	if err != nil {
		return err
	}
	if err := w.show(ctx, "-n", Tenant, "get", "remediations"); err != nil {
		return err
	}
	if err := w.refused(ctx, Alice, first, `does not hold the verb "approve"`); err != nil {
		return err
	}
	for _, r := range []*v1alpha1.Remediation{first, second} {
		if err := w.approves(ctx, Bob, r); err != nil {
			return err
		}
		if _, err := w.awaitState(ctx, v1alpha1.ActionDeletePod, r.Spec.Target.Name, v1alpha1.RemediationSucceeded); err != nil {
			return err
		}
	}
	return w.reopen(ctx)
}

// refused lets a person try to approve what is not theirs to approve.
func (w *World) refused(ctx context.Context, person string, r *v1alpha1.Remediation, because string) error {
	w.say("\n%s approves %s. The API server:", person, r.Name)
	err := w.decide(ctx, person, r)
	if err == nil {
		return fmt.Errorf("%s could approve %s", person, r.Name)
	}
	if !strings.Contains(err.Error(), because) {
		return fmt.Errorf("%s was refused, but not because %s: %w", person, because, err)
	}
	w.say("%v", err)
	return nil
}

// approves lets a person approve what they may.
func (w *World) approves(ctx context.Context, person string, r *v1alpha1.Remediation) error {
	w.say("\n%s approves %s: %s", person, r.Name, r.Status.Plan)
	return w.decide(ctx, person, r)
}

// decide approves exactly what the status shows.
func (w *World) decide(ctx context.Context, person string, r *v1alpha1.Remediation) error {
	patch, err := json.Marshal([]map[string]any{{
		"op": "add", "path": "/spec/approvals",
		"value": []map[string]any{{"decision": "Approve", "digest": r.Status.Digest, "comment": "Seen, and agreed."}},
	}})
	if err != nil {
		return err
	}
	_, err = w.as(ctx, person, "", "-n", Tenant, "patch", "remediation", r.Name, "--type=json", "--patch", string(patch))
	return err
}

// reopen waits until the shop serves again, with a pod that nobody broke into.
func (w *World) reopen(ctx context.Context) error {
	pod, err := w.webPod(ctx, w.Pod)
	if err != nil {
		return err
	}
	served, err := w.customer(ctx, "customer-again", pod.Status.PodIP)
	if err != nil || !served.ok {
		return errors.Join(err, fmt.Errorf("the shop does not serve again: %s", served.said))
	}
	w.say("")
	if err := w.show(ctx, "-n", Shop, "get", "pods"); err != nil {
		return err
	}
	w.say("The Deployment has replaced its pod, and the customer is told: %s", served.said)
	return nil
}
