package registry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/alertsource/registry"
	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/ingest/auth/authtest"
	"github.com/tocsin-dev/tocsin/internal/ingest/source"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

var c client.Client

func TestRegistry(t *testing.T) {
	RegisterFailHandler(Fail)
	_, c = environment.Start(t)
	RunSpecs(t, "Alert source registry")
}

var _ = Describe("Alert source registry", func() {
	var (
		ns         string
		known      *source.Registry
		controller *registry.Controller
	)
	BeforeEach(func() {
		ns = environment.Namespace(GinkgoTB(), c)
		known = source.NewRegistry()
		controller = registry.New(registry.Deps{Client: c, Registry: known, Clock: clock.RealClock{}})
	})
	take := func(ctx context.Context, from *v1alpha1.AlertSource) (source.Source, bool) {
		result, err := controller.Reconcile(ctx, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(from)})
		ExpectWithOffset(1, err).NotTo(HaveOccurred())
		s, ok := known.Get(client.ObjectKeyFromObject(from))
		ExpectWithOffset(1, result.RequeueAfter > 0).To(Equal(ok), "a rotated token is noticed; a source that is gone is not asked for again")
		return s, ok
	}
	secret := func(from *v1alpha1.AlertSource, value string) *corev1.Secret {
		ref := from.Spec.Auth.BearerToken
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: string(ref.Name)}, Data: map[string][]byte{ref.Key: []byte(value)}}
	}
	lets := func(s source.Source, token string) bool {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		return s.Auth.Verify(r, nil) == nil
	}

	It("lets nobody in before there is a token, and two while one is replaced", func(ctx SpecContext) {
		from := builders.AlertSource(ns, "falco")
		Expect(c.Create(ctx, from)).To(Succeed())
		s, ok := take(ctx, from)
		Expect(ok).To(BeTrue())
		Expect(lets(s, "")).To(BeFalse())

		token := secret(from, "old\n")
		Expect(c.Create(ctx, token)).To(Succeed())
		s, _ = take(ctx, from)
		Expect(lets(s, "old")).To(BeTrue())

		token.Data[from.Spec.Auth.BearerToken.Key] = []byte("old\nnew\n")
		Expect(c.Update(ctx, token)).To(Succeed())
		s, _ = take(ctx, from)
		Expect(lets(s, "old")).To(BeTrue())
		Expect(lets(s, "new")).To(BeTrue())
		Expect(lets(s, "old\nnew")).To(BeFalse())

		Expect(c.Delete(ctx, token)).To(Succeed())
		s, _ = take(ctx, from)
		Expect(lets(s, "new")).To(BeFalse())
	})

	It("takes over a Secret that changes, and remembers what it has let in", func(ctx SpecContext) {
		const oldKey, newKey, stamp = "0123456789abcdef", "fedcba9876543210", "1700000000"
		from := builders.AlertSource(ns, "signed", func(s *v1alpha1.AlertSource) {
			s.Spec.Auth = v1alpha1.AlertSourceAuth{HMAC: &v1alpha1.HMACAuth{Key: v1alpha1.SecretKeyReference{Name: "signing", Key: "key"}, TimestampHeader: "X-Timestamp"}}
		})
		key := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "signing"}, StringData: map[string]string{"key": oldKey}}
		Expect(c.Create(ctx, from)).To(Succeed())
		Expect(c.Create(ctx, key)).To(Succeed())
		controller = registry.New(registry.Deps{Client: c, Registry: known, Clock: clocktesting.NewFakePassiveClock(time.Unix(1_700_000_000, 0))})
		lets := func(s source.Source, key, text string) bool {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.Header.Set("X-Timestamp", stamp)
			r.Header.Set("X-Tocsin-Signature", "sha256="+authtest.Sign(key, stamp+"."+text))
			return s.Auth.Verify(r, func() ([]byte, error) { return []byte(text), nil }) == nil
		}
		s, _ := take(ctx, from)
		Expect(lets(s, oldKey, "one")).To(BeTrue())
		Expect(lets(s, newKey, "two")).To(BeFalse())

		key.StringData = map[string]string{"key": oldKey + "\n" + newKey}
		Expect(c.Update(ctx, key)).To(Succeed())
		s, _ = take(ctx, from)
		Expect(lets(s, oldKey, "one")).To(BeFalse(), "it was let in before the Secret was read again")
		Expect(lets(s, oldKey, "two")).To(BeTrue())
		Expect(lets(s, newKey, "three")).To(BeTrue())
	})

	It("asks the API server about tokens", func(ctx SpecContext) {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "falco"}}
		other := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "other"}}
		from := builders.AlertSource(ns, "falco", func(s *v1alpha1.AlertSource) {
			s.Spec.Auth = v1alpha1.AlertSourceAuth{ServiceAccountToken: &v1alpha1.ServiceAccountTokenAuth{ServiceAccounts: []v1alpha1.LocalName{"falco"}}}
		})
		for _, object := range []client.Object{account, other, from} {
			Expect(c.Create(ctx, object)).To(Succeed())
		}
		token := func(account *corev1.ServiceAccount, audience string) string {
			request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}}}
			ExpectWithOffset(1, c.SubResource("token").Create(ctx, account, request)).To(Succeed())
			return request.Status.Token
		}
		s, _ := take(ctx, from)
		Expect(lets(s, token(account, auth.Audience))).To(BeTrue())
		Expect(lets(s, token(account, "https://kubernetes.default.svc"))).To(BeFalse())
		Expect(lets(s, token(other, auth.Audience))).To(BeFalse())
		Expect(lets(s, "not a token")).To(BeFalse())
		late := token(account, auth.Audience)
		Expect(c.Delete(ctx, account)).To(Succeed())
		Expect(lets(s, late)).To(BeFalse(), "the service account is gone")
	})

	It("forgets a source that is gone", func(ctx SpecContext) {
		from := builders.AlertSource(ns, "falco")
		Expect(c.Create(ctx, from)).To(Succeed())
		take(ctx, from)
		Expect(c.Delete(ctx, from)).To(Succeed())
		_, ok := take(ctx, from)
		Expect(ok).To(BeFalse())
	})
})
