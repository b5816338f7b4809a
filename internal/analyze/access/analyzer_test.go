package access_test

import (
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/tocsin-dev/tocsin/internal/analyze/access"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

// cluster answers reviews: who may do what is said by allow.
func cluster(allow func(authorizationv1.SubjectAccessReviewSpec) bool) *fake.Clientset {
	client := fake.NewClientset(
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "web-0"}, Spec: corev1.PodSpec{ServiceAccountName: "default"}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "default", UID: "account-uid"}},
	)
	client.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		create, ok := action.(clienttesting.CreateAction)
		if !ok {
			return false, nil, nil
		}
		review, ok := create.GetObject().(*authorizationv1.SubjectAccessReview)
		if !ok {
			return false, nil, nil
		}
		review.Status.Allowed = allow(review.Spec)
		return true, review, nil
	})
	return client
}

func TestAnalyze(t *testing.T) {
	pod := document.Entity{Kind: "Pod", Name: "web/web-0", Role: "Compromised"}
	named := document.Entity{Kind: "ServiceAccount", Name: "web/default", Role: "Attacker"}
	listed := document.Alert{Severity: "High", Tactics: []string{"CredentialAccess"}, Entities: []int{0}}
	never := func(authorizationv1.SubjectAccessReviewSpec) bool { return false }
	always := func(authorizationv1.SubjectAccessReviewSpec) bool { return true }
	clusterSecrets := func(s authorizationv1.SubjectAccessReviewSpec) bool {
		return s.ResourceAttributes.Resource == "secrets" && s.User == "system:serviceaccount:web:default" &&
			len(s.Groups) == 3 && s.Groups[1] == "system:serviceaccounts:web"
	}
	for name, tc := range map[string]struct {
		reason  string
		allow   func(authorizationv1.SubjectAccessReviewSpec) bool
		in      document.Input
		verdict string
		says    string
	}{
		"powerless":            {reason: "nothing speaks against it", allow: never, in: document.Input{Entities: []document.Entity{{Kind: "ServiceAccount", Name: "web/default"}}}, verdict: "NoThreatsFound"},
		"cluster-admin":        {reason: "power alone is not malice", allow: always, in: document.Input{Entities: []document.Entity{{Kind: "ServiceAccount", Name: "web/default"}}}, verdict: "Suspicious", says: "cluster-admin"},
		"of a taken pod":       {reason: "who holds the pod holds its account", allow: clusterSecrets, in: document.Input{Entities: []document.Entity{pod}}, verdict: "Malicious", says: "list Secrets in every namespace"},
		"used by the intruder": {reason: "an alert saw it used", allow: clusterSecrets, in: document.Input{Entities: []document.Entity{named}, Alerts: []document.Alert{listed}}, verdict: "Malicious", says: "Attacker"},
		"named and of a pod":   {reason: "one account, one verdict", allow: never, in: document.Input{Entities: []document.Entity{pod, named}}, verdict: "Suspicious", says: "Attacker"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := access.Analyzer{Client: cluster(tc.allow)}.Analyze(t.Context(), tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Verdicts) != 1 {
				t.Fatalf("verdicts: %+v", got.Verdicts)
			}
			v := got.Verdicts[0]
			if v.Kind != "ServiceAccount" || v.Name != "web/default" || v.UID != "account-uid" || v.Verdict != tc.verdict || !strings.Contains(v.Reason, tc.says) {
				t.Errorf("%s: got %+v", tc.reason, v)
			}
		})
	}
}

func TestMissingPermissionIsNamed(t *testing.T) {
	client := cluster(nil)
	client.PrependReactor("create", "subjectaccessreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "subjectaccessreviews"}, "", nil)
	})
	got, err := access.Analyzer{Client: client}.Analyze(t.Context(), document.Input{Entities: []document.Entity{{Kind: "ServiceAccount", Name: "web/default"}}})
	if err != nil {
		t.Fatal(err)
	}
	if v := got.Verdicts[0]; v.Verdict != "Unknown" || !strings.Contains(v.Reason, "create subjectaccessreviews") {
		t.Errorf("got %+v", v)
	}
}
