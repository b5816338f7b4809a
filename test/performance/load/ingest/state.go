package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
)

// state is what the API server has of the alerts of the tenant.
type state struct {
	alerts, incidents int
	// lost counts the alerts without an incident.
	lost int
	// occurrences are the events counted in alerts, counted those in incidents.
	occurrences, counted int64
}

const (
	lookEvery = 500 * time.Millisecond
	// rightTimeout bounds the wait until all is right.
	rightTimeout = 15 * time.Minute
)

// awaitRight waits until every event that was acknowledged counts in an alert,
// and each alert in an incident. It looks at the incidents, which are few, until
// they have all, and then at everything.
func (c *cluster) awaitRight(ctx context.Context, events int64) (state, error) {
	var s state
	err := wait.PollUntilContextTimeout(ctx, lookEvery, rightTimeout, true, func(ctx context.Context) (bool, error) {
		if err := c.lookAtIncidents(ctx, &s); err != nil || s.counted != events {
			return false, err
		}
		err := c.lookAtAlerts(ctx, &s)
		return s.occurrences == events && s.lost == 0, err
	})
	if err != nil {
		return s, fmt.Errorf("of %d events %d count in incidents and %d in alerts, %d alerts are in no incident: %w", events, s.counted, s.occurrences, s.lost, err)
	}
	return s, nil
}

func (c *cluster) lookAtIncidents(ctx context.Context, s *state) error {
	list := &v1alpha1.IncidentList{}
	if err := c.client.List(ctx, list, client.InNamespace(tenant)); err != nil {
		return err
	}
	s.incidents, s.counted = 0, 0
	for i := range list.Items {
		if status := &list.Items[i].Status; status.RedirectedTo == "" {
			s.incidents++
			s.counted += ptr.Deref(ptr.Deref(status.Counts, v1alpha1.IncidentCounts{}).Occurrences, 0)
		}
	}
	return nil
}

func (c *cluster) lookAtAlerts(ctx context.Context, s *state) error {
	list := &v1alpha1.AlertList{}
	if err := c.client.List(ctx, list, client.InNamespace(tenant)); err != nil {
		return err
	}
	s.alerts, s.lost, s.occurrences = len(list.Items), 0, 0
	for i := range list.Items {
		status := &list.Items[i].Status
		s.occurrences += ptr.Deref(status.Occurrences, 0)
		if status.IncidentName == "" {
			s.lost++
		}
	}
	return nil
}
