package summary

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

// untouched says that the incident was made by hand, and that there is nothing
// to summarise yet.
func (s *scope) untouched() bool {
	return s.incident.Status.State == "" && len(s.input.Alerts)+len(s.input.Merged) == 0 && s.input.Redirect.To == ""
}

func (c *Controller) gather(ctx context.Context, name types.NamespacedName) (*scope, error) {
	s := &scope{input: incident.Input{Name: name.Name, Now: c.Clock.Now().UTC()}}
	inc := &v1alpha1.Incident{}
	switch err := c.Client.Get(ctx, name, inc); {
	case err == nil:
		s.incident = inc
		s.input.People = convert.People(inc)
		s.input.Previous = convert.PreviousSummary(&inc.Status)
		s.input.Redirect = convert.Redirect(inc)
	case client.IgnoreNotFound(err) != nil:
		return nil, fmt.Errorf("reading incident: %w", err)
	}
	for _, list := range []func(context.Context, types.NamespacedName, *incident.Input) error{c.alerts, c.departed, c.merged, c.work, c.related} {
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
		in.Merged = append(in.Merged, convert.Source(&list.Items[i]))
	}
	return nil
}

// departed finds out where alerts went of which the summary in force told.
func (c *Controller) departed(ctx context.Context, name types.NamespacedName, in *incident.Input) error {
	if len(in.Alerts) >= in.Previous.Counts.Alerts || in.Redirect.To != "" {
		return nil
	}
	here := map[string]bool{}
	for _, a := range in.Alerts {
		here[a.Name] = true
	}
	for _, edge := range in.Previous.Story {
		if here[edge.Alert] {
			continue
		}
		var alert v1alpha1.Alert
		err := c.Client.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: edge.Alert}, &alert)
		switch {
		case apierrors.IsNotFound(err) || err == nil && alert.Status.IncidentName == "":
			continue
		case err != nil:
			return fmt.Errorf("reading alert %s: %w", edge.Alert, err)
		}
		in.Departed = append(in.Departed, incident.Departure{
			Alert: alert.Name, To: string(alert.Status.IncidentName), ByHand: convert.MovedByHand(&alert),
		})
	}
	return nil
}

// maxRelated bounds how many incidents are looked at that resemble one.
const maxRelated = 64

// related finds out what has become of the incidents that resembled this one,
// and in which one it goes on.
func (c *Controller) related(ctx context.Context, name types.NamespacedName, in *incident.Input) error {
	in.Survivors = map[string]string{}
	for _, a := range in.Alerts {
		for _, similar := range a.Similar {
			if _, known := in.Survivors[similar.Incident]; known || len(in.Survivors) == maxRelated {
				continue
			}
			survivor, err := kube.Survivor(ctx, c.Client, types.NamespacedName{Namespace: name.Namespace, Name: similar.Incident})
			if err != nil {
				return err
			}
			in.Survivors[similar.Incident] = survivor.Name
		}
	}
	var next v1alpha1.IncidentList
	if err := c.list(ctx, &next, name, kube.IndexIncidentContinues); err != nil {
		return err
	}
	if len(next.Items) == 0 {
		return nil
	}
	first := slices.MinFunc(next.Items, func(a, b v1alpha1.Incident) int {
		return cmp.Or(a.CreationTimestamp.Time.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	survivor, err := kube.Survivor(ctx, c.Client, client.ObjectKeyFromObject(&first))
	if survivor.Name != name.Name {
		in.ContinuedBy = survivor.Name
	}
	return err
}

func (c *Controller) list(ctx context.Context, list client.ObjectList, name types.NamespacedName, index string) error {
	err := c.Client.List(ctx, list, client.InNamespace(name.Namespace), client.MatchingFields{index: name.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return fmt.Errorf("listing %T of incident %s: %w", list, name.Name, err)
	}
	return nil
}
