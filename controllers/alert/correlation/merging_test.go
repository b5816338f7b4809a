package correlation_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// showing is a client that shows an incident of a namespace as it once was.
func showing(was *v1alpha1.Incident, namespace string) client.Client {
	withWatch, err := client.NewWithWatch(cfg, client.Options{Scheme: operator.Scheme()})
	ExpectWithOffset(1, err).NotTo(HaveOccurred())
	return interceptor.NewClient(withWatch, interceptor.Funcs{
		Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			if inc, ok := obj.(*v1alpha1.Incident); ok && key.Name == was.Name && key.Namespace == namespace {
				was.DeepCopyInto(inc)
				return nil
			}
			return inner.Get(ctx, key, obj, opts...)
		},
		List: func(ctx context.Context, inner client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			err := inner.List(ctx, list, opts...)
			if incidents, ok := list.(*v1alpha1.IncidentList); ok {
				for i := range incidents.Items {
					if client.ObjectKeyFromObject(&incidents.Items[i]) == client.ObjectKeyFromObject(was) {
						was.DeepCopyInto(&incidents.Items[i])
					}
				}
			}
			return err
		},
	})
}

var _ = Describe("A merge that a person asks for", func() {
	var (
		ns         string
		recorder   *events.FakeRecorder
		controller *correlation.Controller
	)
	BeforeEach(func() {
		ns = environment.Namespace(GinkgoTB(), c)
		recorder = events.NewFakeRecorder(100)
		controller = correlation.New(correlation.Deps{Client: c, Recorder: recorder, Clock: clocktesting.NewFakePassiveClock(builders.Time)})
	})
	get := func(ctx context.Context, name string) *v1alpha1.Incident {
		var inc v1alpha1.Incident
		ExpectWithOffset(1, c.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, &inc)).To(Succeed())
		return &inc
	}
	incident := func(ctx context.Context, name string, mutate ...func(*v1alpha1.Incident)) {
		inc := builders.Incident(ns, name, mutate...)
		status := inc.DeepCopy().Status
		ExpectWithOffset(1, c.Create(ctx, inc)).To(Succeed())
		if status.RedirectedTo != "" || status.State != "" {
			inc.Status = status
			ExpectWithOffset(1, c.Status().Update(ctx, inc)).To(Succeed())
		}
		controller.Notice(inc)
	}
	into := func(name string) func(*v1alpha1.Incident) {
		return func(i *v1alpha1.Incident) {
			i.Spec.MergeInto = &v1alpha1.IncidentMerge{Name: v1alpha1.LocalName(name), Reason: "the same intruder", RequestedBy: "alice"}
		}
	}
	change := func(ctx context.Context, name string, mutate func(*v1alpha1.Incident)) {
		inc := get(ctx, name)
		mutate(inc)
		ExpectWithOffset(1, c.Update(ctx, inc)).To(Succeed())
		controller.Notice(inc)
	}
	merge := func(ctx context.Context, name string) *metav1.Condition {
		key := client.ObjectKey{Namespace: ns, Name: name}
		_, err := controller.Merging().Reconcile(ctx, reconcile.Request{NamespacedName: key})
		ExpectWithOffset(1, err).NotTo(HaveOccurred())
		inc := get(ctx, name)
		controller.Notice(inc)
		return meta.FindStatusCondition(inc.Status.Conditions, v1alpha1.IncidentConditionMerged)
	}
	assigned := func(to string) func(*v1alpha1.Incident) {
		return func(i *v1alpha1.Incident) { i.Spec.AssignedTo = to }
	}
	redirected := func(to v1alpha1.LocalName) func(*v1alpha1.Incident) {
		return func(i *v1alpha1.Incident) { i.Status.RedirectedTo = to }
	}
	classified := func(as v1alpha1.Classification, d v1alpha1.Determination) func(*v1alpha1.Incident) {
		return func(i *v1alpha1.Incident) { i.Spec.Classification, i.Spec.Determination = as, d }
	}

	It("is committed by one write, in the direction that the person gave", func(ctx SpecContext) {
		// Correlation would keep a: it has more of people's work.
		incident(ctx, "a", into("b"), func(i *v1alpha1.Incident) { i.Spec.Tags = []string{"one", "two"} })
		incident(ctx, "b")
		before := get(ctx, "a").ResourceVersion
		condition := merge(ctx, "a")
		Expect(get(ctx, "a").Status.RedirectedTo).To(BeEquivalentTo("b"))
		Expect(condition.Status).To(Equal(metav1.ConditionTrue))
		Expect(condition.Reason).To(Equal("MergedByPerson"))
		Expect(condition.Message).To(Equal("alice asked for it to be merged into incident b"))
		Expect(get(ctx, "a").ResourceVersion).NotTo(Equal(before))
		Expect(recorder.Events).To(Receive(ContainSubstring("merged into b")))

		written := get(ctx, "a").ResourceVersion
		merge(ctx, "a")
		merge(ctx, "b")
		Expect(get(ctx, "a").ResourceVersion).To(Equal(written), "nothing is written twice")
		Expect(recorder.Events).NotTo(Receive())
	})

	It("goes where the named incident was merged into, and says so", func(ctx SpecContext) {
		incident(ctx, "a", into("b"))
		incident(ctx, "b", redirected("c"))
		incident(ctx, "c")
		Expect(merge(ctx, "a").Message).To(Equal("alice asked for it to be merged into incident c (incident b was merged into that)"))
		Expect(get(ctx, "a").Status.RedirectedTo).To(BeEquivalentTo("c"))
	})

	It("takes along the alerts, and what was put there by hand", func(ctx SpecContext) {
		alert := builders.Alert(ns, "a")
		Expect(c.Create(ctx, alert)).To(Succeed())
		key := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(alert)}
		Expect(controller.Reconcile(ctx, key)).Error().NotTo(HaveOccurred())
		incident(ctx, "a", into("b"))
		incident(ctx, "b")
		merge(ctx, "a")
		Expect(controller.Reconcile(ctx, key)).Error().NotTo(HaveOccurred())
		Expect(c.Get(ctx, key.NamespacedName, alert)).To(Succeed())
		Expect(alert.Status.IncidentName).To(BeEquivalentTo("b"))
		next := builders.Alert(ns, "next", func(a *v1alpha1.Alert) { a.Spec.Fingerprint, a.Spec.Source.Rule = "next", "another rule" })
		Expect(c.Create(ctx, next)).To(Succeed())
		key.Name = "next"
		Expect(controller.Reconcile(ctx, key)).Error().NotTo(HaveOccurred())
		Expect(c.Get(ctx, key.NamespacedName, next)).To(Succeed())
		Expect(next.Status.IncidentName).To(BeEquivalentTo("b"), "what would have joined the source joins the target")
	})

	DescribeTable("is refused, says why and what to do, and writes that once", func(ctx SpecContext, name, reason, message string, source, target func(*v1alpha1.Incident)) {
		none := func(*v1alpha1.Incident) {}
		if source == nil {
			source = none
		}
		incident(ctx, "a", into(name), source)
		if target != nil {
			incident(ctx, "b", target)
		}
		condition := merge(ctx, "a")
		Expect(condition.Status).To(Equal(metav1.ConditionFalse))
		Expect(condition.Reason).To(Equal(reason))
		Expect(condition.Message).To(Equal(message))
		Expect(get(ctx, "a").Status.RedirectedTo).To(BeEmpty())
		Expect(recorder.Events).To(Receive(ContainSubstring(message)))
		written := get(ctx, "a").ResourceVersion
		merge(ctx, "a")
		Expect(get(ctx, "a").ResourceVersion).To(Equal(written))
		Expect(recorder.Events).NotTo(Receive())
	},
		Entry("itself", "a", "SameIncident", "An incident cannot be merged into itself; name another one", nil, nil),
		Entry("one that is not there", "nowhere", "IncidentNotFound", "There is no incident nowhere in this namespace; name another one", nil, nil),
		Entry("one that is resolved", "b", "IncidentResolved", "Incident b is resolved, and takes no more alerts; set its state to InProgress first",
			nil, func(i *v1alpha1.Incident) { i.Spec.State = v1alpha1.IncidentResolved }),
		Entry("from one that is resolved", "b", "IncidentResolved", "This incident is resolved; set its state to InProgress first",
			func(i *v1alpha1.Incident) { i.Status.State = v1alpha1.IncidentResolved }, assigned("")),
		Entry("what was merged into this one", "b", "SameIncident", "Incident a and this one are one already, or about to be; remove mergeInto (incident b was merged into that)",
			nil, redirected("a")),
		Entry("what was merged into one that is gone", "b", "IncidentNotFound", "There is no incident gone in this namespace; name another one (incident b was merged into that)",
			nil, redirected("gone")),
		Entry("two assignees", "b", "AssigneesDiffer", "Incident b is assigned to alice, this one to bob; give both the same assignee, or one of them none",
			assigned("bob"), assigned("alice")),
		Entry("two classifications", "b", "ClassificationsDiffer", "Incident b is classified as TruePositive, this one as FalsePositive; give both the same classification, or one of them none",
			classified(v1alpha1.ClassificationFalsePositive, ""), classified(v1alpha1.ClassificationTruePositive, "")),
		Entry("two determinations", "b", "DeterminationsDiffer", "Incident b is determined to be Malware, this one Phishing; give both the same determination, or one of them none",
			classified(v1alpha1.ClassificationTruePositive, v1alpha1.DeterminationPhishing), classified(v1alpha1.ClassificationTruePositive, v1alpha1.DeterminationMalware)),
	)

	It("is refused into an incident of another tenant", func(ctx SpecContext) {
		incident(ctx, "b")
		ns = environment.Namespace(GinkgoTB(), c)
		incident(ctx, "a", into("b"))
		Expect(merge(ctx, "a").Reason).To(Equal(engine.RefusedNotFound))
	})

	It("is refused where both have more alerts together than one takes", func(ctx SpecContext) {
		policy := builders.CorrelationPolicy(ns, "small")
		policy.Spec.MaxAlerts = ptr.To(int32(2))
		Expect(c.Create(ctx, policy)).To(Succeed())
		policy.Status.InForce = &v1alpha1.CorrelationPolicyInForce{CorrelationSettings: policy.Spec.CorrelationSettings, Generation: ptr.To(int64(1))}
		policy.Status.Conditions = []metav1.Condition{{Type: v1alpha1.CorrelationPolicyConditionInUse, Status: metav1.ConditionTrue, Reason: "InUse", LastTransitionTime: metav1.Now()}}
		Expect(c.Status().Update(ctx, policy)).To(Succeed())
		for _, name := range []string{"a", "b"} {
			Expect(c.Create(ctx, builders.Alert(ns, name, func(a *v1alpha1.Alert) { a.Spec.Entities[0].Name = "pods/" + name }))).To(Succeed())
			Expect(controller.Reconcile(ctx, reconcile.Request{NamespacedName: client.ObjectKey{Namespace: ns, Name: name}})).Error().NotTo(HaveOccurred())
		}
		incident(ctx, "a", into("b"))
		incident(ctx, "b")
		condition := merge(ctx, "a")
		Expect(condition.Reason).To(Equal(engine.RefusedSize))
		Expect(condition.Message).To(ContainSubstring("more alerts together than an incident takes"))
	})

	It("is tried again when what stood against it has changed", func(ctx SpecContext) {
		incident(ctx, "a", into("b"), assigned("bob"))
		incident(ctx, "b", assigned("alice"))
		Expect(merge(ctx, "a").Reason).To(Equal(engine.RefusedAssignees))
		change(ctx, "b", assigned("bob"))
		Expect(merge(ctx, "a").Status).To(Equal(metav1.ConditionTrue))
		Expect(get(ctx, "a").Status.RedirectedTo).To(BeEquivalentTo("b"))
	})

	It("takes its condition away with the wish", func(ctx SpecContext) {
		incident(ctx, "a", into("nowhere"))
		Expect(merge(ctx, "a")).NotTo(BeNil())
		change(ctx, "a", func(i *v1alpha1.Incident) { i.Spec.MergeInto = nil })
		Expect(merge(ctx, "a")).To(BeNil())
	})

	It("never makes a circle of two that are to be merged into each other", func(ctx SpecContext) {
		incident(ctx, "a", into("b"))
		incident(ctx, "b", into("a"))
		stale := get(ctx, "a")
		Expect(merge(ctx, "a").Status).To(Equal(metav1.ConditionTrue))
		condition := merge(ctx, "b")
		Expect(condition.Reason).To(Equal(engine.RefusedSame))
		Expect(get(ctx, "b").Status.RedirectedTo).To(BeEmpty())

		// The same where the cache does not show the first merge yet.
		ns = environment.Namespace(GinkgoTB(), c)
		incident(ctx, "a", into("b"))
		incident(ctx, "b", into("a"))
		controller = correlation.New(correlation.Deps{
			Client: showing(stale, ns), Recorder: recorder, Clock: clocktesting.NewFakePassiveClock(builders.Time),
		})
		fresh := get(ctx, "a")
		fresh.DeepCopyInto(stale)
		merge(ctx, "a")
		Expect(get(ctx, "a").Status.RedirectedTo).To(BeEquivalentTo("b"))
		controller.Notice(stale)
		Expect(merge(ctx, "b").Reason).To(Equal(engine.RefusedSame), "what was written is known, whatever the cache shows")
		controller.GiveUp(ns)
		Expect(merge(ctx, "b").Reason).To(Equal(engine.RefusedSame), "also to a tenant that is rebuilt")
	})

	It("looks past the cache before it could close a circle", func(ctx SpecContext) {
		incident(ctx, "a", into("b"))
		incident(ctx, "b")
		stale := get(ctx, "b")
		// Another replica merges b into a; the cache does not show that yet.
		led := get(ctx, "b")
		led.Status.RedirectedTo = "a"
		Expect(c.Status().Update(ctx, led)).To(Succeed())
		controller = correlation.New(correlation.Deps{
			Client: showing(stale, ns), Live: c, Recorder: recorder, Clock: clocktesting.NewFakePassiveClock(builders.Time),
		})
		key := reconcile.Request{NamespacedName: client.ObjectKey{Namespace: ns, Name: "a"}}
		_, err := controller.Merging().Reconcile(ctx, key)
		Expect(err).To(MatchError(ContainSubstring("merged into it just now")))
		Expect(get(ctx, "a").Status.RedirectedTo).To(BeEmpty())
		led.DeepCopyInto(stale)
		Expect(merge(ctx, "a").Reason).To(Equal(engine.RefusedSame), "when the cache shows it")
	})

	It("leaves alone what correlation merged elsewhere before, and says what to do", func(ctx SpecContext) {
		incident(ctx, "c")
		incident(ctx, "d")
		incident(ctx, "a", into("d"), redirected("c"))
		inc := get(ctx, "a")
		inc.Status.Conditions = append(inc.Status.Conditions, metav1.Condition{
			Type: v1alpha1.IncidentConditionMerged, Status: metav1.ConditionTrue, Reason: engine.MergeSharedEvidence, LastTransitionTime: metav1.Now(),
		})
		Expect(c.Status().Update(ctx, inc)).To(Succeed())
		condition := merge(ctx, "a")
		Expect(condition.Reason).To(Equal(engine.MergeSharedEvidence))
		Expect(condition.Message).To(Equal("Correlation merged it into incident c, before it could be merged into d; to have them all in one, merge incident c"))
		Expect(get(ctx, "a").Status.RedirectedTo).To(BeEquivalentTo("c"))
	})
})
