package execute_test

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/remediation/execute"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

var _ = Describe("A remediation that waits for approval", func() {
	var t *tenant
	BeforeEach(func(ctx SpecContext) { t = newTenant(ctx) })

	It("shows exactly what will be done, and does nothing", func(ctx SpecContext) {
		t.request(ctx)
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationPendingApproval))
		Expect(rem.Status.Digest).To(MatchRegexp(`^sha256:[0-9a-f]{64}$`))
		Expect(rem.Status.Plan).To(ContainSubstring("Isolate pod " + t.ns + "/web-0"))
		Expect(rem.Status.Plan).To(ContainSubstring("as " + t.account()))
		Expect(approved(rem)).To(Equal("Pending"))
		Expect(*rem.Status.ObservedGeneration).To(Equal(rem.Generation))
		Expect(rem.Finalizers).To(BeEmpty())
		Expect(t.recorder.Events).To(Receive(ContainSubstring("Isolate pod")))
		t.untouched(ctx, "web-0")
	})

	It("acts when another person approves", func(ctx SpecContext) {
		rem := t.contained(ctx)
		Expect(rem.Status.ApprovedBy).To(Equal("bob"))
		Expect(approved(rem)).To(Equal("Approved"))
		Expect(effective(rem).Reason).To(Equal("Verified"))
		Expect(*rem.Status.Attempts).To(BeEquivalentTo(1))
		Expect(rem.Status.Effects).To(HaveLen(2))
		Expect(rem.Status.Effects[1].Object).To(Equal("Pod/" + t.ns + "/web-0"))
		Expect(rem.Finalizers).To(ConsistOf("tocsin.dev/undo-remediation"))
		Expect(rem.Status.ActionTime).NotTo(BeNil())
		Expect(rem.Status.CompletionTime).NotTo(BeNil())
		Expect(t.recorder.Events).To(Receive(ContainSubstring("PendingApproval")))
		Expect(t.recorder.Events).To(Receive(ContainSubstring("Succeeded The effect is in place")))
	})

	It("acts when the approver holds the verb through a group", func(ctx SpecContext) {
		binding := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: t.ns, Name: "soc"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "approve"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "soc"}},
		}
		Expect(admin.Create(ctx, binding)).To(Succeed())
		t.request(ctx)
		t.settle(ctx)
		t.decide(ctx, v1alpha1.DecisionApprove, "carol", "soc")
		Eventually(func() v1alpha1.RemediationState { return t.settle(ctx).Status.State }).Should(Equal(v1alpha1.RemediationSucceeded))
	})

	It("does not act for an approver who lost the verb, until somebody holds it", func(ctx SpecContext) {
		t.request(ctx)
		t.settle(ctx)
		t.decide(ctx, v1alpha1.DecisionApprove, "mallory", "system:authenticated")
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationPendingApproval))
		Expect(approved(rem)).To(Equal("ApproverNotPermitted"))
		t.untouched(ctx, "web-0")

		t.decide(ctx, v1alpha1.DecisionApprove, "bob")
		Expect(t.settle(ctx).Status.ApprovedBy).To(Equal("bob"))
	})

	DescribeTable("does not count an approval", func(ctx SpecContext, change func(*v1alpha1.Approval)) {
		grant(ctx, t.ns, "approve-alice", approvers, "alice")
		t.request(ctx)
		digest := t.settle(ctx).Status.Digest
		t.edit(ctx, func(spec *v1alpha1.RemediationSpec) {
			a := v1alpha1.Approval{Decision: v1alpha1.DecisionApprove, Digest: digest, Approver: "bob"}
			change(&a)
			spec.Approvals = append(spec.Approvals, a)
		})
		Expect(t.settle(ctx).Status.State).To(Equal(v1alpha1.RemediationPendingApproval))
		t.untouched(ctx, "web-0")
	},
		Entry("of the requester", func(a *v1alpha1.Approval) { a.Approver = "alice" }),
		Entry("of nobody", func(a *v1alpha1.Approval) { a.Approver = "" }),
		Entry("of something else", func(a *v1alpha1.Approval) { a.Digest = "sha256:" + strings.Repeat("0", 64) }),
	)

	It("does not act while nobody is stamped as the requester", func(ctx SpecContext) {
		t.request(ctx, automatic, func(r *v1alpha1.Remediation) { r.Spec.RequestedBy = "" })
		Expect(approved(t.settle(ctx))).To(Equal("RequesterUnknown"))
		t.untouched(ctx, "web-0")
	})

	DescribeTable("ends without acting", func(ctx SpecContext, state v1alpha1.RemediationState, end func(SpecContext)) {
		t.request(ctx)
		t.settle(ctx)
		end(ctx)
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(state))
		Expect(effective(rem).Reason).To(Equal("NotApproved"))
		Expect(rem.Status.CompletionTime).NotTo(BeNil())

		t.edit(ctx, func(spec *v1alpha1.RemediationSpec) {
			spec.Approvals = append(spec.Approvals, v1alpha1.Approval{
				Decision: v1alpha1.DecisionApprove, Digest: rem.Status.Digest, Approver: "bob",
			})
		})
		Expect(t.settle(ctx).Status.State).To(Equal(state), "final states absorb")
		t.untouched(ctx, "web-0")
	},
		Entry("when rejected", v1alpha1.RemediationRejected, func(ctx SpecContext) { t.decide(ctx, v1alpha1.DecisionReject, "bob") }),
		Entry("when cancelled", v1alpha1.RemediationCancelled, func(ctx SpecContext) {
			t.edit(ctx, func(s *v1alpha1.RemediationSpec) { s.Cancel = &v1alpha1.CancelRequest{Reason: "a drill"} })
		}),
		Entry("after seven days", v1alpha1.RemediationExpired, func(SpecContext) { t.pass(7 * 24 * time.Hour) }),
	)

	DescribeTable("is not acted on from a stale view", func(ctx SpecContext, action v1alpha1.RemediationAction, change func(SpecContext)) {
		t.request(ctx, func(r *v1alpha1.Remediation) { r.Spec.Action = action })
		t.settle(ctx)
		t.decide(ctx, v1alpha1.DecisionApprove, "bob")
		stale := t.get(ctx)
		change(ctx)

		_, err := t.controller.Reconcile(ctx, stale)
		Expect(err).To(HaveOccurred(), "somebody else wrote since")
		t.untouched(ctx, "web-0")
		Expect(t.get(ctx).Status.Attempts).To(BeNil())
		Expect(t.settle(ctx).Status.State).NotTo(Equal(v1alpha1.RemediationSucceeded))
	},
		Entry("of a rejection, before it deletes a pod", v1alpha1.ActionDeletePod, func(ctx SpecContext) {
			t.decide(ctx, v1alpha1.DecisionReject, "carol")
		}),
		Entry("of a rejection", v1alpha1.ActionIsolatePod, func(ctx SpecContext) { t.decide(ctx, v1alpha1.DecisionReject, "carol") }),
		Entry("of a cancellation", v1alpha1.ActionIsolatePod, func(ctx SpecContext) {
			t.edit(ctx, func(s *v1alpha1.RemediationSpec) { s.Cancel = &v1alpha1.CancelRequest{Reason: "a drill"} })
		}),
		Entry("of a deletion", v1alpha1.ActionIsolatePod, func(ctx SpecContext) {
			rem := t.get(ctx)
			rem.Finalizers = append(rem.Finalizers, "example.com/other")
			Expect(admin.Update(ctx, rem)).To(Succeed())
			Expect(admin.Delete(ctx, rem)).To(Succeed())
		}),
	)
})

