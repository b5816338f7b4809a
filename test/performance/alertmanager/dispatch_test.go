// Package alertmanager measures Alertmanager's dispatcher with the alerts that
// Tocsin's engine is measured with. It is a module of its own, so that what
// Alertmanager needs is no dependency of Tocsin.
package alertmanager

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/provider"
	common "github.com/prometheus/common/model"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/test/performance/stream"
)

// BenchmarkFill stops at a hundred thousand: a group is a goroutine, and almost
// every alert opens one.
func BenchmarkFill(b *testing.B) {
	for _, keys := range stream.All {
		for _, open := range []int{10_000, 100_000} {
			b.Run(fmt.Sprintf("keys=%s/open=%d", keys, open), func(b *testing.B) {
				stream.Fill(b, keys, open, labelled, begin)
			})
		}
	}
}

// labelled is an alert as Alertmanager is sent it. Its name keeps it apart from
// others that look the same.
func labelled(a *model.Alert) *provider.Alert {
	labels := common.LabelSet{"alertname": common.LabelValue(a.Rule), "id": common.LabelValue(a.Name)}
	for _, ent := range a.Entities {
		labels[common.LabelName(ent.Kind)] = common.LabelValue(ent.Name)
	}
	return &provider.Alert{Data: &alert.Alert{Alert: common.Alert{Labels: labels, StartsAt: a.First}, UpdatedAt: a.First}}
}

// begin starts a dispatcher that groups by host and rule and notifies nobody.
func begin() (take func(*provider.Alert), stop func()) {
	alerts := feed{alerts: make(chan *provider.Alert)}
	route := &dispatch.Route{RouteOpts: dispatch.RouteOpts{
		Receiver: "nobody", GroupBy: map[common.LabelName]struct{}{common.LabelName(model.KindPod): {}, "alertname": {}},
		GroupWait: time.Hour, GroupInterval: time.Hour, RepeatInterval: time.Hour,
	}}
	nobody := notify.StageFunc(func(ctx context.Context, _ *slog.Logger, alerts ...*alert.Alert) (context.Context, []*alert.Alert, error) {
		return ctx, alerts, nil
	})
	d := dispatch.NewDispatcher(alerts, route, nobody, marker.NewGroupMarker(), nil, time.Hour, nil,
		slog.New(slog.DiscardHandler), eventrecorder.NopRecorder(), nil, nil)
	go d.Run(time.Now())
	d.WaitForLoading()
	return func(a *provider.Alert) { alerts.alerts <- a }, d.Stop
}

// feed hands alerts to the dispatcher. The channel holds none: when one is sent,
// at most the last alert of each worker is not grouped yet.
type feed struct {
	provider.Alerts
	alerts chan *provider.Alert
}

// SlurpAndSubscribe starts with nothing.
func (f feed) SlurpAndSubscribe(string) ([]*alert.Alert, provider.AlertIterator) {
	return nil, provider.NewAlertIterator(f.alerts, make(chan struct{}), nil)
}
