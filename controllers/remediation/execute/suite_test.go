package execute_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/remediation/execute"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

var (
	// admin is anybody and everybody but the operator.
	admin client.Client
	// operator has the rights of Tocsin, and no others.
	operator       client.Client
	operatorConfig *rest.Config
)

func TestExecute(t *testing.T) {
	RegisterFailHandler(Fail)
	var config *rest.Config
	config, admin = environment.Start(t)
	operatorConfig = operatorOf(t, config)
	var err error
	if operator, err = client.New(operatorConfig, client.Options{Scheme: admin.Scheme()}); err != nil {
		t.Fatal(err)
	}
	RunSpecs(t, "Remediation execution")
}

// operatorRules are those of the markers on Reconcile.
var operatorRules = []rbacv1.PolicyRule{
	{APIGroups: []string{"tocsin.dev"}, Resources: []string{"remediations"}, Verbs: []string{"get", "list", "watch", "patch"}},
	{APIGroups: []string{"tocsin.dev"}, Resources: []string{"remediations/status"}, Verbs: []string{"patch"}},
	{APIGroups: []string{"tocsin.dev"}, Resources: []string{"incidents"}, Verbs: []string{"get", "list", "watch"}},
	{APIGroups: []string{"authorization.k8s.io"}, Resources: []string{"subjectaccessreviews"}, Verbs: []string{"create"}},
	{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: impersonateOn("get", "patch", "delete")},
	{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"networkpolicies"}, Verbs: impersonateOn("get", "list", "create", "update", "delete")},
}

func impersonateOn(verbs ...string) []string {
	for i := range verbs {
		verbs[i] = "impersonate-on:serviceaccount:" + verbs[i]
	}
	return verbs
}

// actAs lets the operator take the identity of a tenant's service account.
var actAs = []rbacv1.PolicyRule{{
	APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"serviceaccounts"}, ResourceNames: []string{"responder"},
	Verbs: []string{"impersonate:serviceaccount"},
}}

// respond is what a tenant's service account needs.
var respond = []rbacv1.PolicyRule{
	{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "patch", "delete"}},
	{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"networkpolicies"}, Verbs: []string{"get", "list", "create", "update", "delete"}},
}

// operatorOf reaches the API server as a service account with the operator's rules.
func operatorOf(t *testing.T, config *rest.Config) *rest.Config {
	ns := environment.Namespace(t, admin)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "tocsin"}}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "tocsin"}, Rules: operatorRules}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "tocsin"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "tocsin"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: ns, Name: "tocsin"}},
	}
	for _, obj := range []client.Object{account, role, binding} {
		if err := admin.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(7200))}}
	if err := admin.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	out := rest.AnonymousClientConfig(config)
	out.BearerToken, out.QPS, out.Burst = request.Status.Token, 1000, 1000
	operatorName = "system:serviceaccount:" + ns + ":tocsin"
	return out
}

var operatorName string

// grant binds rules to a user within a namespace.
func grant(ctx context.Context, namespace, name string, rules []rbacv1.PolicyRule, user string) {
	GinkgoHelper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Rules: rules}
	Expect(client.IgnoreAlreadyExists(admin.Create(ctx, role))).To(Succeed())
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}
	Expect(admin.Create(ctx, binding)).To(Succeed())
}

// approvers is the right to decide.
var approvers = []rbacv1.PolicyRule{{APIGroups: []string{"tocsin.dev"}, Resources: []string{"remediations"}, Verbs: []string{"approve"}}}

// tenant is one tenant with a pod, and the controller that serves it.
type tenant struct {
	ns, target string
	clock      *clocktesting.FakePassiveClock
	recorder   *events.FakeRecorder
	controller *execute.Controller
}