var _ = Describe("An automatic remediation", func() {
	It("writes down what it will do before it does it", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.request(ctx, automatic)
		t.once(ctx)
		rem := t.get(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationInProgress))
		Expect(rem.Status.Digest).NotTo(BeEmpty())
		Expect(approved(rem)).To(Equal("Automatic"))
		t.untouched(ctx, "web-0")

		Expect(t.settle(ctx).Status.State).To(Equal(v1alpha1.RemediationSucceeded))
		Expect(t.isolated(ctx, "web-0")).To(BeTrue())
	})

	It("writes nothing once it is settled", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.request(ctx, automatic)
		before := t.settle(ctx)
		for range 5 {
			Expect(t.once(ctx).RequeueAfter).To(Equal(time.Minute))
			t.pass(time.Minute)
		}
		Expect(t.get(ctx).ResourceVersion).To(Equal(before.ResourceVersion))
	})
})

var _ = Describe("Identity", func() {
	It("says which right is missing, and acts once it is granted", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.target = environment.Namespace(GinkgoTB(), admin)
		t.pod(ctx, "web-0")
		t.request(ctx, automatic)
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationInProgress))
		Expect(effective(rem).Reason).To(Equal("Forbidden"))
		Expect(effective(rem).Message).To(HavePrefix(t.account() + " may not get pods in namespace " + t.target))
		Expect(rem.Finalizers).To(BeEmpty(), "nothing was done")
		Expect(rem.Status.Attempts).To(BeNil())
		t.untouched(ctx, "web-0")

		grant(ctx, t.target, "respond", respond, t.account())
		Eventually(func() v1alpha1.RemediationState { return t.settle(ctx).Status.State }).Should(Equal(v1alpha1.RemediationSucceeded))
	})

	It("does nothing by halves where one of the rights is missing", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.target = environment.Namespace(GinkgoTB(), admin)
		t.pod(ctx, "web-0")
		readAndCreate := []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}},
			{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"networkpolicies"}, Verbs: []string{"get", "list", "create", "update", "delete"}},
		}
		grant(ctx, t.target, "respond", readAndCreate, t.account())
		t.request(ctx, automatic)
		Eventually(func() string { return effective(t.settle(ctx)).Message }).Should(ContainSubstring("may not patch pods in namespace " + t.target))
		t.untouched(ctx, "web-0")
	})

	It("gives up after three days", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.target = environment.Namespace(GinkgoTB(), admin)
		t.pod(ctx, "web-0")
		t.request(ctx, automatic)
		t.settle(ctx)
		t.pass(3 * 24 * time.Hour)
		Expect(t.settle(ctx).Status.State).To(Equal(v1alpha1.RemediationTimeOut))
	})

	It("has no rights of its own where the tenant lends it none", func(ctx SpecContext) {
		t := bareTenant(environment.Namespace(GinkgoTB(), admin))
		grant(ctx, t.ns, "respond", respond, t.account())
		t.pod(ctx, "web-0")
		t.request(ctx, automatic)
		rem := t.settle(ctx)
		Expect(effective(rem).Reason).To(Equal("Forbidden"))
		Expect(effective(rem).Message).To(ContainSubstring("impersonate:serviceaccount"))
		t.untouched(ctx, "web-0")
	})

	It("never acts as the operator for want of another", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.request(ctx, automatic)
		for _, name := range []v1alpha1.LocalName{"", "..", "a:b", "*", "system:masters"} {
			rem := t.get(ctx)
			rem.Spec.ServiceAccountName = name
			rem.Status = v1alpha1.RemediationStatus{}
			_, err := t.controller.Reconcile(ctx, rem)
			Expect(err).NotTo(HaveOccurred())
			Expect(t.get(ctx).Status.State).To(Equal(v1alpha1.RemediationFailed))
			Expect(effective(t.get(ctx)).Message).To(ContainSubstring("identity"))
		}
		t.untouched(ctx, "web-0")
	})

	It("refuses what was changed after it was approved", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.pod(ctx, "web-1")
		t.request(ctx)
		digest := t.settle(ctx).Status.Digest
		t.decide(ctx, v1alpha1.DecisionApprove, "bob")
		for name, change := range map[string]func(*v1alpha1.RemediationSpec){
			"action":             func(s *v1alpha1.RemediationSpec) { s.Action = v1alpha1.ActionDeletePod },
			"target.name":        func(s *v1alpha1.RemediationSpec) { s.Target.Name = "web-1" },
			"target.namespace":   func(s *v1alpha1.RemediationSpec) { s.Target.Namespace = "kube-system" },
			"target.uid":         func(s *v1alpha1.RemediationSpec) { s.Target.UID = "1" },
			"serviceAccountName": func(s *v1alpha1.RemediationSpec) { s.ServiceAccountName = "other" },
			"ttlSeconds":         func(s *v1alpha1.RemediationSpec) { s.TTLSeconds = ptr.To(int32(60)) },
			"reason":             func(s *v1alpha1.RemediationSpec) { s.Reason = "another" },
			"incidentName":       func(s *v1alpha1.RemediationSpec) { s.IncidentName = "other" },
			"investigationName":  func(s *v1alpha1.RemediationSpec) { s.InvestigationName = "other" },
			"requestedBy":        func(s *v1alpha1.RemediationSpec) { s.RequestedBy = "other" },
		} {
			rem := t.get(ctx)
			change(&rem.Spec)
			_, err := t.controller.Reconcile(ctx, rem)
			Expect(err).NotTo(HaveOccurred(), name)
			Expect(t.get(ctx).Status.State).To(Equal(v1alpha1.RemediationPendingApproval), name)
			t.untouched(ctx, "web-0")
			t.untouched(ctx, "web-1")
			reset := t.get(ctx)
			reset.Status.Digest = digest
			Expect(admin.Status().Update(ctx, reset)).To(Succeed())
		}
	})
})

