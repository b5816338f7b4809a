package admission_test

import (
	"encoding/json"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// A request is one way to send a changed object. All of them must do.
type request struct {
	name string
	send func(t *testing.T, user string, stored, changed client.Object) error
}

// requests are the ways in which people and programs write.
var requests = []request{
	{"update", func(t *testing.T, user string, _, changed client.Object) error {
		return as(t, user).Update(t.Context(), changed)
	}},
	{"merge patch", func(t *testing.T, user string, stored, changed client.Object) error {
		return as(t, user).Patch(t.Context(), changed, client.MergeFrom(stored))
	}},
	{"server-side apply", func(t *testing.T, user string, _, changed client.Object) error {
		applied := asApplied(t, changed)
		err := as(t, user).Apply(t.Context(), client.ApplyConfigurationFromUnstructured(applied),
			client.FieldOwner("test-"+user), client.ForceOwnership)
		if err != nil {
			return err
		}
		return as(t, user).Get(t.Context(), client.ObjectKeyFromObject(changed), changed)
	}},
}

// asApplied is what a person would write into a file: kind, name and spec.
func asApplied(t *testing.T, object client.Object) *unstructured.Unstructured {
	t.Helper()
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal(raw, &u.Object); err != nil {
		t.Fatal(err)
	}
	delete(u.Object, "status")
	u.Object["metadata"] = map[string]any{"name": object.GetName(), "namespace": object.GetNamespace()}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kindOf(object)))
	return u
}

func kindOf(object client.Object) string {
	switch object.(type) {
	case *v1alpha1.Alert:
		return "Alert"
	case *v1alpha1.Incident:
		return "Incident"
	default:
		return "Remediation"
	}
}

// create stores an object as the named user.
func create[T client.Object](t *testing.T, user string, object T) T {
	t.Helper()
	if err := as(t, user).Create(t.Context(), object); err != nil {
		t.Fatalf("%s creates %s: %v", user, object.GetName(), err)
	}
	return object
}

// waiting stores a remediation that a person asked for and that waits for a
// decision on builders.Digest.
func waiting(t *testing.T, requester, name string, mutate ...func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	t.Helper()
	r := create(t, requester, builders.Remediation(namespace, name, mutate...))
	return inState(t, r, v1alpha1.RemediationPendingApproval, builders.Digest)
}

// inState writes a remediation's state as Tocsin does, and reads it back.
func inState(t *testing.T, r *v1alpha1.Remediation, state v1alpha1.RemediationState, digest string) *v1alpha1.Remediation {
	t.Helper()
	r.Status.State, r.Status.Digest = state, digest
	if err := as(t, operator).Status().Update(t.Context(), r); err != nil {
		t.Fatalf("setting %s to %s: %v", r.Name, state, err)
	}
	return r
}

// stored reads an object as it is kept.
func stored[T client.Object](t *testing.T, object T) T {
	t.Helper()
	fresh := object.DeepCopyObject().(T)
	if err := as(t, admin).Get(t.Context(), client.ObjectKeyFromObject(object), fresh); err != nil {
		t.Fatal(err)
	}
	return fresh
}

// wantRefused fails the test unless the API server refused with the message.
func wantRefused(t *testing.T, err error, message string) {
	t.Helper()
	switch {
	case err == nil:
		t.Fatalf("taken, want refused: %s", message)
	case !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err):
		t.Fatalf("want Forbidden or Invalid, got %v", err)
	case !strings.Contains(err.Error(), message):
		t.Fatalf("refused with another message:\n got %v\nwant %s", err, message)
	}
}

// wantTaken fails the test if the API server refused.
func wantTaken(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
}

// mergePatch is a merge patch as a client writes it that read nothing before.
func mergePatch(body string) client.Patch { return client.RawPatch(types.MergePatchType, []byte(body)) }

// jsonPatch is a JSON patch.
func jsonPatch(body string) client.Patch { return client.RawPatch(types.JSONPatchType, []byte(body)) }

func moment(seconds int) *metav1.Time {
	at := metav1.NewTime(builders.Time)
	at.Time = at.AddDate(0, 0, seconds)
	return &at
}
