package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/falco"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/test/performance/load/attack"
	"github.com/tocsin-dev/tocsin/test/performance/load/events"
)

// writers are how many clients the plain client is; the best of them counts.
var writers = []int{8, 32}

// different are alerts of which each workload raises ten.
func (b *bench) different() events.Shape {
	return events.Shape{Signatures: b.events, Workloads: max(1, b.events/10), Rules: 5}
}

// incidents compares how many different alerts a second get their incident with
// how many a client creates that does nothing else with them.
func (b *bench) incidents(ctx context.Context) error {
	fmt.Printf("\n%d different alerts of %d workloads, all at once:\n\n", b.events, b.different().Workloads)
	header(os.Stdout, "client", "alerts/s", "share of the plain client", "API writes/alert", "incidents")
	best := 0.0
	for _, how := range []struct {
		writes string
		write  func(context.Context, client.Client, *v1alpha1.Alert) error
	}{{"1", create}, {"2", createAndPlace}} {
		for _, n := range writers {
			err := b.withCluster(ctx, func(ctx context.Context, c *cluster, _ string) error {
				rate, err := b.plain(ctx, c, n, how.write)
				if how.writes == "1" {
					best = max(best, rate)
				}
				line(os.Stdout, fmt.Sprintf("plain client, %d at a time", n), fmt.Sprintf("%.0f", rate), fmt.Sprintf("%.2f", rate/best), how.writes, "")
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return b.withTocsin(ctx, func(ctx context.Context, c *cluster, tocsin server) error { return b.correlated(ctx, c, tocsin, best) })
}

// correlated measures Tocsin from the first POST until all incidents are right.
func (b *bench) correlated(ctx context.Context, c *cluster, tocsin server, plain float64) error {
	const batch = 100
	plan, err := tocsin.plan(b.different(), b.events/batch, batch, b.connections)
	if err != nil {
		return err
	}
	plan.Requests = b.events / batch
	before, err := c.requests.writes(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	report, err := attack.Run(plan)
	if err != nil {
		return err
	}
	reached, err := c.awaitRight(ctx, int64(report.Acknowledged))
	if err != nil {
		return err
	}
	rate := float64(reached.alerts) / time.Since(began).Seconds()
	after, err := c.requests.writes(ctx)
	if err != nil {
		return err
	}
	wrote := after.since(before)
	line(os.Stdout, "Tocsin, into incidents", fmt.Sprintf("%.0f", rate), fmt.Sprintf("%.2f", rate/plain),
		fmt.Sprintf("%.2f", wrote.total()/float64(reached.alerts)), fmt.Sprint(reached.incidents))
	fmt.Printf("\nWrites of Tocsin: %s.\n", wrote)
	return nil
}

// plain writes one resource per alert, as the same alerts look in Tocsin, and
// returns how many a second.
func (b *bench) plain(ctx context.Context, c *cluster, writers int, write func(context.Context, client.Client, *v1alpha1.Alert) error) (float64, error) {
	if err := c.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "plain"}}); err != nil {
		return 0, err
	}
	alerts, err := b.resources()
	if err != nil {
		return 0, err
	}
	waiting := make(chan *v1alpha1.Alert, len(alerts))
	for _, alert := range alerts {
		waiting <- alert
	}
	close(waiting)
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range writers {
		group.Go(func() error {
			for alert := range waiting {
				if err := write(ctx, c.client, alert); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return float64(len(alerts)) / time.Since(began).Seconds(), nil
}

func create(ctx context.Context, c client.Client, alert *v1alpha1.Alert) error {
	return c.Create(ctx, alert)
}

// createAndPlace also writes a status as long as that of an alert which has joined an
// incident: more than this no controller reaches that says so in the alert.
func createAndPlace(ctx context.Context, c client.Client, alert *v1alpha1.Alert) error {
	if err := c.Create(ctx, alert); err != nil {
		return err
	}
	const peer = "rule-3-of-the-load-generator-9d18622caa"
	status := &v1alpha1.AlertStatus{
		IncidentName: peer, State: v1alpha1.AlertNew, SurpriseMillibits: ptr.To[int32](5580), Routine: ptr.To(false),
		Conditions: []metav1.Condition{{
			Type: v1alpha1.AlertConditionCorrelated, Status: metav1.ConditionTrue, ObservedGeneration: 1, LastTransitionTime: metav1.Now(),
			Reason: correlation.ReasonJoined, Message: "SameAsset Container/abc0000000c6 with alert " + peer + " (18.5 bits against chance)",
		}},
	}
	for _, e := range alert.Spec.Entities[:4] {
		status.Links = append(status.Links, v1alpha1.AlertLink{
			Reason: correlation.LinkSameAsset, Entity: string(e.Kind) + "/" + e.Name, PeerName: peer, WeightMillibits: ptr.To[int32](18490),
		})
	}
	_, err := kube.ApplyStatus(ctx, c, "plain-client", alert, &v1alpha1.AlertStatus{}, status)
	return err
}

// resources are the alerts as resources.
func (b *bench) resources() ([]*v1alpha1.Alert, error) {
	now := time.Now()
	bodies, err := events.Falco.Bodies(b.different(), 0, 1, b.events, now)
	if err != nil {
		return nil, err
	}
	records, err := body.Split(bodies[0])
	if err != nil {
		return nil, err
	}
	alerts := make([]*v1alpha1.Alert, len(records))
	for i, record := range records {
		decoded, err := falco.Decoder{}.Decode(record.Data, now)
		if err != nil {
			return nil, err
		}
		alerts[i] = resource(fmt.Sprintf("alert-%d", i), decoded.Alert)
	}
	return alerts, nil
}

func resource(name string, a model.Alert) *v1alpha1.Alert {
	out := &v1alpha1.Alert{
		ObjectMeta: metav1.ObjectMeta{Namespace: "plain", Name: name},
		Spec: v1alpha1.AlertSpec{
			Source: v1alpha1.AlertOrigin{Service: a.Service, Detection: a.Detection, Rule: a.Rule, AlertSource: sourceName},
			Title:  a.Title, Description: a.Description, Severity: v1alpha1.Severity(a.Severity.String()),
			FirstActivityTime: metav1.NewMicroTime(a.First), LastActivityTime: metav1.NewMicroTime(a.Last),
			Fingerprint: a.Fingerprint, Entities: convert.EntitiesOut(a.Entities), Correlation: v1alpha1.CorrelationEnabled,
		},
	}
	for _, tactic := range a.Tactics {
		out.Spec.Tactics = append(out.Spec.Tactics, v1alpha1.Tactic(tactic))
	}
	for _, technique := range a.Techniques {
		out.Spec.Techniques = append(out.Spec.Techniques, v1alpha1.Technique(technique))
	}
	return out
}
