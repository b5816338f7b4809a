package correlation_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/alert/correlation"
	engine "github.com/tocsin-dev/tocsin/internal/engine/correlation"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

var (
	cfg *rest.Config
	c   client.Client
)

func TestCorrelation(t *testing.T) {
	RegisterFailHandler(Fail)
	cfg, c = environment.Start(t)
	RunSpecs(t, "Alert correlation")
}

var _ = Describe("Alert correlation", func() {
	var (
		ns         string
		recorder   *events.FakeRecorder
		controller *correlation.Controller
	)
	start := func(with client.Client) *correlation.Controller {
		recorder = events.NewFakeRecorder(100)
		return correlation.New(correlation.Deps{
			Client: with, Recorder: recorder, Clock: clocktesting.NewFakePassiveClock(builders.Time),
		})
	}
	reconcileOnce := func(ctx context.Context, name string) error {
		_, err := controller.Reconcile(ctx, reconcile.Request{NamespacedName: client.ObjectKey{Namespace: ns, Name: name}})
		return err
	}
	alert := func(ctx context.Context, name string) *v1alpha1.Alert {
		var a v1alpha1.Alert
		ExpectWithOffset(1, c.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, &a)).To(Succeed())
		return &a
	}
	// raise creates an alert that many seconds after the first, and correlates it.
	raise := func(ctx context.Context, name string, after int, mutate ...func(*v1alpha1.Alert)) *v1alpha1.Alert {
		at := metav1.NewMicroTime(builders.Time.Add(time.Duration(after) * time.Second))
		a := builders.Alert(ns, name, append([]func(*v1alpha1.Alert){func(a *v1alpha1.Alert) {
			a.Spec.FirstActivityTime, a.Spec.LastActivityTime = at, at
			a.Spec.Source.Rule, a.Spec.Fingerprint = "rule of "+name, name
		}}, mutate...)...)
		ExpectWithOffset(1, c.Create(ctx, a)).To(Succeed())
		ExpectWithOffset(1, reconcileOnce(ctx, name)).To(Succeed())
		return alert(ctx, name)
	}
	onAnotherPod := func(a *v1alpha1.Alert) { a.Spec.Entities[0].Name = "elsewhere/other" }
	incident := func(ctx context.Context, name string, mutate ...func(*v1alpha1.Incident)) *v1alpha1.Incident {
		inc := builders.Incident(ns, name, mutate...)
		status := inc.Status.DeepCopy()
		ExpectWithOffset(1, c.Create(ctx, inc)).To(Succeed())
		if status.RedirectedTo != "" {
			inc.Status.RedirectedTo = status.RedirectedTo
			ExpectWithOffset(1, c.Status().Update(ctx, inc)).To(Succeed())
		}
		controller.Notice(inc)
		return inc
	}

	BeforeEach(func() {
		ns = environment.Namespace(GinkgoTB(), c)
		controller = start(c)
	})

	It("opens an incident for the first alert, and says so in its condition", func(ctx SpecContext) {
		a := raise(ctx, "first", 0)
		Expect(a.Status.IncidentName).To(BeEquivalentTo("first"))
		Expect(a.Status.State).To(Equal(v1alpha1.AlertNew))
		condition := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.AlertConditionCorrelated)
		Expect(condition.Status).To(Equal(metav1.ConditionTrue))
		Expect(condition.Reason).To(Equal(engine.ReasonNewIncident))
		Expect(condition.LastTransitionTime.UTC()).To(Equal(builders.Time))
		Expect(recorder.Events).NotTo(Receive(), "an event for each alert would double the writes of a storm")
	})

	tuned := func(action v1alpha1.TuningAction) func(*v1alpha1.Alert) {
		return func(a *v1alpha1.Alert) { a.Spec.Tuning = &v1alpha1.AlertTuning{RuleName: "noise", Action: action} }
	}

	It("keeps an alert that is hidden out of every incident, until it is released", func(ctx SpecContext) {
		hidden := raise(ctx, "hidden", 0, tuned(v1alpha1.TuningHide))
		Expect(hidden.Status.IncidentName).To(BeEmpty())
		Expect(hidden.Status.State).To(Equal(v1alpha1.AlertResolved))
		Expect(hidden.Status.InvestigationState).To(Equal(v1alpha1.InvestigationSuppressedAlert))
		condition := meta.FindStatusCondition(hidden.Status.Conditions, v1alpha1.AlertConditionCorrelated)
		Expect(condition.Status).To(Equal(metav1.ConditionFalse))
		Expect(condition.Reason).To(Equal("Hidden"))
		Expect(condition.Message).To(Equal("Tuning rule noise hides the alert"))

		version := hidden.ResourceVersion
		Expect(reconcileOnce(ctx, "hidden")).To(Succeed())
		Expect(alert(ctx, "hidden").ResourceVersion).To(Equal(version), "nothing has changed")

		other := raise(ctx, "other", 10)
		Expect(other.Status.IncidentName).To(BeEquivalentTo("other"), "correlation does not know of what is hidden")

		hidden.Spec.Triage = &v1alpha1.AlertTriage{IncidentName: "other"}
		Expect(c.Update(ctx, hidden)).To(Succeed())
		Expect(reconcileOnce(ctx, "hidden")).To(Succeed())
		hidden = alert(ctx, "hidden")
		Expect(hidden.Status.IncidentName).To(BeEmpty())
		condition = meta.FindStatusCondition(hidden.Status.Conditions, v1alpha1.AlertConditionCorrelated)
		Expect(condition.Message).To(Equal("Tuning rule noise hides the alert; not moved to incident other: only an alert that is not hidden can be in one"))

		hidden.Spec.Triage = nil
		Expect(c.Update(ctx, hidden)).To(Succeed())
		hidden.Status.ReleasedTime = ptr.To(metav1.NewMicroTime(builders.Time))
		Expect(c.Status().Update(ctx, hidden)).To(Succeed())
		for range 2 {
			Expect(reconcileOnce(ctx, "hidden")).To(Succeed())
			hidden = alert(ctx, "hidden")
			Expect(hidden.Status.IncidentName).To(BeEquivalentTo("other"))
			Expect(hidden.Status.State).To(Equal(v1alpha1.AlertNew))
			Expect(hidden.Status.InvestigationState).To(BeEmpty())
			Expect(meta.IsStatusConditionTrue(hidden.Status.Conditions, v1alpha1.AlertConditionCorrelated)).To(BeTrue())
		}
	})

	It("does not learn of what is hidden when it is started anew", func(ctx SpecContext) {
		raise(ctx, "hidden", 0, tuned(v1alpha1.TuningHide))
		controller = start(c)
		Expect(raise(ctx, "other", 10).Status.IncidentName).To(BeEquivalentTo("other"))
	})

	It("resolves an alert that a tuning rule resolves, in an incident like any other", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		resolved := raise(ctx, "resolved", 10, tuned(v1alpha1.TuningResolve))
		Expect(resolved.Status.IncidentName).To(BeEquivalentTo("first"))
		Expect(resolved.Status.State).To(Equal(v1alpha1.AlertResolved))

		resolved.Spec.Triage = &v1alpha1.AlertTriage{State: v1alpha1.AlertInProgress}
		Expect(c.Update(ctx, resolved)).To(Succeed())
		Expect(reconcileOnce(ctx, "resolved")).To(Succeed())
		Expect(alert(ctx, "resolved").Status.State).To(Equal(v1alpha1.AlertInProgress), "a person reopened it")
	})

	It("joins an alert that shares a pod, and keeps the reason", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		a := raise(ctx, "second", 10)
		Expect(a.Status.IncidentName).To(BeEquivalentTo("first"))
		Expect(a.Status.Links).NotTo(BeEmpty())
		Expect(a.Status.Links[0].PeerName).To(BeEquivalentTo("first"))
		Expect(a.Status.Links[0].Entity).To(HavePrefix("Pod/"))
		Expect(*a.Status.Links[0].WeightMillibits).To(BeNumerically(">", 1000))
	})

	It("keeps the strongest links, and counts all of them", func(ctx SpecContext) {
		files := func(a *v1alpha1.Alert) {
			for i := range 12 {
				a.Spec.Entities = append(a.Spec.Entities, v1alpha1.Entity{EntityKey: v1alpha1.EntityKey{Kind: "File", Name: fmt.Sprint("/tmp/", i)}})
			}
		}
		Expect(raise(ctx, "first", 0, files).Status.LinkTotal).To(BeNil())
		a := raise(ctx, "second", 10, files)
		Expect(a.Status.Links).To(HaveLen(8))
		Expect(a.Status.LinkTotal).To(HaveValue(BeEquivalentTo(13)))
	})

	It("keeps apart what shares nothing", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		Expect(raise(ctx, "second", 10, onAnotherPod).Status.IncidentName).To(BeEquivalentTo("second"))
	})

	It("never correlates across tenants", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		ns = environment.Namespace(GinkgoTB(), c)
		Expect(raise(ctx, "second", 10).Status.IncidentName).To(BeEquivalentTo("second"))
	})

	It("gives an alert with correlation disabled an incident of its own", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		a := raise(ctx, "second", 10, func(a *v1alpha1.Alert) { a.Spec.Correlation = v1alpha1.CorrelationDisabled })
		Expect(a.Status.IncidentName).To(BeEquivalentTo("second"))
	})

	It("writes nothing when nothing changed", func(ctx SpecContext) {
		before := raise(ctx, "first", 0)
		Expect(reconcileOnce(ctx, "first")).To(Succeed())
		Expect(alert(ctx, "first").ResourceVersion).To(Equal(before.ResourceVersion))
	})

	It("repeats no decision and writes nothing after a restart", func(ctx SpecContext) {
		first, second := raise(ctx, "first", 0), raise(ctx, "second", 10)
		controller = start(c)
		Expect(reconcileOnce(ctx, "second")).To(Succeed())
		Expect(reconcileOnce(ctx, "first")).To(Succeed())
		Expect(alert(ctx, "first").ResourceVersion).To(Equal(first.ResourceVersion))
		Expect(alert(ctx, "second").ResourceVersion).To(Equal(second.ResourceVersion))
		Expect(raise(ctx, "third", 20).Status.IncidentName).To(BeEquivalentTo("first"))
	})

	It("does not add to an incident that a person resolved", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		incident(ctx, "first", func(i *v1alpha1.Incident) { i.Spec.State = v1alpha1.IncidentResolved })
		Expect(raise(ctx, "second", 10).Status.IncidentName).To(BeEquivalentTo("second"))
	})

	It("decides again, once, for an alert in a resolved incident", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		raise(ctx, "second", 10)
		incident(ctx, "first", func(i *v1alpha1.Incident) { i.Spec.State = v1alpha1.IncidentResolved })
		a := alert(ctx, "second")
		entity := builders.PodEntity()
		entity.Name = "elsewhere/other"
		a.Status.Entities = []v1alpha1.Entity{entity}
		Expect(c.Status().Update(ctx, a)).To(Succeed())
		Expect(reconcileOnce(ctx, "second")).To(Succeed())
		a = alert(ctx, "second")
		Expect(a.Status.IncidentName).To(BeEquivalentTo("first"))
		Expect(a.Status.ObservedEntities).NotTo(BeEmpty())
	})

	It("resolves the alerts of a resolved incident, but for what people said", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		raise(ctx, "second", 10, func(a *v1alpha1.Alert) { a.Spec.Triage = &v1alpha1.AlertTriage{State: v1alpha1.AlertInProgress} })
		inc := incident(ctx, "first")
		inc.Status.State = v1alpha1.IncidentResolved
		Expect(c.Status().Update(ctx, inc)).To(Succeed())
		Expect(reconcileOnce(ctx, "first")).To(Succeed())
		Expect(reconcileOnce(ctx, "second")).To(Succeed())
		Expect(alert(ctx, "first").Status.State).To(Equal(v1alpha1.AlertResolved))
		Expect(alert(ctx, "second").Status.State).To(Equal(v1alpha1.AlertInProgress))
	})

	It("resolves an alert that has ended, where it is, unless people work on it", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		a := raise(ctx, "second", 10)
		a.Status.EndedTime = ptr.To(metav1.NewMicroTime(builders.Time))
		Expect(c.Status().Update(ctx, a)).To(Succeed())
		Expect(reconcileOnce(ctx, "second")).To(Succeed())
		Expect(alert(ctx, "first").Status.State).To(Equal(v1alpha1.AlertNew))
		Expect(alert(ctx, "second").Status.State).To(Equal(v1alpha1.AlertResolved))
		Expect(alert(ctx, "second").Status.IncidentName).To(BeEquivalentTo("first"))
		inc := incident(ctx, "first")
		inc.Status.State = v1alpha1.IncidentInProgress
		Expect(c.Status().Update(ctx, inc)).To(Succeed())
		Expect(reconcileOnce(ctx, "second")).To(Succeed())
		Expect(alert(ctx, "second").Status.State).To(Equal(v1alpha1.AlertInProgress))
	})

	Describe("a person's association", func() {
		move := func(ctx context.Context, name, to string) {
			a := alert(ctx, name)
			a.Spec.Triage = &v1alpha1.AlertTriage{IncidentName: v1alpha1.LocalName(to)}
			ExpectWithOffset(1, c.Update(ctx, a)).To(Succeed())
			ExpectWithOffset(1, reconcileOnce(ctx, name)).To(Succeed())
		}
		It("moves the alert", func(ctx SpecContext) {
			raise(ctx, "first", 0)
			raise(ctx, "second", 10, onAnotherPod)
			incident(ctx, "first")
			move(ctx, "second", "first")
			a := alert(ctx, "second")
			Expect(a.Status.IncidentName).To(BeEquivalentTo("first"))
			Expect(a.Status.Links[0].Reason).To(Equal(engine.LinkManualAssociation))
			Expect(recorder.Events).To(Receive(ContainSubstring("moved to incident first")))
		})
		It("gives the alert an incident of its own", func(ctx SpecContext) {
			raise(ctx, "first", 0)
			Expect(raise(ctx, "second", 10).Status.IncidentName).To(BeEquivalentTo("first"))
			move(ctx, "second", "second")
			a := alert(ctx, "second")
			Expect(a.Status.IncidentName).To(BeEquivalentTo("second"))
			Expect(a.Status.Links[0].Reason).To(Equal(engine.LinkManualAssociation))
			Expect(reconcileOnce(ctx, "second")).To(Succeed())
			Expect(alert(ctx, "second").ResourceVersion).To(Equal(a.ResourceVersion))
			controller = start(c)
			Expect(reconcileOnce(ctx, "second")).To(Succeed())
			Expect(alert(ctx, "second").ResourceVersion).To(Equal(a.ResourceVersion), "nor after a restart")
		})
		It("moves the alert back into an incident that is empty", func(ctx SpecContext) {
			raise(ctx, "first", 0)
			raise(ctx, "second", 10, onAnotherPod)
			incident(ctx, "first")
			move(ctx, "second", "first")
			emptied := incident(ctx, "second")
			emptied.Status.State = v1alpha1.IncidentResolved
			emptied.Status.Conditions = []metav1.Condition{{Type: v1alpha1.IncidentConditionResolved, Status: metav1.ConditionTrue, Reason: "Empty", LastTransitionTime: metav1.Now()}}
			Expect(c.Status().Update(ctx, emptied)).To(Succeed())
			controller.Notice(emptied)
			move(ctx, "second", "second")
			Expect(alert(ctx, "second").Status.IncidentName).To(BeEquivalentTo("second"))
		})
		DescribeTable("is refused, and says why", func(ctx SpecContext, to, message string, mutate func(*v1alpha1.Incident)) {
			raise(ctx, "first", 0)
			raise(ctx, "second", 10, onAnotherPod)
			if mutate != nil {
				incident(ctx, "first", mutate)
			}
			move(ctx, "second", to)
			a := alert(ctx, "second")
			Expect(a.Status.IncidentName).To(BeEquivalentTo("second"))
			Expect(meta.FindStatusCondition(a.Status.Conditions, v1alpha1.AlertConditionCorrelated).Message).To(ContainSubstring(message))
		},
			Entry("an incident that is not there", "nowhere", "none of that name", nil),
			Entry("an incident that is resolved", "first", "it is resolved",
				func(i *v1alpha1.Incident) { i.Spec.State = v1alpha1.IncidentResolved }),
			Entry("an incident that was merged", "first", "it was merged into another one; name that one",
				func(i *v1alpha1.Incident) { i.Status.RedirectedTo = "survivor" }),
		)
	})

	It("follows a redirect", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		raise(ctx, "second", 10, onAnotherPod)
		incident(ctx, "first")
		source := incident(ctx, "second")
		source.Status.RedirectedTo = "first"
		Expect(c.Status().Update(ctx, source)).To(Succeed())
		controller = start(c)
		Expect(reconcileOnce(ctx, "second")).To(Succeed())
		Expect(alert(ctx, "second").Status.IncidentName).To(BeEquivalentTo("first"))
	})

	It("keeps what an incident that the alert opens resembles", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		incident(ctx, "first", func(i *v1alpha1.Incident) { i.Spec.State = v1alpha1.IncidentResolved })
		a := raise(ctx, "second", 10)
		Expect(a.Status.Similar).To(HaveLen(1))
		Expect(a.Status.Similar[0].Name).To(BeEquivalentTo("first"))
		Expect(a.Status.Similar[0].Reason).To(Equal(engine.SimilarResolved))
		Expect(a.Status.Similar[0].Message).NotTo(BeEmpty())
	})

	Describe("what the cluster adds to an alert", func() {
		// enrich adds an entity to the alert, as a part of Tocsin that looks it up does.
		enrich := func(ctx context.Context, name, pod string) {
			a := alert(ctx, name)
			entity := builders.PodEntity()
			entity.Name = pod
			a.Status.Entities = []v1alpha1.Entity{entity}
			ExpectWithOffset(1, c.Status().Update(ctx, a)).To(Succeed())
		}
		It("counts at the first decision", func(ctx SpecContext) {
			raise(ctx, "first", 0)
			Expect(c.Create(ctx, builders.Alert(ns, "second", onAnotherPod, func(a *v1alpha1.Alert) { a.Spec.Source.Rule = "other" }))).To(Succeed())
			enrich(ctx, "second", builders.PodEntity().Name)
			Expect(reconcileOnce(ctx, "second")).To(Succeed())
			a := alert(ctx, "second")
			Expect(a.Status.IncidentName).To(BeEquivalentTo("first"))
			Expect(a.Status.ObservedEntities).NotTo(BeEmpty())
		})
		It("unites the incident that the alert opened with the one it turns out to belong to, once", func(ctx SpecContext) {
			raise(ctx, "first", 0)
			raise(ctx, "second", 10, onAnotherPod)
			incident(ctx, "first")
			incident(ctx, "second")
			enrich(ctx, "second", builders.PodEntity().Name)
			Expect(reconcileOnce(ctx, "second")).To(Succeed())
			var source v1alpha1.Incident
			Expect(c.Get(ctx, client.ObjectKey{Namespace: ns, Name: "second"}, &source)).To(Succeed())
			Expect(source.Status.RedirectedTo).To(BeEquivalentTo("first"))
			Expect(meta.IsStatusConditionTrue(source.Status.Conditions, v1alpha1.IncidentConditionMerged)).To(BeTrue())
			controller.Notice(&source)
			a := alert(ctx, "second")
			Expect(a.Status.IncidentName).To(BeEquivalentTo("first"))
			Expect(a.Status.Links[0].Entity).To(Equal("Pod/" + builders.PodEntity().Name))
			for range 2 {
				Expect(reconcileOnce(ctx, "second")).To(Succeed())
				Expect(alert(ctx, "second").ResourceVersion).To(Equal(a.ResourceVersion), "it is decided about once")
				controller = start(c) // nor again after a restart
			}
		})
		It("changes nothing where a person put the alert, but is noted", func(ctx SpecContext) {
			raise(ctx, "first", 0)
			raise(ctx, "second", 10, func(a *v1alpha1.Alert) {
				onAnotherPod(a)
				a.Spec.Triage = &v1alpha1.AlertTriage{IncidentName: "second"}
			})
			raise(ctx, "third", 20, func(a *v1alpha1.Alert) { a.Spec.Entities[0].Name = "elsewhere/third" })
			incident(ctx, "second")
			a := alert(ctx, "third")
			a.Spec.Triage = &v1alpha1.AlertTriage{IncidentName: "second"}
			Expect(c.Update(ctx, a)).To(Succeed())
			Expect(reconcileOnce(ctx, "third")).To(Succeed())
			enrich(ctx, "third", builders.PodEntity().Name)
			Expect(reconcileOnce(ctx, "third")).To(Succeed())
			a = alert(ctx, "third")
			Expect(a.Status.IncidentName).To(BeEquivalentTo("second"))
			Expect(meta.FindStatusCondition(a.Status.Conditions, v1alpha1.AlertConditionCorrelated).Reason).To(Equal(engine.ReasonMoved))
			Expect(reconcileOnce(ctx, "third")).To(Succeed())
			Expect(alert(ctx, "third").ResourceVersion).To(Equal(a.ResourceVersion))
		})
		It("is decided about anew when it changes before the decision is written", func(ctx SpecContext) {
			raise(ctx, "first", 0)
			raise(ctx, "second", 10, onAnotherPod)
			enrich(ctx, "second", builders.PodEntity().Name)
			Expect(reconcileOnce(ctx, "second")).To(MatchError(ContainSubstring("not summarised yet")))
			enrich(ctx, "second", "nowhere/else")
			incident(ctx, "first")
			incident(ctx, "second")
			Expect(reconcileOnce(ctx, "second")).To(MatchError(ContainSubstring("deciding again")))
			Expect(reconcileOnce(ctx, "second")).To(Succeed())
			Expect(alert(ctx, "second").Status.IncidentName).To(BeEquivalentTo("second"))
		})
	})

	Describe("an alert that shows two incidents to be one", func() {
		onPod := func(pod string) func(*v1alpha1.Alert) {
			return func(a *v1alpha1.Alert) { a.Spec.Entities[0].Name = pod }
		}
		bridge := func(a *v1alpha1.Alert) {
			one, two := a.Spec.Entities[0], a.Spec.Entities[0]
			one.Name, two.Name = "shop/one", "shop/two"
			a.Spec.Entities = []v1alpha1.Entity{one, two}
		}
		It("merges them, and waits until both are there", func(ctx SpecContext) {
			raise(ctx, "first", 0, onPod("shop/one"))
			raise(ctx, "second", 10, onPod("shop/two"))
			Expect(c.Create(ctx, builders.Alert(ns, "third", bridge))).To(Succeed())
			Expect(reconcileOnce(ctx, "third")).To(MatchError(ContainSubstring("not summarised yet")))
			incident(ctx, "first")
			incident(ctx, "second")
			Expect(reconcileOnce(ctx, "third")).To(Succeed())

			into := string(alert(ctx, "third").Status.IncidentName)
			source := map[string]string{"first": "second", "second": "first"}[into]
			var redirected v1alpha1.Incident
			Expect(c.Get(ctx, client.ObjectKey{Namespace: ns, Name: source}, &redirected)).To(Succeed())
			Expect(redirected.Status.RedirectedTo).To(BeEquivalentTo(into))
			controller.Notice(&redirected)
			Expect(reconcileOnce(ctx, source)).To(Succeed())
			Expect(alert(ctx, source).Status.IncidentName).To(BeEquivalentTo(into), "the alerts of the source follow")
		})
		It("moves nothing before the merge is written, and decides again when people were faster", func(ctx SpecContext) {
			raise(ctx, "first", 0, onPod("shop/one"))
			raise(ctx, "second", 10, onPod("shop/two"))
			Expect(c.Create(ctx, builders.Alert(ns, "third", bridge))).To(Succeed())
			Expect(reconcileOnce(ctx, "third")).To(MatchError(ContainSubstring("not summarised yet")))
			for _, name := range []string{"first", "second"} {
				Expect(reconcileOnce(ctx, name)).To(Succeed())
				Expect(alert(ctx, name).Status.IncidentName).To(BeEquivalentTo(name), "no alert follows a merge that is not written")
			}
			incident(ctx, "first", func(i *v1alpha1.Incident) { i.Spec.AssignedTo = "alice" })
			incident(ctx, "second", func(i *v1alpha1.Incident) { i.Spec.AssignedTo = "bob" })
			Expect(reconcileOnce(ctx, "third")).To(MatchError(ContainSubstring("deciding again")))
			Expect(reconcileOnce(ctx, "third")).To(Succeed())
			for _, name := range []string{"first", "second"} {
				Expect(reconcileOnce(ctx, name)).To(Succeed())
				Expect(alert(ctx, name).Status.IncidentName).To(BeEquivalentTo(name))
				var inc v1alpha1.Incident
				Expect(c.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, &inc)).To(Succeed())
				Expect(inc.Status.RedirectedTo).To(BeEmpty(), "two people work on these")
			}
		})
		It("does not wait for an incident that will never be", func(ctx SpecContext) {
			raise(ctx, "first", 0, onPod("shop/one"))
			raise(ctx, "second", 10, onPod("shop/two"))
			incident(ctx, "first")
			Expect(c.Create(ctx, builders.Alert(ns, "third", bridge))).To(Succeed())
			Expect(reconcileOnce(ctx, "third")).To(MatchError(ContainSubstring("not summarised yet")))
			Expect(c.Delete(ctx, alert(ctx, "second"))).To(Succeed())
			Expect(reconcileOnce(ctx, "third")).To(MatchError(ContainSubstring("not summarised yet")), "nobody has told of it")
			Expect(reconcileOnce(ctx, "second")).To(Succeed())
			Expect(reconcileOnce(ctx, "third")).To(MatchError(ContainSubstring("deciding again")))
			Expect(reconcileOnce(ctx, "third")).To(Succeed())
			Expect(alert(ctx, "third").Status.IncidentName).To(BeEquivalentTo("first"))
		})
		It("leaves apart what two people work on", func(ctx SpecContext) {
			raise(ctx, "first", 0, onPod("shop/one"))
			raise(ctx, "second", 10, onPod("shop/two"))
			incident(ctx, "first", func(i *v1alpha1.Incident) { i.Spec.AssignedTo = "alice" })
			incident(ctx, "second", func(i *v1alpha1.Incident) { i.Spec.AssignedTo = "bob" })
			raise(ctx, "third", 20, bridge)
			Expect(alert(ctx, "first").Status.IncidentName).To(BeEquivalentTo("first"))
			Expect(alert(ctx, "second").Status.IncidentName).To(BeEquivalentTo("second"))
		})
	})

	It("forgets an alert that is gone", func(ctx SpecContext) {
		Expect(c.Delete(ctx, raise(ctx, "first", 0))).To(Succeed())
		Expect(reconcileOnce(ctx, "first")).To(Succeed())
		Expect(raise(ctx, "second", 10).Status.IncidentName).To(BeEquivalentTo("second"))
	})

	It("decides once, however often the write fails", func(ctx SpecContext) {
		broken := true
		failing, err := client.New(cfg, client.Options{Scheme: operator.Scheme()})
		Expect(err).NotTo(HaveOccurred())
		withWatch, err := client.NewWithWatch(cfg, client.Options{Scheme: operator.Scheme()})
		Expect(err).NotTo(HaveOccurred())
		controller = start(interceptor.NewClient(withWatch, interceptor.Funcs{
			SubResourceApply: func(ctx context.Context, _ client.Client, sub string, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
				if broken {
					return apierrors.NewInternalError(errors.New("etcd is away"))
				}
				return failing.SubResource(sub).Apply(ctx, obj, opts...)
			},
		}))
		Expect(c.Create(ctx, builders.Alert(ns, "first"))).To(Succeed())
		Expect(reconcileOnce(ctx, "first")).To(MatchError(ContainSubstring("etcd is away")))
		Expect(recorder.Events).NotTo(Receive(), "an event tells what happened, not what was tried")
		broken = false
		Expect(reconcileOnce(ctx, "first")).To(Succeed())
		Expect(alert(ctx, "first").Status.IncidentName).To(BeEquivalentTo("first"))
	})

	It("does not overwrite what it has not seen", func(ctx SpecContext) {
		raise(ctx, "first", 0)
		stale := builders.Alert(ns, "second")
		Expect(c.Create(ctx, stale)).To(Succeed())
		fresh := stale.DeepCopy()
		fresh.Status.IncidentName, fresh.Status.State = "elsewhere", v1alpha1.AlertNew
		Expect(c.Status().Update(ctx, fresh)).To(Succeed())
		withWatch, err := client.NewWithWatch(cfg, client.Options{Scheme: operator.Scheme()})
		Expect(err).NotTo(HaveOccurred())
		controller = start(interceptor.NewClient(withWatch, interceptor.Funcs{
			Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
				if a, ok := obj.(*v1alpha1.Alert); ok && key.Name == "second" {
					stale.DeepCopyInto(a)
					return nil
				}
				return inner.Get(ctx, key, obj, opts...)
			},
		}))
		Expect(apierrors.IsConflict(errors.Unwrap(reconcileOnce(ctx, "second")))).To(BeTrue())
		Expect(alert(ctx, "second").Status.IncidentName).To(BeEquivalentTo("elsewhere"))
	})
})
