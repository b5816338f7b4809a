package correlation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	engine "github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/engine/incident"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/store"
)

// scope is what one reconciliation gathers and decides.
type scope struct {
	alert *v1alpha1.Alert
	// before is what is written of the alert's status.
	before *v1alpha1.AlertStatus
	tenant *store.Tenant
	// lookAgain is when the cluster is to be asked again about the alert.
	lookAgain time.Duration
	// investigation is the newest that the alert started, if any.
	investigation *v1alpha1.Investigation
	decision      engine.Decision
	// moved says that the decision is not written yet, stays that it changes
	// nothing about where the alert is.
	moved, stays bool
	// enrichment is what the decision knew of what the cluster adds to the alert.
	enrichment string
	// refusal says, as a constant, why the alert is not where a person wants it.
	refusal string
	// state is the state of the alert's incident.
	state incident.State
}

// gather finds the newest investigation that the alert started.
func (c *Controller) gather(ctx context.Context, s *scope) error {
	var list v1alpha1.InvestigationList
	err := c.Client.List(ctx, &list, client.InNamespace(s.alert.Namespace), client.MatchingFields{kube.IndexInvestigationAlert: s.alert.Name})
	if err != nil {
		return fmt.Errorf("listing investigations: %w", err)
	}
	for i := range list.Items {
		if inv := &list.Items[i]; s.investigation == nil || newer(inv, s.investigation) {
			s.investigation = inv
		}
	}
	return nil
}

func newer(a, b *v1alpha1.Investigation) bool {
	return cmp.Or(a.CreationTimestamp.Time.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name)) > 0
}

// decide finds the alert's incident: where a person put it, else where it is
// written to be, unless the cluster has added something since, else where the
// engine says.
func (c *Controller) decide(ctx context.Context, s *scope) error {
	known := store.Known{Alert: convert.Alert(s.alert), Membership: convert.Membership(s.alert), Enrichment: convert.Enrichment(s.alert)}
	s.enrichment = s.alert.Status.ObservedEntities
	wanted := string(kube.Wanted(s.alert))
	placed := known.Membership.Incident != ""
	if placed && wanted != "" && s.tenant.Follow(wanted) != s.tenant.Follow(known.Membership.Incident) {
		s.decision, s.refusal = s.tenant.Move(known, wanted)
		s.moved = s.refusal == ""
	}
	switch {
	case s.moved:
	case !placed:
		s.decision, s.moved, s.enrichment = s.tenant.Assign(known), true, known.Enrichment
	case known.Enrichment != s.enrichment:
		s.decision, s.moved, s.enrichment = s.tenant.Reassign(known), true, known.Enrichment
		s.stays = s.decision.Incident == known.Membership.Incident
	}
	if s.moved && s.tenant.Overtaken(known, s.decision) {
		c.giveUp(s.alert.Namespace)
		return errors.New("an incident or the alert was changed while the alert was put there; deciding again")
	}
	if !s.moved {
		s.follow(known)
	}
	inc, err := c.incident(ctx, s.alert.Namespace, s.decision.Incident)
	if inc != nil {
		s.state = incident.State(inc.Status.State)
	}
	return err
}

// follow keeps the alert where it is written to be, or where that incident was
// merged into.
func (s *scope) follow(known store.Known) {
	s.decision = known.Membership
	s.decision.Incident = s.tenant.Keep(known)
	s.moved = s.decision.Incident != known.Membership.Incident
	s.decision.Reason = engine.ReasonJoined
	s.decision.Message = fmt.Sprintf("Incident %s was merged into this one", known.Membership.Incident)
}

// merge commits the merges that the decision calls for, before the membership
// that follows from them.
func (c *Controller) merge(ctx context.Context, s *scope) error {
	for _, m := range s.decision.Merges {
		source, err := c.incident(ctx, s.alert.Namespace, m.Source)
		if err != nil {
			return err
		}
		if source == nil {
			return c.awaitSource(ctx, s, m)
		}
		if string(source.Status.RedirectedTo) == m.Target {
			continue // written by an earlier attempt
		}
		why := metav1.Condition{Status: metav1.ConditionTrue, Reason: m.Reason, Message: mergedByEngine(m, s.alert.Name)}
		if _, err := c.writeMerge(ctx, s.tenant, source, v1alpha1.LocalName(m.Target), why); err != nil {
			return err
		}
	}
	return nil
}

