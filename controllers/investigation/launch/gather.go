package launch

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/playbook"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// scope is what one reconciliation gathers.
type scope struct {
	incident *v1alpha1.Incident
	// names are the investigations that there are.
	names map[string]bool
	facts playbook.LaunchFacts
}

// gather returns nil where there is nothing to decide: no incident, or one that
// is done with. While an investigation examines, alerts are not even read: an
// incident may have very many.
func (c *Controller) gather(ctx context.Context, name types.NamespacedName) (*scope, error) {
	s := &scope{incident: &v1alpha1.Incident{}, names: map[string]bool{}}
	if err := c.Client.Get(ctx, name, s.incident); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	facts := convert.IncidentFacts(s.incident)
	if facts.Resolved || facts.RedirectedTo != "" || !s.incident.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	if err := c.former(ctx, s); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(s.facts.Former, func(f playbook.Former) bool { return f.Examining }) {
		return s, nil
	}
	if err := c.playbooks(ctx, s); err != nil {
		return nil, err
	}
	return s, c.alerts(ctx, s)
}

// former are the investigations of the incident and of those merged into it.
func (c *Controller) former(ctx context.Context, s *scope) error {
	incidents, err := kube.WithMerged(ctx, c.Client, client.ObjectKeyFromObject(s.incident))
	if err != nil {
		return err
	}
	for _, incident := range incidents {
		var list v1alpha1.InvestigationList
		err := c.Client.List(ctx, &list, client.InNamespace(s.incident.Namespace), client.MatchingFields{kube.IndexInvestigationIncident: incident})
		if err != nil {
			return fmt.Errorf("listing investigations: %w", err)
		}
		for i := range list.Items {
			s.names[list.Items[i].Name] = true
			s.facts.Former = append(s.facts.Former, convert.Former(&list.Items[i]))
		}
	}
	return nil
}

func (c *Controller) playbooks(ctx context.Context, s *scope) error {
	var list v1alpha1.PlaybookList
	if err := c.Client.List(ctx, &list, client.InNamespace(s.incident.Namespace)); err != nil {
		return fmt.Errorf("listing playbooks: %w", err)
	}
	for i := range list.Items {
		s.facts.Playbooks = append(s.facts.Playbooks, convert.Playbook(&list.Items[i]))
	}
	return nil
}

// alerts are those of the incident that are still of interest.
func (c *Controller) alerts(ctx context.Context, s *scope) error {
	if len(s.facts.Playbooks) == 0 {
		return nil
	}
	var list v1alpha1.AlertList
	err := c.Client.List(ctx, &list, client.InNamespace(s.incident.Namespace),
		client.MatchingFields{kube.IndexAlertIncident: s.incident.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return fmt.Errorf("listing alerts: %w", err)
	}
	for i := range list.Items {
		if !convert.Settled(&list.Items[i]) {
			s.facts.Alerts = append(s.facts.Alerts, convert.Candidate(&list.Items[i]))
		}
	}
	return nil
}
