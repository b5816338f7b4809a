package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/performance/load/attack"
	"github.com/tocsin-dev/tocsin/test/performance/load/events"
)

const (
	// neighbourTenant is the namespace of the one who sends little.
	neighbourTenant = "neighbour"
	// neighbourRate is how many requests it sends a second, over a few connections.
	neighbourRate, neighbourConnections = 50, 4
	// neighbourTurns is how often it is measured by itself and beside a flood.
	neighbourTurns = 2
)

// floods are what another tenant does meanwhile: nothing, or send as much as is
// taken, under the limits that a source has by default and without.
var floods = []struct {
	name   string
	sends  bool
	change []func(*v1alpha1.AlertSource)
}{
	{name: "nothing"},
	{name: "a flood, default limits", sends: true, change: []func(*v1alpha1.AlertSource){throttled}},
	{name: "a flood, without limits", sends: true},
}

// throttled puts the limits of a source back to what they are by default.
func throttled(s *v1alpha1.AlertSource) {
	s.Spec.Limits.EventsPerSecond, s.Spec.Limits.BurstEvents = nil, nil
}

// neighbour measures how long one tenant waits for its answers while another
// floods the gateway.
func (b *bench) neighbour(ctx context.Context) error {
	fmt.Printf("\nA tenant that sends %d requests a second, while another sends over %d connections:\n\n", neighbourRate, b.connections)
	header(os.Stdout, "the other sends", "turn", "p50 ms", "p99 ms", "max ms", "refused", "the other's acknowledged/s", "the other's refused/s")
	for turn := range neighbourTurns {
		for _, flood := range floods {
			err := b.withTocsin(ctx, func(ctx context.Context, c *cluster, tocsin server) error {
				return b.beside(ctx, c, tocsin, flood.name, turn+1, flood.sends)
			}, flood.change...)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) beside(ctx context.Context, c *cluster, tocsin server, name string, turn int, sends bool) error {
	if err := c.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: neighbourTenant}}); client.IgnoreAlreadyExists(err) != nil {
		return err
	}
	if err := addSource(ctx, c, neighbourTenant); err != nil {
		return err
	}
	if err := awaitSource(ctx, c, neighbourTenant); err != nil {
		return err
	}
	quiet, err := tocsin.plan(events.Shape{Signatures: 10, Workloads: 10, Rules: 1}, 100, 1, neighbourConnections)
	if err != nil {
		return err
	}
	quiet.URL = strings.Replace(quiet.URL, "/"+tenant+"/", "/"+neighbourTenant+"/", 1)
	quiet.Rate, quiet.Duration = neighbourRate, b.duration
	loud, err := tocsin.plan(flood, preparedEvents, 1, b.connections)
	if err != nil {
		return err
	}
	loud.Duration = b.duration + b.duration/5
	ended := make(chan attack.Report, 1)
	go func() {
		var report attack.Report
		if sends {
			report, _ = attack.Run(loud) // The plan is sound: an error would be one of quiet's as well.
		}
		ended <- report
	}()
	got, err := attack.Run(quiet)
	other := <-ended
	if err != nil {
		return err
	}
	refused := 0.0
	if other.Seconds > 0 {
		refused = float64(other.Refused+other.Failed) / other.Seconds
	}
	line(os.Stdout, name, fmt.Sprint(turn), fmt.Sprintf("%.1f", got.P50), fmt.Sprintf("%.1f", got.P99), fmt.Sprintf("%.1f", got.Max),
		fmt.Sprint(got.Refused+got.Failed), fmt.Sprintf("%.0f", other.PerSecond), fmt.Sprintf("%.0f", refused))
	return nil
}
