package story

import (
	"context"
	"fmt"
	"time"
)

// audit sends what the API server of an existing cluster would have sent, had
// it an audit webhook that leads here: that takes flags of its own.
func (w *World) audit(ctx context.Context) error {
	if w.Local() {
		return nil
	}
	binding, err := w.file("attack-binding.json")
	if err != nil {
		return err
	}
	pod, err := w.file("attack-pod.json")
	if err != nil {
		return err
	}
	body, err := w.file("audit.json", "BINDING", binding, "POD", pod, "WEB", w.Pod, "TIME", time.Now().UTC().Format(time.RFC3339Nano))
	if err != nil {
		return err
	}
	if _, err := w.gateway.post(ctx, "kubernetes-audit", w.gateway.identity.auditToken, body); err != nil {
		return fmt.Errorf("sending the audit events: %w", err)
	}
	w.say("\nThis cluster's API server has no audit webhook that leads to this alert source: the demo sends what it would have sent.")
	return nil
}
