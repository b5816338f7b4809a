package enrich

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

const digest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"

// web is a pod of the Deployment web.
func web(change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web-5d4f-abcde", Labels: map[string]string{"pod-template-hash": "5d4f"},
			OwnerReferences: []metav1.OwnerReference{ownedBy("apps/v1", "ReplicaSet", "web-5d4f")},
		},
		Spec: corev1.PodSpec{
			NodeName: "Node-1", ServiceAccountName: "cart",
			Containers:     []corev1.Container{{Name: "app", Image: "docker.io/library/nginx:1.29"}, {Name: "proxy", Image: "registry.example:5000/proxy"}},
			InitContainers: []corev1.Container{{Name: "init", Image: "docker.io/library/nginx:1.29"}},
		},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", ImageID: "docker.io/library/nginx@" + digest}}},
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func ownedBy(version, kind, name string) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: version, Kind: kind, Name: name, UID: types.UID("uid of " + name), Controller: ptr.To(true)}
}

func job(owners ...metav1.OwnerReference) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "backup-1", UID: "uid of backup-1", OwnerReferences: owners}}
}

func bare(change ...func(*corev1.Pod)) *corev1.Pod {
	return web(append([]func(*corev1.Pod){func(p *corev1.Pod) {
		p.OwnerReferences, p.Labels, p.Spec = nil, nil, corev1.PodSpec{ServiceAccountName: "default"}
		p.Status = corev1.PodStatus{}
	}}, change...)...)
}

// server answers for the cluster, and counts what it is asked as whom.
type server struct {
	client.Client
	gets  map[string]int
	fails error
}

func (s *server) As(namespace, name string) (client.Client, error) {
	return interceptor.NewClient(s.Client.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			s.gets[fmt.Sprintf("%s/%s: %s", namespace, name, key)]++
			if s.fails != nil {
				return s.fails
			}
			return c.Get(ctx, key, obj, opts...)
		},
	}), nil
}

func newServer(objects ...client.Object) *server {
	return &server{Client: fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(objects...).Build(), gets: map[string]int{}}
}

func alertAbout(keys ...model.Key) model.Alert {
	var a model.Alert
	for _, k := range keys {
		a.Entities = append(a.Entities, model.Entity{Key: k, Role: model.RoleAttacked, Category: model.CategoryAsset})
	}
	return a
}

func pod(name string) model.Key { return model.Key{Kind: model.KindPod, Name: name} }

func names(entities []model.Entity) []string {
	out := []string{}
	for _, e := range entities {
		out = append(out, e.String())
	}
	return out
}