var _ = Describe("An isolation in place", func() {
	var t *tenant
	BeforeEach(func(ctx SpecContext) { t = newTenant(ctx) })

	gone := func(ctx SpecContext, state v1alpha1.RemediationState) *v1alpha1.Remediation {
		GinkgoHelper()
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(state))
		Expect(rem.Finalizers).To(BeEmpty())
		t.untouched(ctx, "web-0")
		return rem
	}

	It("is undone on request", func(ctx SpecContext) {
		t.contained(ctx)
		t.edit(ctx, func(s *v1alpha1.RemediationSpec) { s.Undo = &v1alpha1.UndoRequest{Reason: "a drill"} })
		rem := gone(ctx, v1alpha1.RemediationUndone)
		Expect(effective(rem).Message).To(Equal("Undone on request: a drill"))
		Expect(*rem.Status.UndoAttempts).To(BeEquivalentTo(1))
	})

	It("is undone when its time is over", func(ctx SpecContext) {
		t.contained(ctx, func(r *v1alpha1.Remediation) { r.Spec.TTLSeconds = ptr.To(int32(90)) })
		t.pass(80 * time.Second)
		Expect(t.once(ctx).RequeueAfter).To(Equal(10 * time.Second))
		t.pass(10 * time.Second)
		gone(ctx, v1alpha1.RemediationUndone)
	})

	It("is undone when people find the incident to be a false positive, even after a merge", func(ctx SpecContext) {
		merged := builders.Incident(t.ns, "merged")
		Expect(admin.Create(ctx, merged)).To(Succeed())
		merged.Status.RedirectedTo = "survivor"
		Expect(admin.Status().Update(ctx, merged)).To(Succeed())
		survivor := builders.Incident(t.ns, "survivor")
		Expect(admin.Create(ctx, survivor)).To(Succeed())
		rem := t.contained(ctx, func(r *v1alpha1.Remediation) { r.Spec.IncidentName = "merged" })
		Expect(execute.RemediationsOf(t.controller, ctx, survivor)).To(ConsistOf(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(rem)}))

		survivor.Spec.Classification, survivor.Spec.Determination = v1alpha1.ClassificationFalsePositive, v1alpha1.DeterminationNotMalicious
		Expect(admin.Update(ctx, survivor)).To(Succeed())
		gone(ctx, v1alpha1.RemediationUndone)
	})

	It("is undone before it can be deleted", func(ctx SpecContext) {
		Expect(admin.Delete(ctx, t.contained(ctx))).To(Succeed())
		Expect(t.settle(ctx)).To(BeNil())
		t.untouched(ctx, "web-0")
	})

	It("lets go after an hour if it cannot be undone", func(ctx SpecContext) {
		rem := t.contained(ctx)
		Expect(admin.Delete(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: t.ns, Name: "respond"}})).To(Succeed())
		Expect(admin.Delete(ctx, rem)).To(Succeed())
		t.clock.SetTime(t.get(ctx).DeletionTimestamp.Time)
		Eventually(func() string {
			t.once(ctx)
			return effective(t.get(ctx)).Reason
		}).Should(Equal("UndoFailed"))
		Expect(effective(t.get(ctx)).Message).To(ContainSubstring("may not get pods"))
		t.pass(time.Hour)
		Expect(t.settle(ctx)).To(BeNil())
		Eventually(t.recorder.Events).Should(Receive(ContainSubstring("the effect is left in place")))
	})

	It("is put back when somebody deletes the policy", func(ctx SpecContext) {
		t.contained(ctx)
		t.pass(time.Minute)
		Expect(admin.DeleteAllOf(ctx, &networkingv1.NetworkPolicy{}, client.InNamespace(t.ns))).To(Succeed())
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationSucceeded))
		Expect(*rem.Status.Attempts).To(BeEquivalentTo(2))
		Expect(t.isolated(ctx, "web-0")).To(BeTrue())
	})

	It("is put back when somebody edits the policy or takes the label off", func(ctx SpecContext) {
		t.contained(ctx)
		t.pass(time.Minute)
		policy := t.policies(ctx)[0]
		policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
		Expect(admin.Update(ctx, &policy)).To(Succeed())
		t.settle(ctx)
		Expect(t.isolated(ctx, "web-0")).To(BeTrue())

		t.pass(time.Hour)
		t.label(ctx, "web-0", nil)
		t.settle(ctx)
		Expect(t.isolated(ctx, "web-0")).To(BeTrue())
	})

	It("is not put back by an approver who lost the verb", func(ctx SpecContext) {
		t.contained(ctx)
		Expect(admin.Delete(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: t.ns, Name: "approve"}})).To(Succeed())
		t.pass(time.Minute)
		Eventually(func() bool { return may(ctx, "bob", t.ns, [3]string{"approve", "tocsin.dev", "remediations"}) }).Should(BeFalse())
		Expect(admin.DeleteAllOf(ctx, &networkingv1.NetworkPolicy{}, client.InNamespace(t.ns))).To(Succeed())
		rem := t.settle(ctx)
		Expect(effective(rem).Reason).To(Equal("NotApproved"))
		Expect(t.policies(ctx)).To(BeEmpty())
	})

	It("ends with its pod, and leaves the pod that takes the name alone", func(ctx SpecContext) {
		pod := t.contained(ctx)
		Expect(admin.Delete(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: t.ns, Name: "web-0"}}, client.GracePeriodSeconds(0))).To(Succeed())
		t.pod(ctx, "web-0")
		rem := gone(ctx, v1alpha1.RemediationSucceeded)
		Expect(effective(rem).Reason).To(Equal("TargetNotFound"))
		Expect(rem.Status.TargetUID).To(Equal(pod.Status.TargetUID))
		before := rem.ResourceVersion
		t.pass(time.Hour)
		Expect(t.settle(ctx).ResourceVersion).To(Equal(before))
	})

	It("says so when another policy lets traffic through", func(ctx SpecContext) {
		allow := &networkingv1.NetworkPolicy{
			ObjectMeta: metav1.ObjectMeta{Namespace: t.ns, Name: "allow-web"},
			Spec: networkingv1.NetworkPolicySpec{
				PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
				Ingress:     []networkingv1.NetworkPolicyIngressRule{{}},
			},
		}
		Expect(admin.Create(ctx, allow)).To(Succeed())
		t.request(ctx, automatic)
		Expect(effective(t.settle(ctx)).Message).To(ContainSubstring("1 other NetworkPolicies let some traffic of the pod through: allow-web"))
	})
})

