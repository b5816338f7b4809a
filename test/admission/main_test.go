// Package admission tests the admission policies of config/admission and the
// roles of config/rbac against a real API server.
package admission_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// The people and the parts of Tocsin that act in these tests. Their rights are
// in people, below.
const (
	alice    = "alice"                                             // responder
	bob      = "bob"                                               // responder and approver
	carol    = "carol"                                             // approver
	dave     = "dave"                                              // approver of one remediation, by its name
	erin     = "erin"                                              // editor, for GitOps
	victor   = "victor"                                            // viewer
	playbook = "system:serviceaccount:" + namespace + ":responder" // a tenant's service account, responder
	robot    = "system:serviceaccount:" + namespace + ":duty-bot"  // a tenant's service account, approver
	operator = "system:serviceaccount:tocsin-system:tocsin"        // Tocsin itself
	admin    = "admin"                                             // cluster-admin
)

const (
	namespace  = "soc"
	elsewhere  = "other-tenant"
	daveDecide = "isolate-by-name"
)

// people binds names to the cluster roles of config/rbac/people.yaml.
var people = map[string][]string{
	alice:    {"tocsin-responder"},
	bob:      {"tocsin-responder", "tocsin-approver"},
	carol:    {"tocsin-approver"},
	dave:     {"tocsin-responder"},
	erin:     {"tocsin-editor"},
	victor:   {"tocsin-viewer"},
	playbook: {"tocsin-responder"},
	robot:    {"tocsin-approver"},
}

var (
	config *rest.Config
	scheme = runtime.NewScheme()
	// auditLog is where the API server writes its audit events.
	auditLog string
	// kubeconfig is a file with which kubectl acts as cluster-admin.
	kubeconfig string
	// names makes object names unique within the run.
	names atomic.Int64
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		fmt.Fprintln(os.Stderr, "KUBEBUILDER_ASSETS must name the folder of kube-apiserver and etcd")
		return 1
	}
	folder, err := os.MkdirTemp("", "tocsin-admission-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)

	environment, err := start(folder)
	defer func() {
		if err := environment.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the API server:", err)
		}
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "preparing the API server:", err)
		return 1
	}
	return m.Run()
}

// start brings up an API server that has the kinds, the policies and the roles.
func start(folder string) (*envtest.Environment, error) {
	environment := &envtest.Environment{
		CRDDirectoryPaths:        []string{filepath.Join("..", "..", "config", "crd")},
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: time.Minute,
		ControlPlaneStopTimeout:  time.Minute,
	}
	policy := filepath.Join(folder, "audit-policy.yaml")
	auditLog = filepath.Join(folder, "audit.log")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return environment, err
	}
	environment.ControlPlane.GetAPIServer().Configure().
		Set("authorization-mode", "RBAC").
		Set("audit-policy-file", policy).
		Set("audit-log-path", auditLog).
		Set("audit-log-mode", "blocking")

	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return environment, err
		}
	}
	var err error
	if config, err = environment.Start(); err != nil {
		return environment, err
	}
	kubeconfig = filepath.Join(folder, "kubeconfig")
	if err := os.WriteFile(kubeconfig, environment.KubeConfig, 0o600); err != nil {
		return environment, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return environment, install(ctx)
}

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch]
  resources: [{group: tocsin.dev}]
