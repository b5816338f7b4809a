package registry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/alertsource/registry"
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

	It("forgets a source that is gone", func(ctx SpecContext) {
		from := builders.AlertSource(ns, "falco")
		Expect(c.Create(ctx, from)).To(Succeed())
		take(ctx, from)
		Expect(c.Delete(ctx, from)).To(Succeed())
		_, ok := take(ctx, from)
		Expect(ok).To(BeFalse())
	})
})
