package launch_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/controllers/investigation/launch"
	"github.com/tocsin-dev/tocsin/internal/workload"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

const incident = "shell-in-web"

type world struct {
	*testing.T
	c        client.Client
	ns       string
	ctl      *launch.Controller
	recorder *events.FakeRecorder
}

func newWorld(t *testing.T, c client.Client) *world {
	t.Helper()
	w := &world{T: t, c: c, ns: environment.Namespace(t, c), recorder: events.NewFakeRecorder(100)}
	w.ctl = launch.New(launch.Deps{Client: c, Recorder: w.recorder})
	w.create(builders.Incident(w.ns, incident))
	w.create(builders.Playbook(w.ns, "pods"))
	return w
}

func (w *world) create(obj client.Object) {
	w.Helper()
	if err := w.c.Create(w.Context(), obj); err != nil {
		w.Fatal(err)
	}
}

// alert makes an alert of the incident that names what is given.
func (w *world) alert(name string, keys ...v1alpha1.EntityKey) {
	w.Helper()
	a := builders.Alert(w.ns, name, func(a *v1alpha1.Alert) {
		a.Spec.Entities = nil
		for _, k := range keys {
			a.Spec.Entities = append(a.Spec.Entities, v1alpha1.Entity{EntityKey: k, Role: "Attacked", Category: v1alpha1.EntityImpactedAsset})
		}
	})
	w.create(a)
	a.Status.IncidentName = incident
	if err := w.c.Status().Update(w.Context(), a); err != nil {
		w.Fatal(err)
	}
}

func (w *world) reconcile() {
	w.Helper()
	_, err := w.ctl.Reconcile(w.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Namespace: w.ns, Name: incident}})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) investigations() []v1alpha1.Investigation {
	w.Helper()
	var list v1alpha1.InvestigationList
	if err := w.c.List(w.Context(), &list, client.InNamespace(w.ns)); err != nil {
		w.Fatal(err)
	}
	return list.Items
}

// reach puts every investigation into a state, as their controller would.
func (w *world) reach(state v1alpha1.InvestigationState, completed metav1.ConditionStatus) {
	w.Helper()
	for _, inv := range w.investigations() {
		if meta.IsStatusConditionTrue(inv.Status.Conditions, v1alpha1.InvestigationConditionCompleted) {
			continue
		}
		inv.Status.State = state
		if state == v1alpha1.InvestigationPendingApproval {
			inv.Status.PendingApprovals = ptr.To(int32(1))
		}
		inv.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.InvestigationConditionCompleted, Status: completed, Reason: string(state), Message: "x", LastTransitionTime: inv.CreationTimestamp,
		}}
		if err := w.c.Status().Update(w.Context(), &inv); err != nil {
			w.Fatal(err)
		}
	}
}

var (
	web0    = v1alpha1.EntityKey{Kind: "Pod", Name: "web/web-0"}
	web1    = v1alpha1.EntityKey{Kind: "Pod", Name: "web/web-1"}
	account = v1alpha1.EntityKey{Kind: "ServiceAccount", Name: "web/default"}
)