- level: None
`

func install(ctx context.Context) error {
	c, err := clientFor("")
	if err != nil {
		return err
	}
	for _, name := range []string{namespace, elsewhere} {
		if err := c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			return err
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "admission", "*.yaml"))
	if err != nil {
		return err
	}
	files = append(files, filepath.Join("..", "..", "config", "rbac", "people.yaml"))
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		objects, err := readYAML(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for _, object := range objects {
			if err := c.Create(ctx, object); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	for _, object := range rights() {
		if err := c.Create(ctx, object); err != nil {
			return err
		}
	}
	return waitForPolicies(ctx)
}

func readYAML(file string) ([]*unstructured.Unstructured, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(f, 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// rights gives the people their roles in the namespace, Dave the verb approve
// on one remediation, and Tocsin what it needs.
func rights() []client.Object {
	var objects []client.Object
	bind := func(name, user, roleKind, role string) {
		objects = append(objects, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: roleKind, Name: role},
		})
	}
	i := 0
	for user, roles := range people {
		for _, role := range roles {
			i++
			bind(fmt.Sprintf("person-%d", i), user, "ClusterRole", role)
		}
	}
	group := []string{v1alpha1.GroupVersion.Group}
	objects = append(objects,
		&rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Name: daveDecide, Namespace: namespace},
			Rules: []rbacv1.PolicyRule{{
				APIGroups: group, Resources: []string{"remediations"}, ResourceNames: []string{daveDecide}, Verbs: []string{"approve"},
			}},
		},
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "tocsin"},
			Rules: []rbacv1.PolicyRule{
				{APIGroups: group, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch", "create", "update", "patch"}},
				{APIGroups: group, Resources: []string{"remediations"}, Verbs: []string{"automate"}},
				{APIGroups: group, Resources: []string{"alerts"}, Verbs: []string{"ingest"}},
			},
		})
	bind(daveDecide, dave, "Role", daveDecide)
	bind("tocsin", operator, "ClusterRole", "tocsin")
	return objects
}

// waitForPolicies returns when every policy and right is in force. A policy
// becomes active a moment after it was created: each is probed with a request
// that it must change or refuse.
func waitForPolicies(ctx context.Context) error {
	asAdmin, err := clientFor("")
	if err != nil {
		return err
	}
	asAlice, err := clientFor(alice)
	if err != nil {
		return err
	}
	asOperator, err := clientFor(operator)
	if err != nil {
		return err
	}
	probe := builders.Incident(namespace, uniqueName("probe"), func(i *v1alpha1.Incident) {
		i.Spec.Comments = []v1alpha1.Comment{{Text: "probe"}}
	})
	if err := until(ctx, func() bool { return asAdmin.Create(ctx, probe.DeepCopy(), client.DryRunAll) == nil }); err != nil {
		return err
	}
	checks := map[string]func() bool{
		"stamp-comments": func() bool {
			i := probe.DeepCopy()
			return asAlice.Create(ctx, i, client.DryRunAll) == nil && i.Spec.Comments[0].Author == alice
		},
		"stamp-remediations": func() bool {
			r := builders.Remediation(namespace, uniqueName("probe"))
			return asAlice.Create(ctx, r, client.DryRunAll) == nil && r.Spec.RequestedBy == alice
		},
		"stamp-incident-merges": func() bool {
			i := builders.Incident(namespace, uniqueName("probe"), mergeInto("other", "probe", ""))
			return asAlice.Create(ctx, i, client.DryRunAll) == nil && i.Spec.MergeInto.RequestedBy == alice
		},
		"remediation-requests": func() bool {
			r := builders.Remediation(namespace, uniqueName("probe"), automatic)
			return refusedBy(asAlice.Create(ctx, r, client.DryRunAll), "remediation-requests")
		},
		"remediation-approvals": func() bool {
			r := builders.Remediation(namespace, uniqueName("probe"), approvedAtOnce)
			return refusedBy(asAlice.Create(ctx, r, client.DryRunAll), "remediation-approvals")
		},
		"ingestion": func() bool {
			return refusedBy(asAlice.Create(ctx, builders.Alert(namespace, uniqueName("probe"), ingested), client.DryRunAll), "ingestion")
		},
		"rights of Tocsin": func() bool {
			return asOperator.Create(ctx, builders.Remediation(namespace, uniqueName("probe"), automatic), client.DryRunAll) == nil
		},
	}
	for what, holds := range checks {
		if err := until(ctx, holds); err != nil {
			return fmt.Errorf("%s is not in force: %w", what, err)
		}
	}
	// These only guard what exists.
	if err := asAdmin.Create(ctx, probe); err != nil {
		return err
	}
	probe.Spec.Comments = nil
	err = until(ctx, func() bool { return refusedBy(asAdmin.Update(ctx, probe.DeepCopy(), client.DryRunAll), "comments") })
	if err != nil {
		return fmt.Errorf("comments is not in force: %w", err)
	}
	merged := builders.Incident(namespace, uniqueName("probe"))
	if err := asAdmin.Create(ctx, merged); err != nil {
		return err
	}
	merged.Status.RedirectedTo = "other"
	if err := asAdmin.Status().Update(ctx, merged); err != nil {
		return err
	}
	mergeInto("other", "probe", "")(merged)
	err = until(ctx, func() bool {
		return refusedBy(asAdmin.Update(ctx, merged.DeepCopy(), client.DryRunAll), "incident-merges")
	})
	if err != nil {
		return fmt.Errorf("incident-merges is not in force: %w", err)
	}
	return nil
}

func until(ctx context.Context, holds func() bool) error {
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 30*time.Second, true,
		func(context.Context) (bool, error) { return holds(), nil })
}

func refusedBy(err error, policy string) bool {
	return err != nil && strings.Contains(err.Error(), "'"+policy+".tocsin.dev'")
}

// clientFor acts as the named user; as cluster-admin where there is no name.
func clientFor(user string) (client.Client, error) {
	c := rest.CopyConfig(config)
	if user != "" && user != admin {
		c.Impersonate = rest.ImpersonationConfig{UserName: user}
		if strings.HasPrefix(user, "system:serviceaccount:") {
			c.Impersonate.Groups = []string{"system:serviceaccounts"}
		}
	}
	return client.New(c, client.Options{Scheme: scheme})
}

// as acts as the named user.
func as(t *testing.T, user string) client.Client {
	t.Helper()
	c, err := clientFor(user)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// uniqueName makes a name for an object of a test.
func uniqueName(prefix string) string {
	return fmt.Sprintf("%s-%d", prefix, names.Add(1))
}

func automatic(r *v1alpha1.Remediation) { r.Spec.Approval = v1alpha1.ApprovalAutomatic }

func approvedAtOnce(r *v1alpha1.Remediation) {
	r.Spec.Approvals = []v1alpha1.Approval{builders.Approval(v1alpha1.DecisionApprove, builders.Digest)}
}
