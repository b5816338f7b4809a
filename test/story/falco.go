package story

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// falcoEvent is what a runtime detector would see, in our own words.
type falcoEvent struct {
	rule, priority, output string
	tags                   []string
	fields                 map[string]any
}

var (
	falcoShell = falcoEvent{
		rule: "Shell in a container", priority: "Notice", output: "A shell with an attached terminal was started in a container",
		tags:   []string{"container", "shell", "mitre_execution", "T1059"},
		fields: map[string]any{"proc.cmdline": "sh", "proc.pname": "runc"},
	}
	falcoToken = falcoEvent{
		rule: "Service account token read by a shell", priority: "Warning", output: "A process that was started from a shell opened the pod's service account token",
		tags:   []string{"container", "filesystem", "mitre_credential_access", "T1528"},
		fields: map[string]any{"proc.cmdline": "sh", "fd.name": "/var/run/secrets/kubernetes.io/serviceaccount/token"},
	}
	falcoConnection = falcoEvent{
		rule: "API server contacted by a shell", priority: "Notice", output: "A process that was started from a shell connected to the API server",
		tags:   []string{"container", "network", "mitre_discovery", "T1613"},
		fields: map[string]any{"proc.cmdline": "sh", "fd.sip": "10.96.0.1", "fd.sport": 443, "fd.l4proto": "tcp"},
	}
)

// falco sends an event as Falco would.
func (w *World) falco(ctx context.Context, e falcoEvent) error {
	var pod corev1.Pod
	if err := w.get(ctx, Shop, w.Pod, &pod); err != nil {
		return err
	}
	fields := map[string]any{
		"k8s.ns.name": Shop, "k8s.pod.name": pod.Name, "k8s.node.name": pod.Spec.NodeName,
		"container.id": containerID(&pod), "container.name": "web",
		"proc.name": "sh", "proc.exepath": "/bin/sh", "user.name": "nonroot", "user.uid": 65532,
	}
	repository, tag, _ := strings.Cut(w.AppImage, ":")
	fields["container.image.repository"], fields["container.image.tag"] = repository, tag
	for name, value := range e.fields {
		fields[name] = value
	}
	body, err := json.Marshal(map[string]any{
		"rule": e.rule, "priority": e.priority, "output": e.output, "source": "syscall", "tags": e.tags,
		"time": time.Now().UTC().Format(time.RFC3339Nano), "hostname": pod.Spec.NodeName, "output_fields": fields,
	})
	if err != nil {
		return err
	}
	if _, err := w.gateway.post(ctx, "falco", w.gateway.token, string(body)); err != nil {
		return fmt.Errorf("sending what the runtime detector saw: %w", err)
	}
	w.note("Falco saw: %s", e.rule)
	return nil
}

// containerID is the short id that Falco gives, of the first container.
func containerID(pod *corev1.Pod) string {
	for _, status := range pod.Status.ContainerStatuses {
		if _, id, ok := strings.Cut(status.ContainerID, "://"); ok && len(id) >= 12 {
			return id[:12]
		}
	}
	return ""
}
