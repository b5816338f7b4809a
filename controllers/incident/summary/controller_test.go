package summary_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/incident/summary"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

var c client.Client

func TestSummary(t *testing.T) {
	RegisterFailHandler(Fail)
	_, c = environment.Start(t)
	RunSpecs(t, "Incident summary")
}

var _ = Describe("Incident summary", func() {
	var (
		ns         string
		clock      *clocktesting.FakePassiveClock
		recorder   *events.FakeRecorder
		controller *summary.Controller
	)
	const name = "shell-in-web"

	BeforeEach(func() {
		ns = environment.Namespace(GinkgoTB(), c)
		clock = clocktesting.NewFakePassiveClock(builders.Time)
		recorder = events.NewFakeRecorder(100)
		controller = summary.New(summary.Deps{Client: c, Recorder: recorder, Clock: clock})
	})
	// settle reconciles until nothing is left to wait for.
	settle := func(ctx context.Context) *v1alpha1.Incident {
		for range 2 { // the first may create the incident
			clock.SetTime(clock.Now().Add(2 * time.Second))
			result, err := controller.Reconcile(ctx, reconcile.Request{NamespacedName: client.ObjectKey{Namespace: ns, Name: name}})
			ExpectWithOffset(1, err).NotTo(HaveOccurred())
			ExpectWithOffset(1, result.IsZero()).To(BeTrue())
		}
		var inc v1alpha1.Incident
		ExpectWithOffset(1, c.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, &inc)).To(Succeed())
		return &inc
	}
	member := func(ctx context.Context, alert string, mutate ...func(*v1alpha1.Alert)) {
		a := builders.Alert(ns, alert, mutate...)
		ExpectWithOffset(1, c.Create(ctx, a)).To(Succeed())
		a.Status.IncidentName = name
		a.Status.Occurrences = ptr.To(int64(3))
		ExpectWithOffset(1, c.Status().Update(ctx, a)).To(Succeed())
	}
	investigation := func(ctx context.Context, state v1alpha1.InvestigationState, verdict v1alpha1.Verdict) {
		inv := builders.Investigation(ns, "inv")
		ExpectWithOffset(1, c.Create(ctx, inv)).To(Succeed())
		inv.Status.State = state
		inv.Status.Evidence = []v1alpha1.EntityVerdict{{EntityKey: builders.PodEntity().EntityKey, Verdict: verdict, Reason: "it is privileged"}}
		ExpectWithOffset(1, c.Status().Update(ctx, inv)).To(Succeed())
	}
	edit := func(ctx context.Context, mutate func(*v1alpha1.IncidentSpec)) {
		var inc v1alpha1.Incident
		ExpectWithOffset(1, c.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, &inc)).To(Succeed())
		mutate(&inc.Spec)
		ExpectWithOffset(1, c.Update(ctx, &inc)).To(Succeed())
	}

	It("brings the incident into being that an alert belongs to", func(ctx SpecContext) {
		member(ctx, name)
		inc := settle(ctx)
		Expect(inc.Status.State).To(Equal(v1alpha1.IncidentActive))
		Expect(inc.Status.Severity).To(Equal(v1alpha1.SeverityMedium))
		Expect(inc.Status.Counts.ActiveOfTotal).To(Equal("1/1"))
		Expect(*inc.Status.Counts.Occurrences).To(BeEquivalentTo(3))
		Expect(inc.Status.ServiceSources).To(Equal([]string{"falco"}))
		Expect(*inc.Status.ObservedGeneration).To(Equal(inc.Generation))
		Expect(meta.IsStatusConditionFalse(inc.Status.Conditions, v1alpha1.IncidentConditionResolved)).To(BeTrue())
		Expect(recorder.Events).To(Receive(ContainSubstring("Active")))
	})

	It("makes no incident out of nothing", func(ctx SpecContext) {
		_, err := controller.Reconcile(ctx, reconcile.Request{NamespacedName: client.ObjectKey{Namespace: ns, Name: name}})
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, &v1alpha1.Incident{})).NotTo(Succeed())
	})

	It("writes nothing when nothing changed", func(ctx SpecContext) {
		member(ctx, name)
		before := settle(ctx).ResourceVersion
		Expect(settle(ctx).ResourceVersion).To(Equal(before))
	})

	It("writes at most once a second", func(ctx SpecContext) {
		member(ctx, name)
		before := settle(ctx)
		member(ctx, "another", func(a *v1alpha1.Alert) { a.Spec.Severity = v1alpha1.SeverityHigh })
		clock.SetTime(clock.Now().Add(-1500 * time.Millisecond)) // half a second after the write
		request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(before)}
		_, err := controller.Reconcile(ctx, request)
		Expect(err).NotTo(HaveOccurred())
		result, err := controller.Reconcile(ctx, request)
		Expect(err).NotTo(HaveOccurred())
		Expect(result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", time.Second)))
		Expect(settle(ctx).Status.Severity).To(Equal(v1alpha1.SeverityHigh))
	})

	It("leaves a growing count alone ever longer, and nothing else", func(ctx SpecContext) {
		member(ctx, name)
		request := client.ObjectKeyFromObject(settle(ctx))
		occurrences := func(n int64) {
			var a v1alpha1.Alert
			ExpectWithOffset(1, c.Get(ctx, request, &a)).To(Succeed())
			a.Status.Occurrences = &n
			ExpectWithOffset(1, c.Status().Update(ctx, &a)).To(Succeed())
		}
		counted := func(after time.Duration) int64 {
			clock.SetTime(clock.Now().Add(after))
			_, err := controller.Reconcile(ctx, reconcile.Request{NamespacedName: request})
			ExpectWithOffset(1, err).NotTo(HaveOccurred())
			var inc v1alpha1.Incident
			ExpectWithOffset(1, c.Get(ctx, request, &inc)).To(Succeed())
			return *inc.Status.Counts.Occurrences
		}
		occurrences(10)
		Expect(counted(2 * time.Second)).To(Equal(int64(10)))
		occurrences(20)
		Expect(counted(time.Second)).To(Equal(int64(10)))
		Expect(counted(time.Second)).To(Equal(int64(20)))
		occurrences(30)
		Expect(counted(3 * time.Second)).To(Equal(int64(20)))
		member(ctx, "another")
		Expect(counted(time.Second / 2)).To(Equal(int64(20)))
		Expect(counted(time.Second / 2)).To(Equal(int64(33)))
	})

	It("prefers what people say", func(ctx SpecContext) {
		member(ctx, name)
		settle(ctx)
		edit(ctx, func(s *v1alpha1.IncidentSpec) {
			s.Title, s.Severity, s.State, s.AssignedTo = "The big one", v1alpha1.SeverityLow, v1alpha1.IncidentInProgress, "alice"
		})
		inc := settle(ctx)
		Expect(inc.Status.Title).To(Equal("The big one"))
		Expect(inc.Status.Severity).To(Equal(v1alpha1.SeverityLow))
		Expect(inc.Status.State).To(Equal(v1alpha1.IncidentInProgress))
		Expect(inc.Status.Times.Acknowledged).NotTo(BeNil())
	})

	It("is resolved once everything in it is benign", func(ctx SpecContext) {
		member(ctx, name)
		investigation(ctx, v1alpha1.InvestigationBenign, v1alpha1.VerdictNoThreatsFound)
		inc := settle(ctx)
		Expect(inc.Status.State).To(Equal(v1alpha1.IncidentResolved))
		Expect(inc.Status.Counts.ActiveOfTotal).To(Equal("0/1"))
		Expect(settle(ctx).ResourceVersion).To(Equal(inc.ResourceVersion), "its end is told once")
		Expect(meta.FindStatusCondition(inc.Status.Conditions, v1alpha1.IncidentConditionResolved).Reason).To(Equal("AllRemediatedOrBenign"))
	})

	It("shows evidence, investigations and remediations", func(ctx SpecContext) {
		member(ctx, name)
		investigation(ctx, v1alpha1.InvestigationPendingApproval, v1alpha1.VerdictMalicious)
		rem := builders.Remediation(ns, "rem", func(r *v1alpha1.Remediation) {
			r.Spec.IncidentName = name
			r.Spec.Target = targetOf(builders.PodEntity())
		})
		Expect(c.Create(ctx, rem)).To(Succeed())
		rem.Status.State = v1alpha1.RemediationPendingApproval
		Expect(c.Status().Update(ctx, rem)).To(Succeed())
		inc := settle(ctx)
		Expect(inc.Status.Evidence).To(HaveLen(1))
		Expect(inc.Status.Evidence[0].Verdict).To(Equal(v1alpha1.VerdictMalicious))
		Expect(inc.Status.Evidence[0].RemediationStatus).To(BeEquivalentTo("PendingApproval"))
		Expect(inc.Status.InvestigationState).To(Equal(v1alpha1.InvestigationPendingApproval))
		Expect(inc.Status.Remediations[0].State).To(Equal(v1alpha1.RemediationPendingApproval))
	})

	It("shows where it was merged to, and what was merged into it", func(ctx SpecContext) {
		member(ctx, name)
		inc := settle(ctx)
		source := builders.Incident(ns, "source")
		Expect(c.Create(ctx, source)).To(Succeed())
		source.Status.RedirectedTo = name
		Expect(c.Status().Update(ctx, source)).To(Succeed())
		Expect(settle(ctx).Status.MergedFrom).To(ConsistOf(v1alpha1.LocalName("source")))

		Expect(c.Get(ctx, client.ObjectKeyFromObject(inc), inc)).To(Succeed())
		inc.Status.RedirectedTo = "target"
		Expect(c.Status().Update(ctx, inc)).To(Succeed())
		var moved v1alpha1.Alert
		Expect(c.Get(ctx, client.ObjectKeyFromObject(inc), &moved)).To(Succeed())
		moved.Status.IncidentName = "target"
		Expect(c.Status().Update(ctx, &moved)).To(Succeed())
		inc = settle(ctx)
		Expect(inc.Status.State).To(Equal(v1alpha1.IncidentRedirected))
		Expect(inc.Status.Counts.ActiveOfTotal).To(Equal("0/1"))
		Expect(settle(ctx).ResourceVersion).To(Equal(inc.ResourceVersion), "its end is told once")
		Expect(inc.Status.Severity).To(Equal(v1alpha1.SeverityMedium), "what it told is kept")
		Expect(inc.Status.RedirectedTo).To(BeEquivalentTo("target"), "the redirect belongs to correlation and is left alone")
	})

	It("goes on with what was found and done before a merge", func(ctx SpecContext) {
		member(ctx, name)
		settle(ctx)
		for source, target := range map[string]v1alpha1.LocalName{"first": "second", "second": name} {
			inc := builders.Incident(ns, source)
			Expect(c.Create(ctx, inc)).To(Succeed())
			inc.Status.RedirectedTo = target
			Expect(c.Status().Update(ctx, inc)).To(Succeed())
		}
		inv := builders.Investigation(ns, "inv", func(i *v1alpha1.Investigation) { i.Spec.IncidentName = "first" })
		Expect(c.Create(ctx, inv)).To(Succeed())
		inv.Status.State = v1alpha1.InvestigationPendingApproval
		inv.Status.Evidence = []v1alpha1.EntityVerdict{{EntityKey: builders.PodEntity().EntityKey, Verdict: v1alpha1.VerdictMalicious}}
		Expect(c.Status().Update(ctx, inv)).To(Succeed())
		rem := builders.Remediation(ns, "rem", func(r *v1alpha1.Remediation) {
			r.Spec.IncidentName, r.Spec.Target = "first", targetOf(builders.PodEntity())
		})
		Expect(c.Create(ctx, rem)).To(Succeed())
		rem.Status.State = v1alpha1.RemediationPendingApproval
		Expect(c.Status().Update(ctx, rem)).To(Succeed())

		inc := settle(ctx)
		Expect(inc.Status.Evidence).To(HaveLen(1))
		Expect(inc.Status.Evidence[0].RemediationStatus).To(BeEquivalentTo("PendingApproval"))
		Expect(inc.Status.InvestigationState).To(Equal(v1alpha1.InvestigationPendingApproval))
		Expect(inc.Status.Remediations).To(HaveLen(1))
		Expect(inc.Status.MergedFrom).To(ConsistOf(v1alpha1.LocalName("second")))

		queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
		defer queue.ShutDown()
		summary.Enqueue(c, func(r *v1alpha1.Remediation) v1alpha1.LocalName { return r.Spec.IncidentName }).
			Create(ctx, event.CreateEvent{Object: rem}, queue)
		var woken []string
		for queue.Len() > 0 {
			request, _ := queue.Get()
			woken = append(woken, request.Name)
		}
		Expect(woken).To(ConsistOf("first", name))
	})

	// merge makes an incident that was merged into another one, asked for by alice.
	merge := func(ctx context.Context, source, target string, mutate ...func(*v1alpha1.Incident)) *v1alpha1.Incident {
		inc := builders.Incident(ns, source, append(mutate, func(i *v1alpha1.Incident) {
			i.Spec.MergeInto = &v1alpha1.IncidentMerge{Name: v1alpha1.LocalName(target), Reason: "the same intruder", RequestedBy: "alice"}
		})...)
		ExpectWithOffset(1, c.Create(ctx, inc)).To(Succeed())
		inc.Status.RedirectedTo = v1alpha1.LocalName(target)
		inc.Status.Conditions = append(inc.Status.Conditions, metav1.Condition{
			Type: v1alpha1.IncidentConditionMerged, Status: metav1.ConditionTrue, Reason: "MergedByPerson", LastTransitionTime: metav1.NewTime(builders.Time),
		})
		ExpectWithOffset(1, c.Status().Update(ctx, inc)).To(Succeed())
		return inc
	}
	summarise := func(ctx context.Context, name string) *v1alpha1.Incident {
		clock.SetTime(clock.Now().Add(2 * time.Second))
		key := client.ObjectKey{Namespace: ns, Name: name}
		_, err := controller.Reconcile(ctx, reconcile.Request{NamespacedName: key})
		ExpectWithOffset(1, err).NotTo(HaveOccurred())
		var inc v1alpha1.Incident
		ExpectWithOffset(1, c.Get(ctx, key, &inc)).To(Succeed())
		return &inc
	}

	It("carries what people said of merged incidents, once and with its origin, also when those are deleted", func(ctx SpecContext) {
		member(ctx, name)
		settle(ctx)
		said := func(text, tag, title string) func(*v1alpha1.Incident) {
			return func(i *v1alpha1.Incident) {
				i.Spec.Comments, i.Spec.Tags, i.Spec.Title = []v1alpha1.Comment{{Text: text, Author: "carol"}}, []string{tag}, title
			}
		}
		sources := []*v1alpha1.Incident{
			merge(ctx, "first", "second", said("of the first", "red", "Intruder in the shop")),
			merge(ctx, "second", name, said("of the second", "blue", "")),
		}
		for _, source := range []string{"first", "second"} {
			Expect(summarise(ctx, source).Status.State).To(Equal(v1alpha1.IncidentRedirected))
		}
		settle(ctx) // may see the second before that has summarised the first
		summarise(ctx, "second")
		inc := settle(ctx)
		Expect(inc.Status.Title).To(Equal("Intruder in the shop"))
		Expect(inc.Status.TitleFrom).To(BeEquivalentTo("first"))
		Expect(inc.Status.Comments).To(ConsistOf(
			v1alpha1.CarriedComment{IncidentName: "first", Comment: v1alpha1.Comment{Text: "of the first", Author: "carol"}},
			v1alpha1.CarriedComment{IncidentName: "second", Comment: v1alpha1.Comment{Text: "of the second", Author: "carol"}},
		))
		Expect(*inc.Status.Counts.Comments).To(BeEquivalentTo(2))
		Expect(inc.Status.Tags).To(ConsistOf(v1alpha1.CarriedTag{IncidentName: "first", Tag: "red"}, v1alpha1.CarriedTag{IncidentName: "second", Tag: "blue"}))
		told := func(inc *v1alpha1.Incident) (all []string) {
			for _, a := range inc.Status.Activities {
				if a.Type == "Merged" || a.Type == "Redirected" {
					all = append(all, fmt.Sprintf("%s %s: %s", a.IncidentName, a.Actor, a.Message))
				}
			}
			return all
		}
		Expect(told(inc)).To(ConsistOf(
			" alice: Incident second was merged into this one (the same intruder)",
			"second alice: Incident first was merged into this one (the same intruder)",
		))
		Expect(told(summarise(ctx, "second"))).To(ContainElement(fmt.Sprintf(" alice: Merged into incident %s (the same intruder)", name)))
		inc = settle(ctx)
		Expect(settle(ctx).ResourceVersion).To(Equal(inc.ResourceVersion), "nothing is carried twice")

		for _, source := range sources {
			Expect(c.Delete(ctx, source)).To(Succeed())
		}
		controller = summary.New(summary.Deps{Client: c, Recorder: recorder, Clock: clock})
		Expect(settle(ctx).ResourceVersion).To(Equal(inc.ResourceVersion), "it survives the sources, and a restart")
	})

	It("says what it resembles and continues, and where it goes on, as what those are part of now", func(ctx SpecContext) {
		member(ctx, name)
		var opener v1alpha1.Alert
		Expect(c.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, &opener)).To(Succeed())
		opener.Status.Similar = []v1alpha1.SimilarIncident{
			{Name: "full", Reason: "Continues", Message: "shares Pod/shop/web"}, {Name: "mine", Reason: "SameEntities"},
			{Name: "moved", Reason: "SameEntities"}, {Name: "gone", Reason: "SameTechniques"},
		}
		Expect(c.Status().Update(ctx, &opener)).To(Succeed())
		merge(ctx, "mine", name)
		merge(ctx, "moved", "survivor")
		inc := settle(ctx)
		Expect(inc.Status.Continues).To(BeEquivalentTo("full"))
		Expect(inc.Status.Similar).To(Equal([]v1alpha1.SimilarIncident{
			{Name: "full", Reason: "Continues", Message: "shares Pod/shop/web"}, {Name: "survivor", Reason: "SameEntities"}, {Name: "gone", Reason: "SameTechniques"},
		}))

		full := builders.Alert(ns, "full")
		Expect(c.Create(ctx, full)).To(Succeed())
		full.Status.IncidentName = "full"
		Expect(c.Status().Update(ctx, full)).To(Succeed())
		summarise(ctx, "full")
		Expect(summarise(ctx, "full").Status.ContinuedBy).To(BeEquivalentTo(name))
	})

	It("is resolved as empty once its alerts are moved away, keeps what it told, and opens again", func(ctx SpecContext) {
		member(ctx, name)
		before := settle(ctx)
		var alert v1alpha1.Alert
		move := func(to v1alpha1.LocalName) {
			Expect(c.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, &alert)).To(Succeed())
			alert.Status.IncidentName, alert.Status.Links = to, []v1alpha1.AlertLink{{Reason: "ManualAssociation"}}
			Expect(c.Status().Update(ctx, &alert)).To(Succeed())
		}
		move("other")
		inc := settle(ctx)
		Expect(inc.Status.State).To(Equal(v1alpha1.IncidentResolved))
		Expect(meta.FindStatusCondition(inc.Status.Conditions, v1alpha1.IncidentConditionResolved).Reason).To(Equal("Empty"))
		Expect(inc.Status.Counts.ActiveOfTotal).To(Equal("0/0"))
		Expect(*inc.Status.Counts.Occurrences).To(BeZero(), "its events are counted where they are now")
		Expect(inc.Status.Title).To(Equal(before.Status.Title))
		Expect(inc.Status.Activities[len(inc.Status.Activities)-2].Message).To(Equal("Alert " + name + " was moved to incident other"))
		Expect(settle(ctx).ResourceVersion).To(Equal(inc.ResourceVersion))
		Expect(convert.IncidentFacts(inc).Resolved).To(BeFalse(), "a person may move an alert back")

		move(name)
		inc = settle(ctx)
		Expect(inc.Status.State).To(Equal(v1alpha1.IncidentActive))
		Expect(inc.Status.Counts.ActiveOfTotal).To(Equal("1/1"))
	})

	It("stays small with sixty alerts of an attacker's making", func(ctx SpecContext) {
		kinds := []v1alpha1.EntityKind{"Pod", "Workload", "Image", "Node", "User", "Device", "Process", "File", "URL", "DomainName", "IP", "Mailbox"}
		for i := range 60 {
			member(ctx, fmt.Sprintf("alert-%03d", i), func(a *v1alpha1.Alert) {
				a.Spec.Title = strings.Repeat("x", 256)
				a.Spec.Source.Detection = fmt.Sprintf("%063d", i)
				a.Spec.Description = strings.Repeat("x", 4096)
				a.Spec.Entities = nil
				for j := range 64 {
					a.Spec.Entities = append(a.Spec.Entities, v1alpha1.Entity{
						EntityKey: v1alpha1.EntityKey{Kind: kinds[j%len(kinds)], Name: fmt.Sprintf("%0512d", i*64+j)}, Category: v1alpha1.EntityImpactedAsset,
					})
				}
			})
		}
		inc := settle(ctx)
		Expect(*inc.Status.Counts.Assets).To(BeEquivalentTo(60 * 64))
		data, err := json.Marshal(inc)
		Expect(err).NotTo(HaveOccurred())
		Expect(len(data)).To(BeNumerically("<", 256<<10))
	})
})

func targetOf(e v1alpha1.Entity) v1alpha1.RemediationTarget {
	namespace, name, _ := strings.Cut(e.Name, "/")
	return v1alpha1.RemediationTarget{Kind: e.Kind, Namespace: namespace, Name: name}
}