func TestWhatIsAdded(t *testing.T) {
	ofJob := func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{ownedBy("batch/v1", "Job", "backup-1")}
	}
	cron := ownedBy("batch/v1", "CronJob", "backup")
	for name, tc := range map[string]struct {
		reason  string
		objects []client.Object
		named   []model.Key
		want    []string
	}{
		"of a Deployment": {"all of it, what runs by its digest", []client.Object{web()}, nil, []string{
			"Workload/shop/Deployment/web", "Node/node-1", "ServiceAccount/shop/cart",
			"Image/" + digest, "Image/registry.example:5000/proxy:latest", "Image/nginx:1.29",
		}},
		"named already": {"each entity once", []client.Object{web()}, []model.Key{{Kind: model.KindNode, Name: "node-1"}, {Kind: model.KindImage, Name: digest}}, []string{
			"Workload/shop/Deployment/web", "ServiceAccount/shop/cart", "Image/registry.example:5000/proxy:latest", "Image/nginx:1.29",
		}},
		"nothing to tell":           {"default is everybody's", []client.Object{bare()}, nil, []string{}},
		"gone":                      {"nothing is guessed", nil, nil, []string{}},
		"of a ReplicaSet by itself": {"no hash, no Deployment", []client.Object{bare(func(p *corev1.Pod) { p.OwnerReferences = web().OwnerReferences })}, nil, []string{"Workload/shop/ReplicaSet/web-5d4f"}},
		"of a StatefulSet": {"its owner is the top", []client.Object{bare(func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{ownedBy("apps/v1", "StatefulSet", "db")}
		})}, nil, []string{"Workload/shop/StatefulSet/db"}},
		"static":                     {"a node is no workload", []client.Object{bare(func(p *corev1.Pod) { p.OwnerReferences = []metav1.OwnerReference{ownedBy("v1", "Node", "node-1")} })}, nil, []string{}},
		"of a CronJob":               {"its Job's owner", []client.Object{bare(ofJob), job(cron)}, nil, []string{"Workload/shop/CronJob/backup"}},
		"of a Job by itself":         {"nobody owns it", []client.Object{bare(ofJob), job()}, nil, []string{"Workload/shop/Job/backup-1"}},
		"of a Job that is gone":      {"its name is known", []client.Object{bare(ofJob)}, nil, []string{"Workload/shop/Job/backup-1"}},
		"of another Job of the name": {"it is not the owner", []client.Object{bare(ofJob), func() client.Object { j := job(cron); j.UID = "other"; return j }()}, nil, []string{"Workload/shop/Job/backup-1"}},
		"of a Job of somebody else": {"only batch has CronJobs", []client.Object{bare(func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{ownedBy("batch.example/v1", "Job", "backup-1")}
		}), job(cron)}, nil, []string{"Workload/shop/Job/backup-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			pods := New(newServer(tc.objects...), testingclock.NewFakePassiveClock(time.Unix(1e9, 0)))
			got, complete := pods.Of(t.Context(), "security", "reader", alertAbout(append(tc.named, pod("shop/web-5d4f-abcde"))...))
			if diff := cmp.Diff(tc.want, names(got)); diff != "" || !complete {
				t.Errorf("%s: complete: %t %s", tc.reason, complete, diff)
			}
			for _, e := range got {
				if asset := e.Kind != model.KindImage; e.Role != model.RoleContextual || asset != (e.Category == model.CategoryAsset) {
					t.Errorf("%s is %s, %s", e.Key, e.Role, e.Category)
				}
			}
		})
	}
}

func TestBounds(t *testing.T) {
	var crowd []client.Object
	var named []model.Key
	for i := range 10 {
		name := fmt.Sprint("web-", i)
		crowd = append(crowd, web(func(p *corev1.Pod) {
			p.Name = name
			for n := range 20 {
				p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Image: fmt.Sprintf("%s/image-%d", name, n)})
			}
		}))
		named = append(named, pod("shop/"+name))
	}
	s := newServer(crowd...)
	got, complete := New(s, testingclock.NewFakePassiveClock(time.Unix(1e9, 0))).Of(t.Context(), "security", "reader", alertAbout(named...))
	if len(got) != maxEntities || len(s.gets) != maxPods || !complete {
		t.Errorf("%d entities of %d pods, complete: %t", len(got), len(s.gets), complete)
	}
}

// Answers are remembered for a minute, and for those alone who may have them.
func TestRemembered(t *testing.T) {
	s, clock := newServer(web()), testingclock.NewFakePassiveClock(time.Unix(1e9, 0))
	pods := New(s, clock)
	about := alertAbout(pod("shop/web-5d4f-abcde"), pod("shop/gone"))
	ask := func(tenant, account string) {
		t.Helper()
		if got, complete := pods.Of(t.Context(), tenant, account, about); len(got) == 0 || !complete {
			t.Errorf("got %v, complete: %t", got, complete)
		}
	}
	ask("security", "reader")
	ask("security", "reader")
	ask("security", "other")
	ask("elsewhere", "reader")
	clock.SetTime(clock.Now().Add(validFor))
	ask("security", "reader")
	want := map[string]int{}
	for who, n := range map[string]int{"security/reader": 2, "security/other": 1, "elsewhere/reader": 1} {
		want[who+": shop/web-5d4f-abcde"], want[who+": shop/gone"] = n, n
	}
	if diff := cmp.Diff(want, s.gets); diff != "" {
		t.Error(diff)
	}
}

