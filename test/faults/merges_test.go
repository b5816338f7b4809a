package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/alert/correlation"
	"github.com/tocsin-dev/tocsin/controllers/incident/summary"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
)

// TestAutomaticMerge: an alert about two pods shows two incidents to be one.
func TestAutomaticMerge(t *testing.T) {
	harness.Suite(t, cluster(t), among("automatic merge", members, []harness.Step{
		raise("a", "pods/one"), raise("b", "pods/two"),
		{Name: "bridge", Do: alerting("bridge", "pods/one", "pods/two"), Await: inOne("a", "b", "bridge")},
	}, harness.Flip{
		Name: "a merge is asked for and not", Resource: ours("incidents"), After: "b",
		Do: func(ctx context.Context, r *harness.Run) error {
			if err := mergeInto("a", "b")(ctx, r); err != nil {
				return err
			}
			return say("a", func(i *v1alpha1.Incident) { i.Spec.MergeInto = nil })(ctx, r)
		},
	}))
}

// TestManualMerge: one incident is merged into another by hand, and that into a
// third; one that is refused is merged once what stood against it is gone.
func TestManualMerge(t *testing.T) {
	harness.Suite(t, cluster(t), among("manual merge", members, []harness.Step{
		raise("a", "pods/one"), raise("b", "pods/two"), raise("c", "pods/three"),
		{Name: "comment", Do: say("a", func(i *v1alpha1.Incident) {
			i.Spec.Comments, i.Spec.Tags = []v1alpha1.Comment{{Text: "Who is that?"}}, []string{"odd"}
		})},
		{Name: "a into b", Do: mergeInto("a", "b"), Await: inOne("a", "b")},
		{Name: "assigned", Do: func(ctx context.Context, r *harness.Run) error {
			return errors.Join(assign("b", "alice")(ctx, r), assign("c", "carol")(ctx, r))
		}},
		{Name: "b into c", Do: mergeInto("b", "c"), Await: refused("b", "AssigneesDiffer")},
		{Name: "handed over", Do: assign("b", "carol"), Await: inOne("a", "b", "c")},
	}, harness.Flip{
		Name: "an assignee is changed and changed back", Resource: ours("incidents"), After: "b into c",
		Do: func(ctx context.Context, r *harness.Run) error {
			return errors.Join(assign("c", "dave")(ctx, r), assign("c", "carol")(ctx, r))
		},
	}))
}

// TestMergesThatRace: two incidents are to be merged into each other by hand,
// while an alert shows correlation that they are one. Either way may win; all
// alerts end in the winner, and the other wish is refused.
func TestMergesThatRace(t *testing.T) {
	harness.Suite(t, cluster(t), among("merges that race", winner, []harness.Step{
		raise("a", "pods/one"), raise("b", "pods/two"),
		{
			Name: "race", Await: inOne("a", "b", "bridge"),
			Do: func(ctx context.Context, r *harness.Run) error {
				done := make(chan error)
				for _, do := range []func(context.Context, *harness.Run) error{
					mergeInto("a", "b"), mergeInto("b", "a"), alerting("bridge", "pods/one", "pods/two"),
				} {
					go func() { done <- do(ctx, r) }()
				}
				return errors.Join(<-done, <-done, <-done)
			},
		},
	}))
}

// TestMoves: alerts are moved by hand, to an incident of their own, out of one
// that is empty then, and back into it; and into one that comes later.
func TestMoves(t *testing.T) {
	harness.Suite(t, cluster(t), among("moves", members, []harness.Step{
		raise("a", "pods/one"), raise("b", "pods/one"),
		{Name: "apart", Do: move("b", "b"), Await: in("b", "b")},
		{Name: "together", Do: move("a", "b"), Await: in("a", "b")},
		{Name: "emptied", Await: resolvedFor("a", "Empty")},
		{Name: "back", Do: move("a", "a"), Await: in("a", "a")},
		{Name: "too early", Do: move("b", "c"), Await: notMoved("b")},
		{Name: "c", Do: alerting("c", "pods/two"), Await: in("b", "c")},
	}, harness.Flip{
		Name: "an alert is moved and moved back", Resource: ours("alerts"), After: "emptied",
		Do: func(ctx context.Context, r *harness.Run) error {
			return errors.Join(move("a", "a")(ctx, r), move("a", "b")(ctx, r))
		},
	}))
}

// TestEnrichment: what the cluster adds to an alert shows that it belongs to
// another incident.
func TestEnrichment(t *testing.T) {
	enrich := func(ctx context.Context, r *harness.Run) error {
		a := &v1alpha1.Alert{}
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: "b"}, a); err != nil {
			return err
		}
		before := a.DeepCopy()
		a.Status.Entities = []v1alpha1.Entity{podNamed("pods/one")}
		return r.Client.Status().Patch(ctx, a, client.MergeFrom(before))
	}
	harness.Suite(t, cluster(t), among("enrichment", members, []harness.Step{
		raise("a", "pods/one"), raise("b", "pods/two"),
		{Name: "enriched", Do: enrich, Await: inOne("a", "b")},
	}))
}

