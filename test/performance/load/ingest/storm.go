package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/performance/load/attack"
	"github.com/tocsin-dev/tocsin/test/performance/load/events"
)

// The storm: 350 events a second for 20 minutes, nearly all of them alike.
const (
	stormRate   = 350
	stormEvents = stormRate * 20 * 60
)

var stormShape = events.Shape{Signatures: 101, Workloads: 20, Rules: 5, CommonPercent: 99}

func (b *bench) storm(ctx context.Context) error {
	fmt.Printf("\nA storm of %d events, 99 %% of one signature, 350 a second sent %g times as fast as that:\n\n", stormEvents, b.compression)
	return b.withTocsin(ctx, func(ctx context.Context, c *cluster, tocsin server) error {
		return b.scenario(ctx, c, tocsin, stormShape, stormEvents, 1, stormRate*b.compression)
	})
}

// The burst: 100,000 different alerts within a minute.
const burstEvents = 100_000

var burstShape = events.Shape{Signatures: burstEvents, Workloads: 1000, Rules: 5}

// burstLimits are how many different alerts the source makes in an hour before
// further ones are rolled up: the default, and what suits those who would rather
// know how many than which.
var burstLimits = []int32{5000, 100}

func (b *bench) burst(ctx context.Context) error {
	for _, limit := range burstLimits {
		fmt.Printf("\nA burst of %d different alerts of %d workloads within a minute, in POSTs of 100, limits.rollUp.alerts %d:\n\n",
			burstEvents, burstShape.Workloads, limit)
		err := b.withTocsin(ctx, func(ctx context.Context, c *cluster, tocsin server) error {
			return b.scenario(ctx, c, tocsin, burstShape, burstEvents, 100, burstEvents/60.0)
		}, func(s *v1alpha1.AlertSource) { s.Spec.Limits.RollUp.Alerts = ptr.To(limit) })
		if err != nil {
			return err
		}
	}
	return nil
}

// scenario sends events at a rate, waits until all is right, and says what it cost.
func (b *bench) scenario(ctx context.Context, c *cluster, tocsin server, shape events.Shape, total, batch int, rate float64) error {
	plan, err := tocsin.plan(shape, min(total, max(preparedEvents, shape.Signatures))/batch, batch, b.connections)
	if err != nil {
		return err
	}
	plan.Requests, plan.Rate = total/batch, rate/float64(batch)
	before, err := c.requests.writes(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	report, err := attack.Run(plan)
	if err != nil {
		return err
	}
	sent := time.Since(began)
	if report.Acknowledged != total {
		return fmt.Errorf("%d of %d events were acknowledged: %v %v", report.Acknowledged, total, report.Status, report.Errors)
	}
	reached, err := c.awaitRight(ctx, int64(total))
	if err != nil {
		return err
	}
	took := time.Since(began)
	after, err := c.requests.writes(ctx)
	if err != nil {
		return err
	}
	wrote := after.since(before)
	header(os.Stdout, "events", "sent in s", "right after s", "alerts", "incidents", "API writes", "writes/1,000 events", "p99 ms", "CPU s", "peak MiB")
	line(os.Stdout, fmt.Sprint(total), fmt.Sprintf("%.1f", sent.Seconds()), fmt.Sprintf("%.1f", (took-sent).Seconds()), fmt.Sprint(reached.alerts),
		fmt.Sprint(reached.incidents), fmt.Sprintf("%.0f", wrote.total()), fmt.Sprintf("%.2f", wrote.total()/float64(total)*1000),
		fmt.Sprintf("%.1f", report.P99), fmt.Sprintf("%.1f", tocsin.cpu()), fmt.Sprintf("%.0f", tocsin.peak()))
	fmt.Printf("\n\"Right after\" counts from the last answer. Writes: %s.\n", wrote)
	return nil
}
