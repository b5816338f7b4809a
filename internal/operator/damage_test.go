package operator_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// TestDamagedSpoolIsTold: kubectl describe shows at the pod where its events are.
func TestDamagedSpoolIsTold(t *testing.T) {
	cfg, c := environment.Start(t)
	ns := environment.Namespace(t, c)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "spool.db"), bytes.Repeat([]byte("no spool "), 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "tocsin-0", UID: "1"}}
	mgr, err := operator.New(cfg, operator.Options{
		Namespaces: []string{ns}, MetricsAddress: "0", HealthAddress: "0", Repeatable: true,
		Gateway: &operator.GatewayOptions{Listener: listener, SpoolDir: folder, DrainTimeout: 15 * time.Second, Pod: pod},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	await(t, func() error {
		var events eventsv1.EventList
		if err := c.List(t.Context(), &events, client.InNamespace(ns)); err != nil {
			return err
		}
		for _, e := range events.Items {
			about := e.Regarding
			if e.Type == corev1.EventTypeWarning && e.Reason == "SpoolDamaged" && about.Kind == "Pod" && about.Name == pod.Name && about.UID == pod.UID &&
				strings.Contains(e.Note, filepath.Join(folder, "spool.db.damaged-")) {
				return nil
			}
		}
		return errors.New("no event tells where the damaged spool is")
	})
	end()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
