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
	"github.com/tocsin-dev/tocsin/internal/ingest/auth/authtest"
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

// secret is what the ways of letting senders in refer to.
var secret = v1alpha1.SecretKeyReference{Name: "falco", Key: "key"}

func basic(a *v1alpha1.AlertSourceAuth)     { a.Basic = &v1alpha1.BasicAuth{SecretName: secret.Name} }
func signed(a *v1alpha1.AlertSourceAuth)    { a.HMAC = &v1alpha1.HMACAuth{Key: secret} }
func certified(a *v1alpha1.AlertSourceAuth) { *a = byCertificate(secret) }
func byAccount(a *v1alpha1.AlertSourceAuth) {
	a.ServiceAccountToken = &v1alpha1.ServiceAccountTokenAuth{ServiceAccounts: []v1alpha1.LocalName{"falco"}}
}

func byCertificate(ca v1alpha1.SecretKeyReference) v1alpha1.AlertSourceAuth {
	return v1alpha1.AlertSourceAuth{ClientCertificate: &v1alpha1.ClientCertificateAuth{CA: ca, Subjects: []string{"CN=falco"}}}
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

	It("leaves a source that watches reports to who watches", func(ctx SpecContext) {
		from := source(ctx, func(s *v1alpha1.AlertSource) {
			s.Spec.Type, s.Spec.Auth = v1alpha1.AlertSourceTrivyOperator, v1alpha1.AlertSourceAuth{}
			s.Spec.Watch = &v1alpha1.AlertSourceWatch{ServiceAccountName: "scanner"}
		})
		before := from.ResourceVersion
		result, err := status.New(status.Deps{Client: c, Clock: clock}).Reconcile(ctx, from)
		Expect(err).NotTo(HaveOccurred())
		Expect(result.RequeueAfter).To(Equal(time.Minute), "its events may be delayed like any")
		Expect(c.Get(ctx, client.ObjectKeyFromObject(from), from)).To(Succeed())
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

	DescribeTable("tells for five minutes what the gateway has seen",
		func(ctx SpecContext, kind string, see func(*v1alpha1.AlertSourceStatus, *metav1.Time)) {
			from := source(ctx)
			told := func(ago time.Duration) *metav1.Condition {
				see(&from.Status, ptr.To(metav1.NewTime(clock.Now().Add(-ago))))
				ExpectWithOffset(1, c.Status().Update(ctx, from)).To(Succeed())
				reconcileAs(ctx, c, from)
				return meta.FindStatusCondition(from.Status.Conditions, kind)
			}
			Expect(meta.FindStatusCondition(from.Status.Conditions, kind)).To(BeNil())
			Expect(told(6 * time.Minute)).To(BeNil())
			seen := told(4 * time.Minute)
			Expect(seen).NotTo(BeNil())
			Expect(seen.Status).To(Equal(metav1.ConditionTrue))
			Expect(seen.Reason + seen.Message).NotTo(BeEmpty())
			Expect(told(6 * time.Minute)).To(BeNil())
			Expect(meta.FindStatusCondition(from.Status.Conditions, v1alpha1.ConditionReady)).NotTo(BeNil())
		},
		Entry("events refused for their rate", v1alpha1.ConditionThrottled, func(s *v1alpha1.AlertSourceStatus, at *metav1.Time) { s.ThrottledTime = at }),
		Entry("events that wait", v1alpha1.ConditionDelayed, func(s *v1alpha1.AlertSourceStatus, at *metav1.Time) { s.DelayedTime = at }),
		Entry("events on which the fingerprint fails", v1alpha1.ConditionFingerprintFailing, func(s *v1alpha1.AlertSourceStatus, at *metav1.Time) { s.FingerprintFailedTime = at }),
	)

	DescribeTable("says what keeps a source from being used",
		func(ctx SpecContext, mutate func(*v1alpha1.AlertSource), reason, message string) {
			ready := reconcileAs(ctx, c, source(ctx, mutate))
			Expect(ready.Status).To(Equal(metav1.ConditionFalse))
			Expect(ready.Reason).To(Equal(reason))
			Expect(ready.Message).To(ContainSubstring(message))
		},
		Entry("no Secret", func(*v1alpha1.AlertSource) {}, "SecretNotFound", "spec.auth.bearerToken"),
		Entry("suspended", func(s *v1alpha1.AlertSource) { s.Spec.Suspend = ptr.To(true) }, "Suspended", "spec.suspend"),
		Entry("no Secret for a user", func(s *v1alpha1.AlertSource) {
			s.Spec.Auth = v1alpha1.AlertSourceAuth{Basic: &v1alpha1.BasicAuth{SecretName: "falco-user"}}
		}, "SecretNotFound", "spec.auth.basic.secretName: secret not found: create Secret falco-user in this namespace"),
		Entry("no Secret for signatures", func(s *v1alpha1.AlertSource) {
			s.Spec.Auth = v1alpha1.AlertSourceAuth{HMAC: &v1alpha1.HMACAuth{Key: s.Spec.Auth.BearerToken}}
		}, "SecretNotFound", "spec.auth.hmac.key"),
		Entry("a gateway without TLS", func(s *v1alpha1.AlertSource) { s.Spec.Auth = byCertificate(s.Spec.Auth.BearerToken) },
			"GatewayWithoutTLS", "spec.auth.clientCertificate: the gateway serves plain HTTP"),
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

	DescribeTable("says what is wrong with a Secret",
		func(ctx SpecContext, change func(*v1alpha1.AlertSourceAuth), data map[string]string, reason, message string) {
			from := source(ctx, func(s *v1alpha1.AlertSource) {
				s.Spec.Auth = v1alpha1.AlertSourceAuth{}
				change(&s.Spec.Auth)
			})
			Expect(c.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: string(secret.Name)}, StringData: data})).To(Succeed())
			Expect(c.Get(ctx, client.ObjectKeyFromObject(from), from)).To(Succeed())
			_, err := status.New(status.Deps{Client: c, Clock: clock, GatewayTLS: true}).Reconcile(ctx, from)
			Expect(err).NotTo(HaveOccurred())
			Expect(c.Get(ctx, client.ObjectKeyFromObject(from), from)).To(Succeed())
			ready := meta.FindStatusCondition(from.Status.Conditions, v1alpha1.ConditionReady)
			Expect(ready.Reason).To(Equal(reason))
			Expect(ready.Message).To(ContainSubstring(message))
		},
		Entry("a user and a password", basic, map[string]string{"username": "falco", "password": "secret"}, "Valid", ""),
		Entry("no password", basic, map[string]string{"username": "falco"}, "SecretNotFound", "spec.auth.basic.secretName: secret not found: Secret falco has no value under the key password"),
		Entry("a blank user", basic, map[string]string{"username": "\n", "password": "secret"}, "SecretInvalid", "Secret falco has only blanks under the key username"),
		Entry("a key of signatures", signed, map[string]string{"key": "0123456789abcdef\n"}, "Valid", ""),
		Entry("a key that is too short", signed, map[string]string{"key": "0123456789abcdef\nshort\n"}, "SecretInvalid", "spec.auth.hmac.key: secret invalid: Secret falco has a line of less than 16 bytes under the key key"),
		Entry("an authority", certified, map[string]string{"key": string(authtest.NewAuthority(GinkgoTB()).PEM())}, "Valid", ""),
		Entry("no authority", certified, map[string]string{"key": "-----BEGIN NOTHING-----"}, "SecretInvalid", "spec.auth.clientCertificate.ca: secret invalid: Secret falco has no certificate in PEM under the key key"),
		Entry("no Secret needed", byAccount, nil, "Valid", ""),
	)

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
