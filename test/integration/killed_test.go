package integration_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
	"github.com/tocsin-dev/tocsin/test/environment"
)

const (
	killSeed = 20261123
	// kills under load, and then kills while nothing is sent and the spool drains.
	loadedKills, quietKills = 4, 3
)

// TestKilledUnderLoad kills the whole process (-9) again and again while several
// senders send, and while it drains. In the end every acknowledged event counts
// once, in one alert or in a total; of those whose answer was lost each counts
// at most once, and nothing else counts.
func TestKilledUnderLoad(t *testing.T) {
	if shared == nil {
		t.Skip("KUBEBUILDER_ASSETS is not set: run this by 'make test-integration', which brings kube-apiserver and etcd")
	}
	ns := environment.Namespace(t, shared.Client)
	prepareSender(t, shared.Client, ns)
	dice := rand.New(rand.NewPCG(killSeed, 0))
	dir := t.TempDir()
	sent := newSent()

	for kill := range loadedKills {
		p := startManager(t, ns, dir)
		load, stop := context.WithCancel(t.Context())
		sent.begin(load, p.url(ns), kill)
		sent.await(t, sent.requests()+40+dice.IntN(120))
		p.kill(t)
		stop()
		sent.end()
	}
	for range quietKills {
		p := startManager(t, ns, dir)
		before := alertsOf(t, ns)
		grown := before + 1 + dice.IntN(60)
		poll(t, "the drain goes on", func() error {
			if now := alertsOf(t, ns); now < grown && waiting(t, shared.Client, ns, sent) {
				return fmt.Errorf("%d alerts, %d before", now, before)
			}
			return nil
		})
		p.kill(t)
	}
	p := startManager(t, ns, dir)
	poll(t, "everything is counted", func() error {
		if waiting(t, shared.Client, ns, sent) {
			return errors.New("the source has not counted what was acknowledged")
		}
		return nil
	})
	p.end(t)
	if left := spoolLeft(t, dir); left != 0 {
		t.Errorf("%d bytes are left in the spool", left)
	}
	if unsure := sent.check(t, shared.Client, ns); unsure == 0 {
		t.Error("the kills hit no request")
	}
}

// waiting says whether something that was acknowledged is not counted yet.
func waiting(t *testing.T, c client.Client, ns string, s *sent) bool {
	return received(sourceOf(t, c, ns)) < s.acknowledged()
}

func received(from *v1alpha1.AlertSource) int64 {
	return ptr.Deref(ptr.Deref(from.Status.Totals, v1alpha1.AlertSourceTotals{}).Received, 0)
}

func sourceOf(t *testing.T, c client.Client, ns string) *v1alpha1.AlertSource {
	t.Helper()
	from := &v1alpha1.AlertSource{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "falco"}, from); err != nil {
		t.Fatal(err)
	}
	return from
}

func alertsOf(t *testing.T, ns string) int {
	t.Helper()
	return len(listAlerts(t, shared.Client, ns))
}

func listAlerts(t *testing.T, c client.Client, ns string) []v1alpha1.Alert {
	t.Helper()
	var list v1alpha1.AlertList
	if err := c.List(t.Context(), &list, client.InNamespace(ns)); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// poll waits until a condition holds; two minutes are a failure.
func poll(t *testing.T, what string, holds func() error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 2*time.Minute, true,
		func(context.Context) (bool, error) { last = holds(); return last == nil, nil })
	if err != nil {
		t.Fatalf("%s: %v", what, cmp.Or(last, err))
	}
}

func spoolLeft(t *testing.T, dir string) int64 {
	t.Helper()
	left, err := spool.Open(spool.Options{Path: filepath.Join(dir, "spool.db"), Clock: clock.RealClock{}})
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close()
	return left.Usage().Bytes
}

// check holds what the API server has against what the senders know.
// It returns how many events are unsure.
func (s *sent) check(t *testing.T, c client.Client, ns string) (unsure int64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	counted := map[string]int64{} // by rule
	var occurrences int64
	alerts := listAlerts(t, c, ns)
	for _, a := range alerts {
		n := ptr.Deref(a.Status.Occurrences, 1)
		counted[a.Spec.Source.Rule] += n
		occurrences += n
	}
	wrong := []string{}
	for rule, n := range counted {
		if want, ok := s.events[rule]; !ok || n < want.acknowledged || n > want.acknowledged+want.unsure {
			wrong = append(wrong, fmt.Sprintf("%s counts %d times: %d were acknowledged, %d are unsure", rule, n, want.acknowledged, want.unsure))
		}
	}
	for rule, want := range s.events {
		if counted[rule] == 0 && want.acknowledged > 0 && rule != quietRule && rule != brokenRule {
			wrong = append(wrong, fmt.Sprintf("%s is lost: %d were acknowledged", rule, want.acknowledged))
		}
	}
	slices.Sort(wrong)
	if len(wrong) > 0 {
		t.Errorf("%d of %d rules count wrongly, such as:\n%s", len(wrong), len(s.events), wrong[0])
	}
	totals := ptr.Deref(sourceOf(t, c, ns).Status.Totals, v1alpha1.AlertSourceTotals{})
	accepted, repeated := ptr.Deref(totals.Accepted, 0), ptr.Deref(totals.Deduplicated, 0)
	if accepted != int64(len(alerts)) || accepted+repeated != occurrences {
		t.Errorf("the source counts %d new and %d repeated events, the alerts are %d with %d occurrences", accepted, repeated, len(alerts), occurrences)
	}
	for rule, n := range map[string]*int64{quietRule: totals.Suppressed, brokenRule: totals.Rejected} {
		if want := s.events[rule]; ptr.Deref(n, 0) < want.acknowledged || ptr.Deref(n, 0) > want.acknowledged+want.unsure {
			t.Errorf("%d events of the kind %q count: %d were acknowledged, %d are unsure", ptr.Deref(n, 0), rule, want.acknowledged, want.unsure)
		}
	}
	if all := accepted + repeated + ptr.Deref(totals.Suppressed, 0) + ptr.Deref(totals.Rejected, 0); all != ptr.Deref(totals.Received, 0) {
		t.Errorf("%d events were received, %d have an outcome", ptr.Deref(totals.Received, 0), all)
	}
	known := int64(0)
	for _, e := range s.events {
		known, unsure = known+e.acknowledged, unsure+e.unsure
	}
	t.Logf("%d events acknowledged, %d unsure; %d alerts with %d occurrences", known, unsure, len(alerts), occurrences)
	if known < 300 {
		t.Errorf("only %d events were acknowledged", known)
	}
	return unsure
}

// url waits for the address of the gateway and returns that of the source.
func (p *process) url(ns string) string {
	return fmt.Sprintf("http://%s/v1/sources/%s/falco", p.address, ns)
}

// readAddress reads what the child says first.
func readAddress(lines *bufio.Scanner) (string, error) {
	for lines.Scan() {
		var address string
		if n, _ := fmt.Sscanf(lines.Text(), "gateway at %s", &address); n == 1 {
			return address, nil
		}
	}
	return "", errors.Join(errors.New("the process ended before it had a gateway"), lines.Err())
}