// among plays steps with a process that does nothing but correlate and
// summarise.
func among(name string, outcome func(*harness.Run, history.View) any, steps []harness.Step, flips ...harness.Flip) harness.Scenario {
	return harness.Scenario{Name: name, Process: correlating, Steps: steps, Outcome: outcome, Flips: flips, Quiet: 1200 * time.Millisecond}
}

func correlating(p *harness.Process) (harness.Runnable, error) {
	mgr, err := ctrl.NewManager(p.Config, ctrl.Options{
		Scheme: operator.Scheme(), Logger: p.Logger,
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{p.Namespace: {}}},
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		return nil, err
	}
	clk := clock.RealClock{}
	return mgr, errors.Join(
		kube.AddIndexes(context.Background(), mgr.GetFieldIndexer()),
		correlation.New(correlation.Deps{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("correlation"), Clock: clk}).Register(mgr),
		summary.New(summary.Deps{Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder("summary"), Clock: clk}).Register(mgr),
	)
}

func podNamed(name string) v1alpha1.Entity {
	entity := builders.PodEntity()
	entity.Name = name
	return entity
}

// alerting creates an alert of a rule of its own about pods.
func alerting(name string, pods ...string) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		now := metav1.NewMicroTime(clock.RealClock{}.Now())
		return create(ctx, r, builders.Alert(r.Namespace, name, func(a *v1alpha1.Alert) {
			a.Spec.Source.Rule, a.Spec.Fingerprint, a.Spec.Title = "rule of "+name, name, "Title of "+name
			a.Spec.FirstActivityTime, a.Spec.LastActivityTime = now, now
			a.Spec.Entities = nil
			for _, pod := range pods {
				a.Spec.Entities = append(a.Spec.Entities, podNamed(pod))
			}
		}))
	}
}

// raise is a step that creates an alert and awaits its incident.
func raise(name, pod string) harness.Step {
	return harness.Step{Name: name, Do: alerting(name, pod), Await: func(_ *harness.Run, v history.View) error {
		_, err := incidentFor(v, name)
		return err
	}}
}

// incidentFor is the incident that an alert is in, once it is summarised.
func incidentFor(v history.View, alert string) (*v1alpha1.Incident, error) {
	a, ok := history.Get[*v1alpha1.Alert](v, alert)
	if !ok {
		return nil, fmt.Errorf("there is no alert %s", alert)
	}
	inc, ok := history.Get[*v1alpha1.Incident](v, string(a.Status.IncidentName))
	if !ok || inc.Status.State == "" {
		return nil, fmt.Errorf("incident %q of alert %s does not exist or is not summarised", a.Status.IncidentName, alert)
	}
	return inc, nil
}

func in(alert, incident string) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		switch inc, err := incidentFor(v, alert); {
		case err != nil:
			return err
		case inc.Name != incident:
			return fmt.Errorf("alert %s is in incident %s, not %s", alert, inc.Name, incident)
		}
		return nil
	}
}

// inOne: the alerts are in one incident, which was merged into no other.
func inOne(alerts ...string) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		names := map[string]bool{}
		for _, alert := range alerts {
			inc, err := incidentFor(v, alert)
			if err != nil {
				return err
			}
			names[inc.Name] = true
			if inc.Status.RedirectedTo != "" {
				return fmt.Errorf("alert %s is still in incident %s, which was merged into %s", alert, inc.Name, inc.Status.RedirectedTo)
			}
		}
		if len(names) != 1 {
			return fmt.Errorf("alerts %v are in %d incidents", alerts, len(names))
		}
		return nil
	}
}

func refused(incident, reason string) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		if inc, ok := history.Get[*v1alpha1.Incident](v, incident); ok && strings.Contains(conditions(inc.Status.Conditions), "Merged=False/"+reason) {
			return nil
		}
		return fmt.Errorf("the merge of incident %s is not refused as %s", incident, reason)
	}
}

func resolvedFor(incident, reason string) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		if inc, ok := history.Get[*v1alpha1.Incident](v, incident); ok && strings.Contains(conditions(inc.Status.Conditions), "Resolved=True/"+reason) {
			return nil
		}
		return fmt.Errorf("incident %s is not resolved as %s", incident, reason)
	}
}

func notMoved(alert string) func(*harness.Run, history.View) error {
	return func(_ *harness.Run, v history.View) error {
		if a, ok := history.Get[*v1alpha1.Alert](v, alert); ok {
			for _, c := range a.Status.Conditions {
				if strings.HasPrefix(c.Message, "Not moved to incident") {
					return nil
				}
			}
		}
		return fmt.Errorf("alert %s does not say that it is not moved", alert)
	}
}

