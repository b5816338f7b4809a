package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/tocsin-dev/tocsin/test/performance/load/attack"
	"github.com/tocsin-dev/tocsin/test/performance/load/events"
)

// flood is a hundred alerts that come again and again: the drain has one write a
// second for each of them to do.
var flood = events.Shape{Signatures: 100, Workloads: 100, Rules: 1}

// preparedEvents is how many events are made before they are sent in turn.
const preparedEvents = 10_000

// acknowledge measures how many events a second are acknowledged, at most, and
// how long the answers take at half of that.
func (b *bench) acknowledge(ctx context.Context) error {
	fmt.Printf("\nAcknowledged events, %d connections, load generator on the same cores:\n\n", b.connections)
	header(os.Stdout, "server", "events a POST", "events/s at most", "events/core-s of the server", "sent/s then", "p50 ms", "p99 ms", "max ms", "refused", "peak MiB")
	for _, batch := range []int{1, 100} {
		alertmanager := func(ctx context.Context) error {
			return b.alone(ctx, startAlertmanager, batch)
		}
		if err := alertmanager(ctx); errors.Is(err, exec.ErrNotFound) {
			fmt.Printf("SKIPPED: Alertmanager: %v (apt-get install %s)\n", err, alertmanagerBinary)
		} else if err != nil {
			return err
		}
		if err := b.alone(ctx, startGateway, batch); err != nil {
			return err
		}
		err := b.withTocsin(ctx, func(_ context.Context, _ *cluster, tocsin server) error { return b.rates(tocsin, batch) })
		if err != nil {
			return err
		}
	}
	return nil
}

// alone measures a server that needs no API server.
func (b *bench) alone(ctx context.Context, start func(context.Context, string) (server, error), batch int) (err error) {
	folder, err := os.MkdirTemp(b.folder, "")
	if err != nil {
		return err
	}
	s, err := start(ctx, folder)
	if err != nil {
		return err
	}
	defer ended(s, &err)
	return b.rates(s, batch)
}

// rates measures a server first with as much as it takes, then with half.
func (b *bench) rates(s server, batch int) error {
	plan, err := s.plan(flood, preparedEvents/batch, batch, b.connections)
	if err != nil {
		return err
	}
	plan.Duration = b.duration
	before := s.cpu()
	most, err := attack.Run(plan)
	if err != nil {
		return err
	}
	used := s.cpu() - before
	plan.Rate = most.PerSecond / float64(batch) / 2
	if plan.Rate == 0 {
		return fmt.Errorf("%s acknowledged nothing: %v", s.name, most.Errors)
	}
	half, err := attack.Run(plan)
	if err != nil {
		return err
	}
	line(os.Stdout, s.name, fmt.Sprint(batch), fmt.Sprintf("%.0f", most.PerSecond), fmt.Sprintf("%.0f", float64(most.Acknowledged)/used),
		fmt.Sprintf("%.0f", plan.Rate*float64(batch)), fmt.Sprintf("%.1f", half.P50), fmt.Sprintf("%.1f", half.P99), fmt.Sprintf("%.1f", half.Max),
		fmt.Sprint(most.Refused+most.Failed+half.Refused+half.Failed), fmt.Sprintf("%.0f", s.peak()))
	return nil
}
