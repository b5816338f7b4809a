package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
)

// token is what the detectors show to the gateway.
const token = "a-token-for-tests"

// gatewayAddress is where a run remembers the address of its gateway, which
// differs from process to process.
const gatewayAddress = "gateway"

// served is a process with its gateway.
type served struct {
	ctrl.Manager
	listener net.Listener
}

// Start runs the process. Its port is free again afterwards.
func (s served) Start(ctx context.Context) error {
	defer s.listener.Close()
	return s.Manager.Start(ctx)
}

// tocsin is the process as cmd/manager starts it, for one tenant. Its spool is
// on the disk that outlives it.
func tocsin(p *harness.Process) (harness.Runnable, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mgr, err := operator.New(p.Config, operator.Options{
		Namespaces: []string{p.Namespace}, MetricsAddress: "0", HealthAddress: "0", Repeatable: true,
		InvestigatorImage: "investigator",
		Gateway:           &operator.GatewayOptions{Listener: listener, SpoolDir: p.Dir},
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	p.Memory.Store(gatewayAddress, listener.Addr().String())
	return served{mgr, listener}, nil
}

// prepareSources lets the two detectors send.
func prepareSources(ctx context.Context, r *harness.Run) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: "falco-token"},
		StringData: map[string]string{"token": token},
	}
	audit := builders.AlertSource(r.Namespace, "audit", func(s *v1alpha1.AlertSource) { s.Spec.Type = v1alpha1.AlertSourceKubernetesAudit })
	return errors.Join(create(ctx, r, secret), create(ctx, r, builders.AlertSource(r.Namespace, "falco")), create(ctx, r, audit))
}

// falco sends what Falco would say of the pod that is taken over.
func falco(rule, priority string) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		return send(ctx, r, "falco", rule, map[string]any{
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
	return send(ctx, r, "audit", "pod-exec", map[string]any{
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

// sent is what a run remembers of its detectors: how many events were
// acknowledged, and how many may have been taken without an answer.
type sent struct{ acknowledged, unsure int64 }

func sentBy(r *harness.Run) sent {
	value, _ := r.Memory.Load("sent")
	s, _ := value.(sent)
	return s
}

// send posts one event, and again when the gateway took it for sure not. Where
// the answer was lost it is looked whether the alert is there.
func send(ctx context.Context, r *harness.Run, source, rule string, event any) error {
	if sentBy(r).unsure > 0 && alertOf(r.Log.View(), rule) != nil {
		return nil
	}
	data, err := json.Marshal(event)
	if err != nil {
		return err
	}
	address, _ := r.Memory.Load(gatewayAddress)
	url := fmt.Sprintf("http://%s/v1/sources/%s/%s", address, r.Namespace, source)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	s := sentBy(r)
	if err != nil {
		if op := (*net.OpError)(nil); !errors.As(err, &op) || op.Op != "dial" {
			s.unsure++
			r.Memory.Store("sent", s)
		}
		return err
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusAccepted || !bytes.Contains(said, []byte(`"accepted":1`)) {
		return fmt.Errorf("gateway: %s: %s", resp.Status, said)
	}
	s.acknowledged++
	r.Memory.Store("sent", s)
	return nil
}