// newTenant is a tenant whose responder may do its work in its own namespace,
// and where bob may approve.
func newTenant(ctx context.Context) *tenant {
	ns := environment.Namespace(GinkgoTB(), admin)
	t := bareTenant(ns)
	grant(ctx, ns, "act-as", actAs, operatorName)
	grant(ctx, ns, "respond", respond, t.account())
	grant(ctx, ns, "approve", approvers, "bob")
	t.pod(ctx, "web-0")
	awaitRights(ctx, t.account(), ns)
	return t
}

func bareTenant(ns string) *tenant {
	t := &tenant{ns: ns, target: ns, recorder: events.NewFakeRecorder(100)}
	t.clock = clocktesting.NewFakePassiveClock(builders.Time)
	t.controller = execute.New(execute.Deps{
		Client: operator, Recorder: t.recorder, Clock: t.clock,
		Identities: kube.NewImpersonator(operatorConfig, operator.Scheme(), operator.RESTMapper()),
	})
	return t
}

func (t *tenant) account() string { return "system:serviceaccount:" + t.ns + ":responder" }

// awaitRights waits until the API server's authorizer has seen the new bindings.
func awaitRights(ctx context.Context, user, namespace string) {
	GinkgoHelper()
	for who, verb := range map[string][3]string{
		user: {"delete", "networking.k8s.io", "networkpolicies"}, "bob": {"approve", "tocsin.dev", "remediations"},
		operatorName: {"impersonate:serviceaccount", "authentication.k8s.io", "serviceaccounts"},
	} {
		Eventually(func() bool { return may(ctx, who, namespace, verb) }).Should(BeTrue())
	}
}

func (t *tenant) pod(ctx context.Context, name string, change ...func(*corev1.Pod)) *corev1.Pod {
	GinkgoHelper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: t.target, Name: name, Labels: map[string]string{"app": "web"}}}
	pod.Spec.Containers = []corev1.Container{{Name: "web", Image: "web"}}
	for _, c := range change {
		c(pod)
	}
	Expect(admin.Create(ctx, pod)).To(Succeed())
	return pod
}

// request asks for the isolation of web-0, as alice.
func (t *tenant) request(ctx context.Context, change ...func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	GinkgoHelper()
	rem := builders.Remediation(t.ns, "contain", func(r *v1alpha1.Remediation) {
		r.Spec.Target.Namespace, r.Spec.RequestedBy = t.target, "alice"
	})
	for _, c := range change {
		c(rem)
	}
	Expect(admin.Create(ctx, rem)).To(Succeed())
	return rem
}

func automatic(r *v1alpha1.Remediation)  { r.Spec.Approval = v1alpha1.ApprovalAutomatic }
func deletesPod(r *v1alpha1.Remediation) { r.Spec.Action = v1alpha1.ActionDeletePod }

// get reads the remediation as it is; nil if there is none.
func (t *tenant) get(ctx context.Context) *v1alpha1.Remediation {
	GinkgoHelper()
	var rem v1alpha1.Remediation
	err := admin.Get(ctx, client.ObjectKey{Namespace: t.ns, Name: "contain"}, &rem)
	if apierrors.IsNotFound(err) {
		return nil
	}
	Expect(err).NotTo(HaveOccurred())
	return &rem
}

// once reconciles once.
func (t *tenant) once(ctx context.Context) reconcile.Result {
	GinkgoHelper()
	result, err := t.controller.Reconcile(ctx, t.get(ctx))
	Expect(err).NotTo(HaveOccurred())
	return result
}

// settle reconciles, as the watch would have it, until nothing is written any more.
func (t *tenant) settle(ctx context.Context) *v1alpha1.Remediation {
	GinkgoHelper()
	for range 10 {
		before := t.get(ctx)
		if before == nil {
			return nil
		}
		t.once(ctx)
		after := t.get(ctx)
		if after == nil || after.ResourceVersion == before.ResourceVersion {
			return after
		}
	}
	Fail("it does not settle")
	return nil
}

func (t *tenant) pass(d time.Duration) { t.clock.SetTime(t.clock.Now().Add(d)) }

