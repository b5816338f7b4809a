package operator_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/enrich"
	"github.com/tocsin-dev/tocsin/internal/kube"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// TestEnrichmentSeesWhatTheTenantMay: what is added to the alerts of a tenant is
// what its service account may see, if the tenant lets Tocsin act as that, and
// not what Tocsin itself may.
func TestEnrichmentSeesWhatTheTenantMay(t *testing.T) {
	cfg, c := environment.Start(t)
	w := &world{T: t, c: c}
	system, tenant, shop := environment.Namespace(t, c), environment.Namespace(t, c), environment.Namespace(t, c)
	w.create(&corev1.ServiceAccount{ObjectMeta: objectMeta(shop, "default")}) // as a controller manager makes for each namespace
	job := &batchv1.Job{ObjectMeta: objectMeta(shop, "backup-1"), Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: podSpec()}}}
	job.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	job.OwnerReferences = []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "CronJob", Name: "backup", UID: "u", Controller: ptr.To(true)}}
	w.create(job)
	pod := &corev1.Pod{ObjectMeta: objectMeta(shop, "backup-1-abcde"), Spec: podSpec()}
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: job.Name, UID: job.UID, Controller: ptr.To(true)}}
	w.create(pod)

	operator, config := w.operator(cfg, system)
	look := []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}},
		{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: []string{"get"}},
	}
	w.grant(tenant, "act-as", operator, rbacv1.PolicyRule{
		APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"serviceaccounts"},
		ResourceNames: []string{"reader", "stranger"}, Verbs: []string{"impersonate:serviceaccount"},
	})
	w.grant(shop, "reader", "system:serviceaccount:"+tenant+":reader", look...)
	w.grant(shop, "private", "system:serviceaccount:"+tenant+":private", look...)

	clock := testingclock.NewFakePassiveClock(builders.Time)
	pods := enrich.New(kube.NewImpersonator(config, c.Scheme(), c.RESTMapper()), clock)
	about := model.Alert{Entities: []model.Entity{{Key: model.Key{Kind: model.KindPod, Name: shop + "/backup-1-abcde"}}}}
	for _, tc := range []struct {
		tenant, account, reason string
		want                    int
	}{
		{tenant, "reader", "it may", 3},
		{tenant, "stranger", "it may not see the pod", 0},
		{tenant, "private", "Tocsin may not act as it", 0},
		{shop, "reader", "another tenant's has the same name", 0},
	} {
		if got, complete := pods.Of(t.Context(), tc.tenant, tc.account, about); len(got) != tc.want || !complete {
			t.Errorf("%s: %s/%s sees %v, complete: %t", tc.reason, tc.tenant, tc.account, got, complete)
		} else if len(got) > 0 && got[0].Name != shop+"/CronJob/backup" {
			t.Errorf("%s: got %v", tc.reason, got)
		}
	}
	for _, account := range []string{"", "../reader", "system:masters"} {
		if got, complete := pods.Of(t.Context(), tenant, account, about); len(got) > 0 || complete {
			t.Errorf("%q sees %v, complete: %t", account, got, complete)
		}
		clock.SetTime(clock.Now().Add(time.Minute)) // after a failure nothing is looked up for a while
	}
}

func objectMeta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func podSpec() corev1.PodSpec {
	return corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "app", Image: "registry.example/app:v1"}}}
}

type world struct {
	*testing.T
	c client.Client
}

func (w *world) create(object client.Object) {
	w.Helper()
	if err := w.c.Create(w.Context(), object); err != nil {
		w.Fatal(err)
	}
}

// operator reaches the API server with the rights of config/rbac, and no others.
func (w *world) operator(cfg *rest.Config, ns string) (user string, config *rest.Config) {
	w.Helper()
	content, err := os.ReadFile(filepath.Join(environment.Root(), "config", "rbac", "role.yaml"))
	if err != nil {
		w.Fatal(err)
	}
	var role rbacv1.ClusterRole
	if err := yaml.Unmarshal(content, &role); err != nil {
		w.Fatal(err)
	}
	w.create(&role)
	account := &corev1.ServiceAccount{ObjectMeta: objectMeta(ns, "tocsin")}
	w.create(account)
	w.create(&rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "tocsin"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: ns, Name: "tocsin"}},
	})
	token := &authenticationv1.TokenRequest{}
	if err := w.c.SubResource("token").Create(w.Context(), account, token); err != nil {
		w.Fatal(err)
	}
	config = rest.AnonymousClientConfig(cfg)
	config.BearerToken = token.Status.Token
	user = "system:serviceaccount:" + ns + ":tocsin"
	w.await(user, ns, "impersonate-on:serviceaccount:get", "batch", "jobs", "")
	return user, config
}

// grant gives rights to a user within a namespace, and waits until they hold.
func (w *world) grant(namespace, name, user string, rules ...rbacv1.PolicyRule) {
	w.Helper()
	w.create(&rbacv1.Role{ObjectMeta: objectMeta(namespace, name), Rules: rules})
	w.create(&rbacv1.RoleBinding{
		ObjectMeta: objectMeta(namespace, name), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	})
	last := rules[len(rules)-1]
	object := ""
	if len(last.ResourceNames) > 0 {
		object = last.ResourceNames[0]
	}
	w.await(user, namespace, last.Verbs[0], last.APIGroups[0], last.Resources[0], object)
}

func (w *world) await(user, namespace, verb, group, resource, name string) {
	w.Helper()
	err := wait.PollUntilContextTimeout(w.Context(), 20*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: group, Resource: resource, Name: name,
		}}}
		err := w.c.Create(ctx, review)
		return review.Status.Allowed, err
	})
	if err != nil {
		w.Fatalf("%s may not %s %s in %s: %v", user, verb, resource, namespace, err)
	}
}
