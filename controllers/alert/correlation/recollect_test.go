package correlation_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/alert/correlation"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

var _ = Describe("What looked like routine", func() {
	var (
		ns         string
		controller *correlation.Controller
	)
	at := func(ctx context.Context, name, rule, host string, after time.Duration) {
		GinkgoHelper()
		when := metav1.NewMicroTime(builders.Time.Add(after))
		Expect(c.Create(ctx, builders.Alert(ns, name, func(a *v1alpha1.Alert) {
			a.Spec.FirstActivityTime, a.Spec.LastActivityTime = when, when
			a.Spec.Source.Rule, a.Spec.Fingerprint = rule, name
			a.Spec.Entities[0].Kind, a.Spec.Entities[0].Name = "Device", host
		}))).To(Succeed())
		_, err := controller.Reconcile(ctx, reconcile.Request{NamespacedName: client.ObjectKey{Namespace: ns, Name: name}})
		Expect(err).NotTo(HaveOccurred())
	}
	// lagging is a cache that does not show yet where alerts belong.
	lagging := func() client.Client {
		withWatch, err := client.NewWithWatch(cfg, client.Options{Scheme: c.Scheme()})
		Expect(err).NotTo(HaveOccurred())
		return interceptor.NewClient(withWatch, interceptor.Funcs{
			Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
				err := inner.Get(ctx, key, obj, opts...)
				if a, ok := obj.(*v1alpha1.Alert); ok {
					a.Status = v1alpha1.AlertStatus{}
				}
				return err
			},
		})
	}

	It("is taken along by what shows that it was the first step, although the cache lags", func(ctx SpecContext) {
		ns = environment.Namespace(GinkgoTB(), c)
		controller = correlation.New(correlation.Deps{
			Client: lagging(), Live: c, Recorder: events.NewFakeRecorder(100), Clock: clocktesting.NewFakePassiveClock(builders.Time),
		})
		// Three quiet days, in which a scan comes a few times a day.
		for i := range 72 {
			at(ctx, fmt.Sprintf("heartbeat-%d", i), "heartbeat", "web", time.Duration(i)*time.Hour)
			if i%5 == 0 && i < 65 || i > 61 && i < 70 {
				at(ctx, fmt.Sprintf("scan-%d", i), "scan", "db", time.Duration(i)*time.Hour+time.Minute)
			}
		}
		first := &v1alpha1.Alert{}
		at(ctx, "first", "scan", "db", 72*time.Hour)
		Expect(c.Get(ctx, client.ObjectKey{Namespace: ns, Name: "first"}, first)).To(Succeed())
		Expect(ptr.Deref(first.Status.Routine, false)).To(BeTrue())

		at(ctx, "second", "webshell", "web", 72*time.Hour+40*time.Second)
		Expect(c.Get(ctx, client.ObjectKey{Namespace: ns, Name: "first"}, first)).To(Succeed())
		Expect(first.Status.IncidentName).To(BeEquivalentTo("second"))
		Expect(ptr.Deref(first.Status.Routine, false)).To(BeFalse())
	})
})
