package summary

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// scope is what one reconciliation gathers.
type scope struct {
	// incident is nil where there is none yet.
	incident *v1alpha1.Incident
	input    incident.Input
}

func (c *Controller) gather(ctx context.Context, name types.NamespacedName) (*scope, error) {
	s := &scope{input: incident.Input{Now: c.Clock.Now().UTC()}}
	inc := &v1alpha1.Incident{}
	switch err := c.Client.Get(ctx, name, inc); {
	case err == nil:
		s.incident = inc
		s.input.People = convert.People(inc)
		s.input.Previous = convert.PreviousSummary(&inc.Status)
		s.input.RedirectedTo = string(inc.Status.RedirectedTo)
	case client.IgnoreNotFound(err) != nil:
		return nil, fmt.Errorf("reading incident: %w", err)
	}
	for _, list := range []func(context.Context, types.NamespacedName, *incident.Input) error{c.alerts, c.merged, c.work} {
		if err := list(ctx, name, &s.input); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// work is what was found and done, under whatever name the incident had then.
func (c *Controller) work(ctx context.Context, name types.NamespacedName, in *incident.Input) error {
	names, err := kube.WithMerged(ctx, c.Client, name)
	if err != nil {
		return err
	}
	for _, name.Name = range names {
		if err := c.investigations(ctx, name, in); err != nil {
			return err
		}
		if err := c.remediations(ctx, name, in); err != nil {
			return err
		}
	}
	return nil
}

func (c *Controller) alerts(ctx context.Context, name types.NamespacedName, in *incident.Input) error {
	var list v1alpha1.AlertList
	if err := c.list(ctx, &list, name, kube.IndexAlertIncident); err != nil {
		return err
	}
	for i := range list.Items {
		in.Alerts = append(in.Alerts, convert.Member(&list.Items[i]))
	}
	return nil
}

func (c *Controller) investigations(ctx context.Context, name types.NamespacedName, in *incident.Input) error {
	var list v1alpha1.InvestigationList
	if err := c.list(ctx, &list, name, kube.IndexInvestigationIncident); err != nil {
		return err
	}
	for i := range list.Items {
		in.Investigations = append(in.Investigations, convert.Findings(&list.Items[i]))
	}
	return nil
}

func (c *Controller) remediations(ctx context.Context, name types.NamespacedName, in *incident.Input) error {
	var list v1alpha1.RemediationList
	if err := c.list(ctx, &list, name, kube.IndexRemediationIncident); err != nil {
		return err
	}
	for i := range list.Items {
		in.Remediations = append(in.Remediations, convert.Answer(&list.Items[i]))
	}
	return nil
}

// merged lists the incidents that were merged into this one, not those merged
// into them before.
func (c *Controller) merged(ctx context.Context, name types.NamespacedName, in *incident.Input) error {
	var list v1alpha1.IncidentList
	if err := c.list(ctx, &list, name, kube.IndexIncidentRedirectedTo); err != nil {
		return err
	}
	for i := range list.Items {
		in.MergedFrom = append(in.MergedFrom, list.Items[i].Name)
	}
	return nil
}

func (c *Controller) list(ctx context.Context, list client.ObjectList, name types.NamespacedName, index string) error {
	err := c.Client.List(ctx, list, client.InNamespace(name.Namespace), client.MatchingFields{index: name.Name})
	if err != nil {
		return fmt.Errorf("listing %T of incident %s: %w", list, name.Name, err)
	}
	return nil
}
