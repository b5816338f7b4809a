// Package e2e_test asserts the demo's story on a real cluster with real pods.
// `make test-e2e` starts the cluster; elsewhere the tests are skipped.
package e2e_test

import (
	"os"
	"testing"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	corev1 "k8s.io/api/core/v1"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/environment"
	"github.com/tocsin-dev/tocsin/test/story"
)

// One test, because each part goes on where the one before has ended.
func TestStory(t *testing.T) {
	if os.Getenv("TOCSIN_E2E") != "1" {
		t.Skip("TOCSIN_E2E is not 1: run this by `make test-e2e`, which brings a cluster")
	}
	w, err := story.FromEnvironment(environment.Root(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i, step := range story.Steps() {
		if !t.Run(step.Title, func(t *testing.T) {
			if err := w.Play(t.Context(), i+1, step); err != nil {
				t.Fatal(err)
			}
		}) {
			t.FailNow()
		}
	}
	for name, check := range map[string]func(*testing.T, *story.World){
		"every threat is answered":       threatsAreAnswered,
		"response times are known":       timesAreKnown,
		"nothing of Tocsin has crashed":  nothingCrashed,
		"no token is in Tocsin's log":    noTokenIsLogged,
		"occurrences are counted":        occurrencesAreCounted,
		"what was asked by hand is kept": requestsAreKept,
	} {
		t.Run(name, func(t *testing.T) { check(t, w) })
	}
	t.Run("an unchanged cluster is left alone", func(t *testing.T) { quiet(t, w) })
	t.Run("rights that are used are granted", func(t *testing.T) { rights(t, w) })
}

func threatsAreAnswered(t *testing.T, w *story.World) {
	for _, e := range incident(t, w).Status.Evidence {
		if e.Kind == "Pod" && e.Verdict == v1alpha1.VerdictMalicious && e.RemediationStatus != "Remediated" {
			t.Errorf("%s %s is %s", e.Kind, e.Name, e.RemediationStatus)
		}
	}
}

func timesAreKnown(t *testing.T, w *story.World) {
	times := incident(t, w).Status.Times
	if times == nil || times.Acknowledged == nil || times.Contained == nil || times.Resolved == nil {
		t.Fatalf("times are missing: %+v", times)
	}
	if times.Resolved.Before(times.Contained) {
		t.Errorf("resolved before it was contained: %+v", times)
	}
}

func nothingCrashed(t *testing.T, w *story.World) {
	var pods corev1.PodList
	if err := w.Client.List(t.Context(), &pods, client.InNamespace(story.System)); err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods.Items {
		for _, c := range pod.Status.ContainerStatuses {
			if c.RestartCount > 0 {
				t.Errorf("container %s of pod %s was restarted %d times: %+v", c.Name, pod.Name, c.RestartCount, c.LastTerminationState)
			}
		}
	}
}

func occurrencesAreCounted(t *testing.T, w *story.World) {
	alerts, err := w.Alerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts {
		// The attacker entered the pod three times.
		if a.Spec.Source.Rule == "pod-exec" && ptr.Deref(a.Status.Occurrences, 0) < 3 {
			t.Errorf("%q counts %d occurrences, want 3 at least", a.Spec.Title, ptr.Deref(a.Status.Occurrences, 0))
		}
	}
}

// requestsAreKept asserts the stamps of the API server.
func requestsAreKept(t *testing.T, w *story.World) {
	remediations, err := w.Remediations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range remediations {
		want := "system:serviceaccount:" + story.System + ":tocsin"
		if r.Name == "by-hand" {
			want = story.Bob
		}
		if r.Spec.RequestedBy != want {
			t.Errorf("%s was asked for by %q, want %q", r.Name, r.Spec.RequestedBy, want)
		}
		if r.Spec.Action == v1alpha1.ActionDeletePod && r.Status.ApprovedBy != story.Bob {
			t.Errorf("%s was approved by %q, want %s", r.Name, r.Status.ApprovedBy, story.Bob)
		}
	}
	if got := incident(t, w).Spec.Comments; len(got) != 1 || got[0].Author != story.Alice || got[0].Time == nil {
		t.Errorf("the comment is not stamped: %+v", got)
	}
}

func incident(t *testing.T, w *story.World) *v1alpha1.Incident {
	t.Helper()
	found := &v1alpha1.Incident{}
	if err := w.Client.Get(t.Context(), client.ObjectKey{Namespace: story.Tenant, Name: w.Incident}, found); err != nil {
		t.Fatal(err)
	}
	return found
}