// edit changes the spec, as a person.
func (t *tenant) edit(ctx context.Context, change func(*v1alpha1.RemediationSpec)) {
	GinkgoHelper()
	rem := t.get(ctx)
	change(&rem.Spec)
	Expect(admin.Update(ctx, rem)).To(Succeed())
}

// decide adds the decision of one person on what is shown.
func (t *tenant) decide(ctx context.Context, decision v1alpha1.ApprovalDecision, who string, groups ...string) {
	GinkgoHelper()
	rem := t.get(ctx)
	rem.Spec.Approvals = append(rem.Spec.Approvals, v1alpha1.Approval{
		Decision: decision, Digest: rem.Status.Digest, Approver: who, Groups: groups,
	})
	Expect(admin.Update(ctx, rem)).To(Succeed())
}

// contained is an isolation that bob approved and that is in place.
func (t *tenant) contained(ctx context.Context, change ...func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	GinkgoHelper()
	t.request(ctx, change...)
	t.settle(ctx)
	t.decide(ctx, v1alpha1.DecisionApprove, "bob")
	rem := t.settle(ctx)
	Expect(rem.Status.State).To(Equal(v1alpha1.RemediationSucceeded), "%+v", rem.Status)
	Expect(t.isolated(ctx, "web-0")).To(BeTrue())
	return rem
}

// isolated reports whether a policy without rules selects the pod.
func (t *tenant) isolated(ctx context.Context, pod string) bool {
	GinkgoHelper()
	var p corev1.Pod
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: t.target, Name: pod}, &p)).To(Succeed())
	for _, policy := range t.policies(ctx) {
		mark := policy.Spec.PodSelector.MatchLabels["tocsin.dev/isolated-by"]
		if mark != "" && p.Labels["tocsin.dev/isolated-by"] == mark && len(policy.Spec.PolicyTypes) == 2 &&
			len(policy.Spec.Ingress)+len(policy.Spec.Egress) == 0 {
			return true
		}
	}
	return false
}

func (t *tenant) policies(ctx context.Context) []networkingv1.NetworkPolicy {
	GinkgoHelper()
	var list networkingv1.NetworkPolicyList
	Expect(admin.List(ctx, &list, client.InNamespace(t.target))).To(Succeed())
	return list.Items
}

// untouched asserts that nothing was done to the pod, or is left of it.
func (t *tenant) untouched(ctx context.Context, pod string) {
	GinkgoHelper()
	Expect(t.policies(ctx)).To(BeEmpty())
	var p corev1.Pod
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: t.target, Name: pod}, &p)).To(Succeed())
	Expect(p.Labels).To(Equal(map[string]string{"app": "web"}))
	Expect(p.DeletionTimestamp).To(BeNil())
}

func condition(rem *v1alpha1.Remediation, conditionType string) metav1.Condition {
	GinkgoHelper()
	c := meta.FindStatusCondition(rem.Status.Conditions, conditionType)
	Expect(c).NotTo(BeNil())
	return *c
}

func approved(rem *v1alpha1.Remediation) string {
	GinkgoHelper()
	return condition(rem, v1alpha1.RemediationConditionApproved).Reason
}

func effective(rem *v1alpha1.Remediation) metav1.Condition {
	GinkgoHelper()
	return condition(rem, v1alpha1.RemediationConditionEffective)
}

// label sets the label by which isolations select, or takes it off.
func (t *tenant) label(ctx context.Context, pod string, value *string) {
	GinkgoHelper()
	var p corev1.Pod
	Expect(admin.Get(ctx, client.ObjectKey{Namespace: t.target, Name: pod}, &p)).To(Succeed())
	if value == nil {
		delete(p.Labels, "tocsin.dev/isolated-by")
	} else {
		p.Labels["tocsin.dev/isolated-by"] = *value
	}
	Expect(admin.Update(ctx, &p)).To(Succeed())
}
