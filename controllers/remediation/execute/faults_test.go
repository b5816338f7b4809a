package execute_test

import (
	"context"
	"errors"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/remediation/execute"
)

var errCrash = errors.New("the process ends here")

// hurdle stands between the controller and the API server.
type hurdle struct {
	client.Client
	// before and after decide on each request that changes something.
	before, after func(verb string, obj client.Object) error
}

func (h *hurdle) pass(verb string, obj client.Object, dryRun []string, send func() error) error {
	if slices.Contains(dryRun, metav1.DryRunAll) {
		return send()
	}
	if h.before != nil {
		if err := h.before(verb, obj); err != nil {
			return err
		}
	}
	if err := send(); err != nil || h.after == nil {
		return err
	}
	return h.after(verb, obj)
}

func (h *hurdle) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	dryRun := (&client.CreateOptions{}).ApplyOptions(opts).DryRun
	return h.pass("create", obj, dryRun, func() error { return h.Client.Create(ctx, obj, opts...) })
}

func (h *hurdle) Patch(ctx context.Context, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
	dryRun := (&client.PatchOptions{}).ApplyOptions(opts).DryRun
	return h.pass("patch", obj, dryRun, func() error { return h.Client.Patch(ctx, obj, patch, opts...) })
}

func (h *hurdle) Delete(ctx context.Context, obj client.Object, opts ...client.DeleteOption) error {
	dryRun := (&client.DeleteOptions{}).ApplyOptions(opts).DryRun
	return h.pass("delete", obj, dryRun, func() error { return h.Client.Delete(ctx, obj, opts...) })
}

type identities struct {
	of func(namespace, name string) (client.Client, error)
}

func (i identities) As(namespace, name string) (client.Client, error) { return i.of(namespace, name) }

// through puts a hurdle between the tenant's service account and the API server.
func (t *tenant) through(h *hurdle) {
	deps := t.controller.Deps
	real := deps.Identities
	deps.Identities = identities{func(namespace, name string) (client.Client, error) {
		c, err := real.As(namespace, name)
		h.Client = c
		return h, err
	}}
	t.controller = execute.New(deps)
}

// again reconciles after a crash; what failed may fail once more.
func (t *tenant) again(ctx context.Context) { _, _ = t.controller.Reconcile(ctx, t.get(ctx)) }