// say changes what people say of an incident.
func say(incident string, change func(*v1alpha1.Incident)) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		inc := &v1alpha1.Incident{}
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: incident}, inc); err != nil {
			return err
		}
		before := inc.DeepCopy()
		change(inc)
		return r.Client.Patch(ctx, inc, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	}
}

func assign(incident, to string) func(context.Context, *harness.Run) error {
	return say(incident, func(i *v1alpha1.Incident) { i.Spec.AssignedTo = to })
}

// mergeInto asks for a merge. Correlation may have been faster: then there is
// nothing left to ask for.
func mergeInto(incident, into string) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		err := say(incident, func(i *v1alpha1.Incident) {
			if i.Spec.MergeInto == nil {
				i.Spec.MergeInto = &v1alpha1.IncidentMerge{Name: v1alpha1.LocalName(into), Reason: "the same intruder"}
			}
		})(ctx, r)
		if err != nil && strings.Contains(err.Error(), "a merge is final") {
			return nil
		}
		return err
	}
}

func move(alert, to string) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		a := &v1alpha1.Alert{}
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: alert}, a); err != nil {
			return err
		}
		before := a.DeepCopy()
		a.Spec.Triage = &v1alpha1.AlertTriage{IncidentName: v1alpha1.LocalName(to)}
		return r.Client.Patch(ctx, a, client.MergeFrom(before))
	}
}

// members is what a run comes to: who is where, what was carried, and that
// everything is counted once.
func members(_ *harness.Run, v history.View) any {
	lines := []string{counts(v)}
	for _, a := range history.List[*v1alpha1.Alert](v) {
		lines = append(lines, fmt.Sprintf("alert %s in %s, %s, %s", a.Name, a.Status.IncidentName, a.Status.State, conditions(a.Status.Conditions)))
	}
	for _, i := range history.List[*v1alpha1.Incident](v) {
		lines = append(lines, "incident "+i.Name+" "+merges(i))
	}
	return lines
}

// winner is the same where either of two incidents may be the one that is left.
func winner(_ *harness.Run, v history.View) any {
	lines := []string{counts(v)}
	for _, i := range history.List[*v1alpha1.Incident](v) {
		counted := ptr.Deref(i.Status.Counts, v1alpha1.IncidentCounts{})
		said := fmt.Sprintf("winner, %s alerts, merged from %d ", counted.ActiveOfTotal, len(i.Status.MergedFrom))
		if i.Status.RedirectedTo != "" {
			said = "loser "
		}
		for _, c := range i.Status.Conditions {
			if c.Type == v1alpha1.IncidentConditionMerged {
				said += string(c.Status)
			}
		}
		lines = append(lines, said)
	}
	slices.Sort(lines)
	return lines
}

// merges is what an incident says of merges, and of its alerts.
func merges(i *v1alpha1.Incident) string {
	counted := ptr.Deref(i.Status.Counts, v1alpha1.IncidentCounts{})
	said := []string{}
	for _, c := range i.Status.Comments {
		said = append(said, fmt.Sprintf("%s of %s", c.Text, c.IncidentName))
	}
	for _, t := range i.Status.Tags {
		said = append(said, fmt.Sprintf("%s of %s", t.Tag, t.IncidentName))
	}
	told := map[string]bool{}
	for _, a := range i.Status.Activities {
		if a.Type == "Merged" || a.Type == "Redirected" {
			told[fmt.Sprintf("%s %s", a.IncidentName, a.Message)] = true
		}
	}
	alerts := counted.ActiveOfTotal
	if i.Status.RedirectedTo != "" {
		alerts = "" // as many as it told of at the end
	}
	return fmt.Sprintf("%s, redirected to %q, merged from %v, %s alerts, %d comments, %v, tells of %d merges, %s",
		i.Status.State, i.Status.RedirectedTo, i.Status.MergedFrom, alerts, ptr.Deref(counted.Comments, 0), said, len(told), conditions(i.Status.Conditions))
}

// counts says whether every event counts in one incident (I2).
func counts(v history.View) string {
	var alerts, incidents int64
	for _, a := range history.List[*v1alpha1.Alert](v) {
		alerts += ptr.Deref(a.Status.Occurrences, 1)
	}
	for _, i := range history.List[*v1alpha1.Incident](v) {
		if i.Status.RedirectedTo == "" {
			incidents += ptr.Deref(ptr.Deref(i.Status.Counts, v1alpha1.IncidentCounts{}).Occurrences, 0)
		}
	}
	return fmt.Sprintf("%d events in alerts, %d in incidents", alerts, incidents)
}