func TestLaunch(t *testing.T) {
	_, c := environment.Start(t)
	for name, test := range map[string]func(*world){
		"the first alert starts one": func(w *world) {
			w.alert("a", web0)
			w.reconcile()
			w.reconcile()
			got := w.investigations()
			if len(got) != 1 {
				w.Fatalf("%d investigations", len(got))
			}
			want := v1alpha1.InvestigationSpec{
				IncidentName: incident, PlaybookName: "pods", AlertName: "a",
				Entities: []v1alpha1.Entity{{EntityKey: web0, Role: "Attacked", Category: v1alpha1.EntityImpactedAsset}},
			}
			if diff := cmp.Diff(want, got[0].Spec); diff != "" {
				w.Error(diff)
			}
			if ref := got[0].OwnerReferences; len(ref) != 1 || ref[0].Name != incident {
				w.Errorf("owners are %v", ref)
			}
			if e := <-w.recorder.Events; !strings.Contains(e, "InvestigationStarted") {
				w.Errorf("event is %s", e)
			}
		},
		"no alert, no investigation": func(w *world) {
			w.reconcile()
			if len(w.investigations()) != 0 {
				w.Error("one was started for nothing")
			}
		},
		"while one examines, alerts start nothing": func(w *world) {
			w.alert("a", web0)
			w.reconcile()
			w.alert("b", web1)
			w.reach(v1alpha1.InvestigationRunning, metav1.ConditionFalse)
			w.reconcile()
			if len(w.investigations()) != 1 {
				w.Error("a second one was started")
			}
		},
		"a new entity starts another after the end": func(w *world) {
			w.alert("a", web0)
			w.reconcile()
			w.alert("b", account)
			w.reach(v1alpha1.InvestigationBenign, metav1.ConditionTrue)
			w.reconcile()
			w.reconcile()
			got := w.investigations()
			if len(got) != 2 {
				w.Fatalf("%d investigations", len(got))
			}
			for _, inv := range got {
				if inv.Spec.AlertName == "b" && len(inv.Spec.Entities) != 2 {
					w.Errorf("it examines %v", inv.Spec.Entities)
				}
			}
			w.reach(v1alpha1.InvestigationBenign, metav1.ConditionTrue)
			w.reconcile()
			if len(w.investigations()) != 2 {
				w.Error("what was examined is examined again")
			}
		},
		"what was examined before a merge is not examined again": func(w *world) {
			for source, target := range map[string]v1alpha1.LocalName{"first": "second", "second": incident} {
				inc := builders.Incident(w.ns, source)
				w.create(inc)
				inc.Status.RedirectedTo = target
				if err := w.c.Status().Update(w.Context(), inc); err != nil {
					w.Fatal(err)
				}
			}
			former := builders.Investigation(w.ns, "former", func(inv *v1alpha1.Investigation) { inv.Spec.IncidentName = "first" })
			w.create(former)
			w.reach(v1alpha1.InvestigationBenign, metav1.ConditionTrue)
			w.alert("a", web0)
			w.reconcile()
			if got := w.investigations(); len(got) != 1 {
				w.Errorf("%d investigations", len(got))
			}
		},
		"one that waits for people holds up nothing": func(w *world) {
			w.alert("a", web0)
			w.reconcile()
			w.alert("b", account)
			w.reach(v1alpha1.InvestigationPendingApproval, metav1.ConditionFalse)
			w.reconcile()
			if len(w.investigations()) != 2 {
				w.Error("an attack goes on while nobody approves")
			}
		},
		"a resolved incident is left alone": func(w *world) {
			w.alert("a", web0)
			inc := &v1alpha1.Incident{}
			if err := w.c.Get(w.Context(), client.ObjectKey{Namespace: w.ns, Name: incident}, inc); err != nil {
				w.Fatal(err)
			}
			inc.Spec.State = v1alpha1.IncidentResolved
			if err := w.c.Update(w.Context(), inc); err != nil {
				w.Fatal(err)
			}
			w.reconcile()
			if len(w.investigations()) != 0 {
				w.Error("one was started")
			}
		},
		"a suspended playbook starts nothing": func(w *world) {
			p := &v1alpha1.Playbook{}
			if err := w.c.Get(w.Context(), client.ObjectKey{Namespace: w.ns, Name: "pods"}, p); err != nil {
				w.Fatal(err)
			}
			suspend := true
			p.Spec.Suspend = &suspend
			if err := w.c.Update(w.Context(), p); err != nil {
				w.Fatal(err)
			}
			w.alert("a", web0)
			w.reconcile()
			if len(w.investigations()) != 0 {
				w.Error("one was started")
			}
		},
		"a playbook of another tenant starts nothing": func(w *world) {
			other := environment.Namespace(w.T, w.c)
			w.create(builders.Incident(other, incident))
			a := builders.Alert(other, "a")
			w.create(a)
			a.Status.IncidentName = incident
			if err := w.c.Status().Update(w.Context(), a); err != nil {
				w.Fatal(err)
			}
			_, err := w.ctl.Reconcile(w.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Namespace: other, Name: incident}})
			if err != nil {
				w.Fatal(err)
			}
			var list v1alpha1.InvestigationList
			if err := w.c.List(w.Context(), &list, client.InNamespace(other)); err != nil || len(list.Items) != 0 {
				w.Errorf("%d investigations, %v", len(list.Items), err)
			}
		},
		"a name that is taken is not taken for ours": func(w *world) {
			w.alert("a", web0)
			w.create(builders.Investigation(w.ns, workload.InvestigationName(incident, "pods", 0), func(inv *v1alpha1.Investigation) {
				inv.Spec.IncidentName = "another"
			}))
			_, err := w.ctl.Reconcile(w.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Namespace: w.ns, Name: incident}})
			if err == nil || !strings.Contains(err.Error(), "for incident another") {
				w.Errorf("error is %v", err)
			}
		},
		"no incident yet": func(w *world) {
			_, err := w.ctl.Reconcile(w.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Namespace: w.ns, Name: "later"}})
			if err != nil {
				w.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c)
			w.T = t
			test(w)
		})
	}
}