// awaitSource waits for an incident that is not there, if there will be one: an
// alert says that it belongs there, or the cache does not show yet that it does.
func (c *Controller) awaitSource(ctx context.Context, s *scope, m engine.Merge) error {
	alerts, err := c.alerts(ctx, s.alert.Namespace, kube.IndexAlertIncident, m.Source)
	switch {
	case err != nil:
		return err
	case len(alerts) == 0 && !s.tenant.Holds(m.Source):
		c.giveUp(s.alert.Namespace)
		return fmt.Errorf("merging %s into %s: nothing is left of it; deciding again", m.Source, m.Target)
	}
	return fmt.Errorf("merging %s into %s: it is not summarised yet", m.Source, m.Target)
}

// recollect writes where alerts went that looked like routine and turn out to
// belong to the alert's incident. One that could not be written anywhere yet goes
// there by itself.
func (c *Controller) recollect(ctx context.Context, s *scope) error {
	if len(s.decision.Moves) > 0 {
		c.awaitWriters()
	}
	for _, m := range s.decision.Moves {
		early := &v1alpha1.Alert{}
		err := c.past().Get(ctx, types.NamespacedName{Namespace: s.alert.Namespace, Name: m.Alert}, early)
		switch {
		case apierrors.IsNotFound(err) || err == nil && early.Status.IncidentName == "":
			continue
		case err != nil:
			return fmt.Errorf("reading alert %s: %w", m.Alert, err)
		}
		taken := &scope{alert: early, moved: true, enrichment: early.Status.ObservedEntities, state: s.state, decision: engine.Decision{
			Incident: m.To, Links: []engine.Link{m.Link}, Reason: engine.ReasonJoined,
			Surprise: convert.Membership(early).Surprise,
			Message:  engine.Recollected(s.alert.Name),
		}}
		if string(early.Status.IncidentName) == m.To {
			continue
		}
		if _, err := kube.ApplyStatus(ctx, c.Client, owner, early, owned(&early.Status), c.status(taken)); err != nil {
			return fmt.Errorf("taking alert %s along: %w", m.Alert, err)
		}
	}
	return nil
}

// owned is the part of an Alert's status that this controller writes.
func owned(s *v1alpha1.AlertStatus) *v1alpha1.AlertStatus {
	return &v1alpha1.AlertStatus{
		Conditions: s.Conditions, State: s.State, IncidentName: s.IncidentName, Links: s.Links, LinkTotal: s.LinkTotal,
		Similar: s.Similar, Entities: s.Entities, ObservedEntities: s.ObservedEntities,
		SurpriseMillibits: s.SurpriseMillibits, Routine: s.Routine, InvestigationState: s.InvestigationState,
	}
}

// conditionOf is the condition that goes with a decision.
func conditionOf(s *scope) metav1.Condition {
	condition := metav1.Condition{
		Type: v1alpha1.AlertConditionCorrelated, Status: metav1.ConditionTrue,
		Reason: s.decision.Reason, Message: s.decision.Message, ObservedGeneration: s.alert.Generation,
	}
	if s.refusal != "" {
		condition.Reason = engine.ReasonJoined
		condition.Message = fmt.Sprintf("Not moved to incident %s: %s", kube.Wanted(s.alert), refusals[s.refusal])
	}
	return condition
}

// refusals say why an alert is not moved.
var refusals = map[string]string{
	engine.RefusedNotFound:   "there is none of that name in this namespace",
	engine.RefusedResolved:   "it is resolved",
	engine.RefusedRedirected: "it was merged into another one; name that one",
	engine.RefusedSize:       "it is full",
}
