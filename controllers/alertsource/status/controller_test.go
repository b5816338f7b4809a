package status_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/alertsource/status"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

var (
	cfg *rest.Config
	c   client.Client
)

func TestStatus(t *testing.T) {
	RegisterFailHandler(Fail)
	cfg, c = environment.Start(t)
	RunSpecs(t, "Alert source status")
}

var _ = Describe("Alert source status", func() {
	var ns string
	clock := clocktesting.NewFakePassiveClock(builders.Time)

	BeforeEach(func() { ns = environment.Namespace(GinkgoTB(), c) })

	source := func(ctx context.Context, mutate ...func(*v1alpha1.AlertSource)) *v1alpha1.AlertSource {
		from := builders.AlertSource(ns, "falco", mutate...)
		ExpectWithOffset(1, c.Create(ctx, from)).To(Succeed())
		return from
	}
	token := func(ctx context.Context, from *v1alpha1.AlertSource, value string) {
		ref := from.Spec.Auth.BearerToken
		ExpectWithOffset(1, c.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: string(ref.Name)},
			Data:       map[string][]byte{ref.Key: []byte(value)},
		})).To(Succeed())
	}
	reconcileAs := func(ctx context.Context, with client.Client, from *v1alpha1.AlertSource) *metav1.Condition {
		ExpectWithOffset(1, c.Get(ctx, client.ObjectKeyFromObject(from), from)).To(Succeed())
		result, err := status.New(status.Deps{Client: with, Clock: clock}).Reconcile(ctx, from)
		ExpectWithOffset(1, err).NotTo(HaveOccurred())
		ExpectWithOffset(1, result.RequeueAfter).To(Equal(time.Minute), "a Secret that comes or goes is noticed within a minute")
		ExpectWithOffset(1, c.Get(ctx, client.ObjectKeyFromObject(from), from)).To(Succeed())
		return meta.FindStatusCondition(from.Status.Conditions, v1alpha1.ConditionReady)
	}

	It("says where to post once everything is there", func(ctx SpecContext) {
		from := source(ctx)
		token(ctx, from, "a long and random token")
		ready := reconcileAs(ctx, c, from)
		Expect(ready.Status).To(Equal(metav1.ConditionTrue))
		Expect(from.Status.Endpoint).To(Equal("/v1/sources/" + ns + "/falco"))
		Expect(*from.Status.ObservedGeneration).To(Equal(from.Generation))
	})

	It("writes nothing when nothing changed", func(ctx SpecContext) {
		from := source(ctx)
		reconcileAs(ctx, c, from)
		before := from.ResourceVersion
		reconcileAs(ctx, c, from)
		Expect(from.ResourceVersion).To(Equal(before))
	})

	It("leaves the gateway's totals alone", func(ctx SpecContext) {
		from := source(ctx)
		from.Status.Totals = &v1alpha1.AlertSourceTotals{
			Received: ptr.To(int64(7)), Accepted: ptr.To(int64(7)), Deduplicated: ptr.To(int64(0)), Suppressed: ptr.To(int64(0)), Rejected: ptr.To(int64(0)),
		}
		Expect(c.Status().Update(ctx, from)).To(Succeed())
		reconcileAs(ctx, c, from)
		Expect(*from.Status.Totals.Received).To(BeEquivalentTo(7))
	})

	DescribeTable("says what keeps a source from being used",
		func(ctx SpecContext, mutate func(*v1alpha1.AlertSource), reason, message string) {
			ready := reconcileAs(ctx, c, source(ctx, mutate))
			Expect(ready.Status).To(Equal(metav1.ConditionFalse))
			Expect(ready.Reason).To(Equal(reason))
			Expect(ready.Message).To(ContainSubstring(message))
		},
		Entry("no Secret", func(*v1alpha1.AlertSource) {}, "SecretNotFound", "spec.auth.bearerToken"),
		Entry("suspended", func(s *v1alpha1.AlertSource) { s.Spec.Suspend = ptr.To(true) }, "Suspended", "spec.suspend"),
		Entry("a rule that does not compile", func(s *v1alpha1.AlertSource) {
			s.Spec.Type = v1alpha1.AlertSourceKubernetesAudit
			s.Spec.KubernetesAudit = &v1alpha1.KubernetesAuditOptions{Rules: []v1alpha1.AuditRule{{Name: "broken", Title: "Broken", Match: "event.verb =="}}}
		}, "Invalid", `rule "broken"`),
	)

	It("says that a token of blanks lets nobody in", func(ctx SpecContext) {
		from := source(ctx)
		token(ctx, from, " \n\t")
		ready := reconcileAs(ctx, c, from)
		Expect(ready.Status).To(Equal(metav1.ConditionFalse))
		Expect(ready.Reason).To(Equal("SecretInvalid"))
		Expect(ready.Message).To(ContainSubstring("only blanks under the key " + from.Spec.Auth.BearerToken.Key))
	})

	It("says which right is missing", func(ctx SpecContext) {
		withWatch, err := client.NewWithWatch(cfg, client.Options{Scheme: operator.Scheme()})
		Expect(err).NotTo(HaveOccurred())
		forbidden := interceptor.NewClient(withWatch, interceptor.Funcs{
			Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
				if _, ok := obj.(*corev1.Secret); ok {
					return apierrors.NewForbidden(corev1.Resource("secrets"), key.Name, nil)
				}
				return inner.Get(ctx, key, obj, opts...)
			},
		})
		ready := reconcileAs(ctx, forbidden, source(ctx))
		Expect(ready.Reason).To(Equal("SecretForbidden"))
		Expect(ready.Message).To(ContainSubstring("a Role and a RoleBinding"))
	})
})