// A flood of one tenant is not looked up, and holds no other tenant up.
func TestFlood(t *testing.T) {
	s, clock := newServer(web()), testingclock.NewFakePassiveClock(time.Unix(1e9, 0))
	pods := New(s, clock)
	flood := func(n int) (refused int) {
		for i := range n {
			if got, complete := pods.Of(t.Context(), "noisy", "reader", alertAbout(pod(fmt.Sprintf("shop/%d-%d", n, i)))); !complete {
				refused++
			} else if len(got) > 0 {
				t.Errorf("got %v", got)
			}
		}
		return refused
	}
	if got := flood(1000); got != 1000-burst || len(s.gets) != burst {
		t.Errorf("%d refused, %d asked", got, len(s.gets))
	}
	if _, complete := pods.Of(t.Context(), "quiet", "reader", alertAbout(pod("shop/web-5d4f-abcde"))); !complete {
		t.Error("another tenant waits")
	}
	clock.SetTime(clock.Now().Add(time.Second))
	if got := flood(100); got != 100-perSecond {
		t.Errorf("%d refused a second later", got)
	}
}

func TestAPIServerFails(t *testing.T) {
	s, clock := newServer(web()), testingclock.NewFakePassiveClock(time.Unix(1e9, 0))
	pods := New(s, clock)
	about := alertAbout(pod("shop/web-5d4f-abcde"))
	s.fails = errors.New("away")
	for range 5 {
		if got, complete := pods.Of(t.Context(), "security", "reader", about); complete || got != nil {
			t.Errorf("got %v", got)
		}
	}
	if n := s.gets["security/reader: shop/web-5d4f-abcde"]; n != 1 {
		t.Errorf("asked %d times of an API server that does not answer", n)
	}
	s.fails = nil
	clock.SetTime(clock.Now().Add(pause))
	if got, complete := pods.Of(t.Context(), "security", "reader", about); !complete || len(got) == 0 {
		t.Errorf("got %v, complete: %t", got, complete)
	}
}

// What cannot be the name of a pod is nothing to ask for, and stops no look-up of
// another: whoever sends alerts could silence a tenant's otherwise.
func TestNoPodOfThatName(t *testing.T) {
	s := newServer(web())
	pods := New(s, testingclock.NewFakePassiveClock(time.Unix(1e9, 0)))
	var named []model.Key
	for _, name := range []string{"shop/a%b", "shop/..", "shop/", "/web", "web", "../shop/web", "shop/a/b", "SHOP/web", "sh.op/web", "shop/web_1"} {
		named = append(named, pod(name))
	}
	got, complete := pods.Of(t.Context(), "security", "reader", alertAbout(append(named, pod("shop/web-5d4f-abcde"))...))
	if len(got) == 0 || !complete {
		t.Errorf("got %v, complete: %t", got, complete)
	}
	if diff := cmp.Diff(map[string]int{"security/reader: shop/web-5d4f-abcde": 1}, s.gets); diff != "" {
		t.Error(diff)
	}
}

// What the service account may not see is not added, and not asked for again
// each time.
func TestForbidden(t *testing.T) {
	s := newServer(web())
	s.fails = apierrors.NewForbidden(corev1.Resource("pods"), "web-5d4f-abcde", errors.New("no"))
	pods := New(s, testingclock.NewFakePassiveClock(time.Unix(1e9, 0)))
	for range 3 {
		if got, complete := pods.Of(t.Context(), "security", "reader", alertAbout(pod("shop/web-5d4f-abcde"))); !complete || len(got) > 0 {
			t.Errorf("got %v, complete: %t", got, complete)
		}
	}
	if n := s.gets["security/reader: shop/web-5d4f-abcde"]; n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// Whatever a pod and an alert say, what is added can be written.
func FuzzEntitiesOf(f *testing.F) {
	f.Add("web-5d4f", "ReplicaSet", "5d4f", "node-1", "cart", "nginx:1", "docker.io/library/nginx@"+digest)
	f.Add("", "Node", "", "", "default", "@@", "@sha256:")
	f.Fuzz(func(t *testing.T, owner, kind, hash, node, account, image, id string) {
		got := entitiesOf(web(func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{ownedBy("apps/v1", kind, owner)}
			p.Labels["pod-template-hash"] = hash
			p.Spec.NodeName, p.Spec.ServiceAccountName, p.Spec.Containers[0].Image = node, account, image
			p.Status.ContainerStatuses[0].ImageID = id
		}), nil)
		for _, e := range got {
			if e.Name == "" || len(e.Name) > 512 {
				t.Errorf("%q", e.Key)
			}
		}
	})
}
