package story

import (
	"context"
	"fmt"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

const byHand = `apiVersion: tocsin.dev/v1alpha1
kind: Remediation
metadata:
  name: by-hand
  namespace: ` + Tenant + `
spec:
  action: IsolatePod
  target: {kind: Pod, namespace: ` + Shop + `, name: %s}
  reason: Until its service account has lost the rights that it does not need.
  serviceAccountName: responder
  ttlSeconds: 3600
`

// fourEyes lets the approver ask for something, and try to approve it.
func fourEyes(ctx context.Context, w *World) error {
	pod, err := w.webPod(ctx, w.Pod)
	if err != nil {
		return err
	}
	w.say("%s, who may approve, asks for the new pod to be isolated, too.", Bob)
	if _, err := w.as(ctx, Bob, fmt.Sprintf(byHand, pod.Name), "create", "-f", "-"); err != nil {
		return err
	}
	r, err := w.awaitState(ctx, v1alpha1.ActionIsolatePod, pod.Name, v1alpha1.RemediationPendingApproval)
	if err != nil {
		return err
	}
	if err := w.refused(ctx, Bob, r, "another person must"); err != nil {
		return err
	}
	w.say("\n%s withdraws it.", Bob)
	_, err = w.as(ctx, Bob, "", "-n", Tenant, "patch", "remediation", r.Name, "--type=merge", "--patch", `{"spec": {"cancel": {"reason": "The rights are taken away instead."}}}`)
	if err != nil {
		return err
	}
	_, err = w.awaitState(ctx, v1alpha1.ActionIsolatePod, pod.Name, v1alpha1.RemediationCancelled)
	return err
}
