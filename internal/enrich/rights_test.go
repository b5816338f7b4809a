package enrich_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/enrich"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// TestRights: what is added to the alerts of a tenant is what its service account
// may see, and not what Tocsin may.
func TestRights(t *testing.T) {
	cfg, c := environment.Start(t)
	tenant, shop := environment.Namespace(t, c), environment.Namespace(t, c)
	meta := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	pod := &corev1.Pod{ObjectMeta: meta(shop, "web-0"), Spec: corev1.PodSpec{
		NodeName: "node-1", Containers: []corev1.Container{{Name: "app", Image: "registry.example/app:v1"}},
	}}
	role := &rbacv1.Role{ObjectMeta: meta(shop, "look"), Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: meta(shop, "look"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "look"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: tenant, Name: "reader"}},
	}
	account := &corev1.ServiceAccount{ObjectMeta: meta(shop, "default")} // as a controller manager makes for each namespace
	for _, object := range []client.Object{account, pod, role, binding} {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	clock := testingclock.NewFakePassiveClock(builders.Time)
	pods := enrich.New(kube.NewImpersonator(cfg, c.Scheme(), c.RESTMapper()), clock)
	about := model.Alert{Entities: []model.Entity{{Key: model.Key{Kind: model.KindPod, Name: shop + "/web-0"}}}}
	for account, want := range map[string]int{"reader": 2, "stranger": 0} {
		if got, complete := pods.Of(t.Context(), tenant, account, about); len(got) != want || !complete {
			t.Errorf("%s sees %v, complete: %t", account, got, complete)
		}
	}
	if got, complete := pods.Of(t.Context(), shop, "reader", about); len(got) > 0 || !complete {
		t.Errorf("a service account of that name elsewhere sees %v", got)
	}
	for _, account := range []string{"", "../reader", "system:masters"} {
		if got, complete := pods.Of(t.Context(), tenant, account, about); len(got) > 0 || complete {
			t.Errorf("%q sees %v, complete: %t", account, got, complete)
		}
		clock.SetTime(clock.Now().Add(time.Minute)) // after a failure nothing is looked up for a while
	}
	if got, _ := pods.Of(t.Context(), tenant, "reader", about); len(got) != 2 {
		t.Errorf("reader sees %v", got)
	}
}