var _ = Describe("A remediation that is disturbed", func() {
	var t *tenant
	BeforeEach(func(ctx SpecContext) { t = newTenant(ctx) })

	It("completes what a crash between the policy and the label left", func(ctx SpecContext) {
		h := &hurdle{before: func(verb string, obj client.Object) error {
			if _, ok := obj.(*corev1.Pod); ok && verb == "patch" {
				return errCrash
			}
			return nil
		}}
		t.through(h)
		t.request(ctx, automatic)
		t.settle(ctx)
		Expect(t.policies(ctx)).To(HaveLen(1))
		rem := t.get(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationInProgress))
		Expect(*rem.Status.Attempts).To(BeEquivalentTo(1))
		Expect(rem.Finalizers).NotTo(BeEmpty(), "something may be in place")

		h.before = nil
		t.pass(5 * time.Second)
		rem = t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationSucceeded))
		Expect(*rem.Status.Attempts).To(BeEquivalentTo(2))
		Expect(t.policies(ctx)).To(HaveLen(1))
	})

	It("takes back what a crash left when it is cancelled after it", func(ctx SpecContext) {
		t.through(&hurdle{before: func(verb string, obj client.Object) error {
			if _, ok := obj.(*corev1.Pod); ok && verb == "patch" {
				return errCrash
			}
			return nil
		}})
		t.request(ctx, automatic)
		t.settle(ctx)
		t.edit(ctx, func(s *v1alpha1.RemediationSpec) { s.Cancel = &v1alpha1.CancelRequest{Reason: "a drill"} })
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationCancelled))
		Expect(rem.Finalizers).To(BeEmpty())
		t.untouched(ctx, "web-0")
	})

	It("finds the effect of an attempt whose answer was lost", func(ctx SpecContext) {
		t.through(&hurdle{after: func(string, client.Object) error { return errCrash }})
		t.request(ctx, automatic, deletesPod)
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationSucceeded))
		Expect(*rem.Status.Attempts).To(BeEquivalentTo(1))
	})

	It("never makes one attempt twice", func(ctx SpecContext) {
		// The process ends right after it wrote the attempt; the pod is deleted by
		// then, and its owner has made a new one.
		pod := t.pod(ctx, "set-0")
		t.request(ctx, automatic, deletesPod, func(r *v1alpha1.Remediation) { r.Spec.Target.Name = "set-0" })
		t.through(&hurdle{after: func(string, client.Object) error {
			defer GinkgoRecover()
			t.pod(ctx, "set-0")
			return errCrash
		}})
		t.settle(ctx)
		t.pass(time.Hour)
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationSucceeded))
		Expect(rem.Status.TargetUID).To(Equal(string(pod.UID)))
		var fresh corev1.Pod
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: t.ns, Name: "set-0"}, &fresh)).To(Succeed(), "the new pod is left alone")
		Expect(fresh.UID).NotTo(Equal(pod.UID))
	})

	It("does not act when the attempt cannot be written down", func(ctx SpecContext) {
		t.request(ctx, automatic)
		t.once(ctx)
		deps := t.controller.Deps
		deps.Client = &statusless{Client: operator}
		_, err := execute.New(deps).Reconcile(ctx, t.get(ctx))
		Expect(err).To(MatchError(errCrash))
		t.untouched(ctx, "web-0")
	})

	It("backs off, and says that it does", func(ctx SpecContext) {
		tried := 0
		t.through(&hurdle{before: func(string, client.Object) error { tried++; return errCrash }})
		t.request(ctx, automatic)
		t.settle(ctx)
		for range 3 {
			t.again(ctx)
		}
		Expect(tried).To(Equal(1))
		Expect(effective(t.get(ctx)).Message).To(ContainSubstring("made again"))
		t.pass(5 * time.Second)
		t.settle(ctx)
		t.pass(9 * time.Second)
		t.settle(ctx)
		Expect(tried).To(Equal(2))
		t.pass(time.Second)
		t.settle(ctx)
		Expect(tried).To(Equal(3))
		Expect(*t.get(ctx).Status.Attempts).To(BeEquivalentTo(3))
	})

	It("leaves a pod alone that took the name between looking and acting", func(ctx SpecContext) {
		h := &hurdle{}
		h.before = func(verb string, obj client.Object) error {
			if _, ok := obj.(*corev1.Pod); !ok || verb != "patch" {
				return nil
			}
			defer GinkgoRecover()
			h.before = nil
			Expect(admin.Delete(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: t.ns, Name: "web-0"}}, client.GracePeriodSeconds(0))).To(Succeed())
			t.pod(ctx, "web-0")
			return nil
		}
		t.through(h)
		t.request(ctx, automatic)
		rem := t.settle(ctx)
		Expect(rem.Status.State).To(Equal(v1alpha1.RemediationFailed))
		Expect(effective(rem).Reason).To(Equal("TargetNotFound"))
		Expect(rem.Finalizers).To(BeEmpty())
		t.untouched(ctx, "web-0")
	})

	It("holds again what somebody forced the finalizer off", func(ctx SpecContext) {
		rem := t.contained(ctx)
		rem.Finalizers = nil
		Expect(admin.Update(ctx, rem)).To(Succeed())
		Expect(t.settle(ctx).Finalizers).NotTo(BeEmpty())
	})
})

// statusless cannot write a status.
type statusless struct{ client.Client }

func (s *statusless) Status() client.SubResourceWriter { return brokenWriter{s.Client.Status()} }

type brokenWriter struct{ client.SubResourceWriter }

func (brokenWriter) Apply(context.Context, runtime.ApplyConfiguration, ...client.SubResourceApplyOption) error {
	return errCrash
}