var _ = Describe("Deleting a pod", func() {
	var t *tenant
	BeforeEach(func(ctx SpecContext) { t = newTenant(ctx) })

	It("deletes it, and cannot be undone", func(ctx SpecContext) {
		t.request(ctx, automatic, deletesPod)
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationSucceeded))
		Expect(rem.Status.Effects).To(ConsistOf(HaveField("Change", "Deleted")))
		Expect(rem.Finalizers).To(BeEmpty())
		Expect(client.IgnoreNotFound(admin.Get(ctx, client.ObjectKey{Namespace: t.ns, Name: "web-0"}, &corev1.Pod{}))).To(Succeed())
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: t.ns, Name: "web-0"}, &corev1.Pod{})).NotTo(Succeed())
	})

	It("waits for a pod that shuts down, with one attempt", func(ctx SpecContext) {
		t.pod(ctx, "slow", func(p *corev1.Pod) { p.Spec.NodeName = "node" })
		t.request(ctx, automatic, deletesPod, func(r *v1alpha1.Remediation) { r.Spec.Target.Name = "slow" })
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationInProgress))
		for range 5 {
			t.pass(5 * time.Second)
			t.settle(ctx)
		}
		Expect(*t.get(ctx).Status.Attempts).To(BeEquivalentTo(1))
		Expect(admin.Delete(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: t.ns, Name: "slow"}}, client.GracePeriodSeconds(0))).To(Succeed())
		Expect(t.settle(ctx).Status.State).To(Equal(v1alpha1.RemediationSucceeded))
	})

	It("leaves another pod of the same name alone", func(ctx SpecContext) {
		t.request(ctx, automatic, deletesPod, func(r *v1alpha1.Remediation) { r.Spec.Target.UID = "another" })
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationFailed))
		Expect(effective(rem).Reason).To(Equal("TargetNotFound"))
		t.untouched(ctx, "web-0")
	})
})
