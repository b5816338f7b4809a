package operator_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// aheadClock is the real clock, some time ahead.
type aheadClock struct {
	clock.RealClock
	by atomic.Int64
}

func (c *aheadClock) Now() time.Time                  { return c.RealClock.Now().Add(time.Duration(c.by.Load())) }
func (c *aheadClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// reporting is a tenant that watches the reports of the namespace shop.
type reporting struct {
	*world
	clock        *aheadClock
	cfg          *rest.Config // of the operator
	tenant, shop string
	user         string // the operator's
	source       *v1alpha1.AlertSource
	dir          string
	probes       int
	end          func()
}

func newReporting(t *testing.T) *reporting {
	t.Helper()
	admin, c := environment.Start(t)
	if err := apiextensionsv1.AddToScheme(c.Scheme()); err != nil {
		t.Fatal(err)
	}
	r := &reporting{
		world: &world{T: t, c: c}, clock: &aheadClock{}, dir: t.TempDir(),
		tenant: environment.Namespace(t, c), shop: environment.Namespace(t, c),
	}
	r.user, r.cfg = r.operator(admin, environment.Namespace(t, c))
	r.source = builders.AlertSource(r.tenant, "trivy", func(s *v1alpha1.AlertSource) {
		s.Spec.Type, s.Spec.Auth = v1alpha1.AlertSourceTrivyOperator, v1alpha1.AlertSourceAuth{}
		s.Spec.Watch = &v1alpha1.AlertSourceWatch{ServiceAccountName: "scanner", Namespaces: []v1alpha1.LocalName{v1alpha1.LocalName(r.shop)}}
	})
	return r
}

// TestReports plays the life of reports: what makes them is installed and taken
// away, rights are given and taken, findings come, grow and go.
func TestReports(t *testing.T) {
	r := newReporting(t)
	r.create(r.source)
	r.start()
	defer func() { r.end() }()

	// What makes the reports is installed, and the rights are given one by one.
	r.ready("ReportsNotServed", "none of vulnerabilityreports.aquasecurity.github.io, ")
	r.define()
	r.later(31 * time.Second)
	r.ready("ReportsForbidden", "with the verb impersonate:serviceaccount on serviceaccounts.authentication.k8s.io")
	r.actAs()
	name := "tocsin-reports-" + r.tenant + "-scanner"
	r.ready("ReportsForbidden", fmt.Sprintf("kubectl create rolebinding %s --namespace=%s --clusterrole=%s --serviceaccount=%s:scanner", name, r.shop, name, r.tenant))
	r.allow()
	r.ready("Watching", "Watching vulnerabilityreports.aquasecurity.github.io, configauditreports.aquasecurity.github.io, exposedsecretreports.aquasecurity.github.io")

	// A finding comes, grows over a second container, shrinks, and goes.
	r.scan("web-app", "app", 2)
	r.open("2 critical vulnerabilities in Deployment web in namespace " + r.shop)
	r.scan("web-proxy", "proxy", 1)
	r.open("3 critical vulnerabilities in Deployment web in namespace " + r.shop)
	r.scan("web-app", "app", 0)
	r.open("1 critical vulnerability in Deployment web in namespace " + r.shop)
	r.scan("web-proxy", "proxy", 0)
	r.open()
	r.scan("web-app", "app", 2)
	r.open("2 critical vulnerabilities in Deployment web in namespace " + r.shop)

	// A report that is deleted may come again: it ends nothing at once.
	r.remove("web-app")
	r.later(9 * time.Minute)
	r.stays("2 critical vulnerabilities in Deployment web in namespace " + r.shop)
	r.inTime()

	// What nobody knows of ends nothing: the kind is gone, and the right.
	r.scan("web-app", "app", 2)
	r.open("2 critical vulnerabilities in Deployment web in namespace " + r.shop)
	r.undefine("vulnerabilityreports")
	r.later(31 * time.Second)
	r.ready("Watching", "Not in this cluster: vulnerabilityreports.aquasecurity.github.io")
	r.later(time.Hour)
	r.stays("2 critical vulnerabilities in Deployment web in namespace " + r.shop)
	r.restart()
	r.later(time.Hour)
	r.stays("2 critical vulnerabilities in Deployment web in namespace " + r.shop)
	r.forbid()
	r.define()
	r.later(31 * time.Second)
	r.ready("ReportsForbidden", "scanner may not list and watch vulnerabilityreports")
	r.later(time.Hour)
	r.remain("2 critical vulnerabilities in Deployment web in namespace " + r.shop)
	r.allow()
	r.ready("Watching", "Watching vulnerabilityreports")
	r.stays("2 critical vulnerabilities in Deployment web in namespace " + r.shop)
	r.inTime()

	// After a restart nothing is written where nothing changed.
	r.scan("web-app", "app", 2)
	r.open("2 critical vulnerabilities in Deployment web in namespace " + r.shop)
	before := r.settled()
	r.restart()
	r.later(time.Hour)
	r.scan("db-app", "app", 1) // That it is told of shows that all reports were looked at.
	r.open("1 critical vulnerability in Deployment db in namespace "+r.shop, "2 critical vulnerabilities in Deployment web in namespace "+r.shop)
	for name, version := range before {
		if after := r.settled()[name]; after != version {
			t.Errorf("alert %s was written: %s, then %s", name, version, after)
		}
	}

	// A source that is suspended or gone leaves its alerts as they are.
	r.update(func(s *v1alpha1.AlertSource) { s.Spec.Suspend = ptr.To(true) })
	r.ready("Suspended", "their alerts stay as they are")
	r.remove("db-app")
	r.later(time.Hour)
	r.remain("1 critical vulnerability in Deployment db in namespace "+r.shop, "2 critical vulnerabilities in Deployment web in namespace "+r.shop)
	r.update(func(s *v1alpha1.AlertSource) { s.Spec.Suspend = nil })
	r.ready("Watching", "")
	r.inTime("2 critical vulnerabilities in Deployment web in namespace " + r.shop)
	if err := r.c.Delete(t.Context(), r.source); err != nil {
		t.Fatal(err)
	}
	r.remove("web-app")
	r.later(time.Hour)
	r.remain("2 critical vulnerabilities in Deployment web in namespace " + r.shop)
}

func (r *reporting) start() {
	r.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	mgr, err := operator.New(r.cfg, operator.Options{
		Clock: r.clock, Namespaces: []string{r.tenant}, MetricsAddress: "0", HealthAddress: "0", Repeatable: true,
		Gateway: &operator.GatewayOptions{Listener: listener, SpoolDir: r.dir, DrainTimeout: 15 * time.Second},
	})
	if err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	r.end = func() {
		cancel()
		if err := <-ended; err != nil {
			r.Error(err)
		}
	}
}

func (r *reporting) restart() {
	r.end()
	r.start()
}

// update changes the source.
func (r *reporting) update(change func(*v1alpha1.AlertSource)) {
	r.Helper()
	await(r.T, func() error {
		if err := r.c.Get(r.Context(), client.ObjectKeyFromObject(r.source), r.source); err != nil {
			return err
		}
		change(r.source)
		return r.c.Update(r.Context(), r.source)
	})
}

// later lets time pass, and has the source looked at.
func (r *reporting) later(by time.Duration) {
	r.Helper()
	r.clock.by.Add(int64(by))
	r.touch()
}

func (r *reporting) touch() {
	patch := fmt.Sprintf(`{"metadata": {"annotations": {"touched": %q}}}`, r.clock.Now().Format(time.RFC3339Nano))
	err := r.c.Patch(r.Context(), r.source, client.RawPatch("application/merge-patch+json", []byte(patch)))
	if client.IgnoreNotFound(err) != nil {
		r.Fatal(err)
	}
}

// ready awaits the condition of the source.
func (r *reporting) ready(reason, message string) {
	r.Helper()
	await(r.T, func() error {
		if err := r.c.Get(r.Context(), client.ObjectKeyFromObject(r.source), r.source); err != nil {
			return err
		}
		got := meta.FindStatusCondition(r.source.Status.Conditions, "Ready")
		if got.Reason != reason || !strings.Contains(got.Message, message) {
			return fmt.Errorf("%s is %s: %s: %s", got.Type, got.Status, got.Reason, got.Message)
		}
		return nil
	})
}

// open awaits that these are the titles of the open alerts.
func (r *reporting) open(titles ...string) {
	r.Helper()
	await(r.T, func() error { return r.says(titles) })
}

// stays sees that these are, also after the reports were looked at once more: a
// report of another kind that comes is told of, in the same look.
func (r *reporting) stays(titles ...string) {
	r.Helper()
	r.probes++
	report := builders.TrivyReport("ConfigAuditReport", r.shop, fmt.Sprint("probe-", r.probes), fmt.Sprintf("probe%d-6d4cf56db6", r.probes), "", 1)
	r.create(report)
	await(r.T, func() error {
		for _, a := range r.alerts() {
			if strings.Contains(a.Spec.Title, fmt.Sprintf("Deployment probe%d ", r.probes)) {
				return nil
			}
		}
		return errors.New("the probe is not told of")
	})
	if err := r.says(titles); err != nil {
		r.Fatal(err)
	}
}

// remain sees that these are, where nobody looks any more.
func (r *reporting) remain(titles ...string) {
	r.Helper()
	if err := r.says(titles); err != nil {
		r.Fatal(err)
	}
}

// inTime awaits that these are the titles of the open alerts, as time passes.
func (r *reporting) inTime(titles ...string) {
	r.Helper()
	await(r.T, func() error {
		r.later(time.Minute)
		return r.says(titles)
	})
}

func (r *reporting) says(titles []string) error {
	var got []string
	for _, a := range r.alerts() {
		if a.Status.EndedTime == nil && !strings.Contains(a.Spec.Title, "Deployment probe") {
			got = append(got, a.Spec.Title)
		}
	}
	if diff := cmp.Diff(titles, got, cmp.Transformer("sorted", sorted)); diff != "" {
		return fmt.Errorf("open alerts (- want, + got):\n%s", diff)
	}
	return nil
}

func (r *reporting) alerts() []v1alpha1.Alert {
	var list v1alpha1.AlertList
	if err := r.c.List(r.Context(), &list, client.InNamespace(r.tenant)); err != nil {
		r.Fatal(err)
	}
	return list.Items
}

// settled awaits that every alert is correlated, and returns their revisions.
func (r *reporting) settled() map[string]string {
	r.Helper()
	revisions := map[string]string{}
	await(r.T, func() error {
		for _, a := range r.alerts() {
			if a.Status.IncidentName == "" {
				return fmt.Errorf("%s is not correlated", a.Name)
			}
			revisions[a.Name] = a.ResourceVersion
		}
		return nil
	})
	return revisions
}

func sorted(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return out
}

// actAs lets the operator act as the service account.
func (r *reporting) actAs() {
	r.Helper()
	r.grant(r.tenant, "act-as", r.user, rbacv1.PolicyRule{
		APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"serviceaccounts"}, ResourceNames: []string{"scanner"}, Verbs: []string{"impersonate:serviceaccount"},
	})
}

// allow lets the service account read the reports, forbid takes that away.
func (r *reporting) allow() {
	r.Helper()
	r.grant(r.shop, "reports", "system:serviceaccount:"+r.tenant+":scanner", rbacv1.PolicyRule{
		APIGroups: []string{"aquasecurity.github.io"}, Resources: []string{"vulnerabilityreports", "configauditreports", "exposedsecretreports"}, Verbs: []string{"list", "watch"},
	})
}

func (r *reporting) forbid() {
	r.Helper()
	for _, object := range []client.Object{&rbacv1.RoleBinding{}, &rbacv1.Role{}} {
		object.SetNamespace(r.shop)
		object.SetName("reports")
		if err := r.c.Delete(r.Context(), object); err != nil {
			r.Fatal(err)
		}
	}
}

// define installs the kinds of report that are not there.
func (r *reporting) define() {
	r.Helper()
	for _, kind := range []string{"VulnerabilityReport", "ConfigAuditReport", "ExposedSecretReport"} {
		r.install(builders.ReportDefinition("aquasecurity.github.io", "v1alpha1", kind, apiextensionsv1.NamespaceScoped))
	}
}

// install defines a kind, where that is not there, and awaits that it is served.
func (r *reporting) install(crd *apiextensionsv1.CustomResourceDefinition) {
	r.Helper()
	if err := client.IgnoreAlreadyExists(r.c.Create(r.Context(), crd)); err != nil {
		r.Fatal(err)
	}
	await(r.T, func() error {
		if err := r.c.Get(r.Context(), client.ObjectKeyFromObject(crd), crd); err != nil {
			return err
		}
		for _, condition := range crd.Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				return nil
			}
		}
		return errors.New("the kind is not served yet")
	})
}

// undefine takes a kind away, with its reports.
func (r *reporting) undefine(resource string) {
	r.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: resource + ".aquasecurity.github.io"}}
	if err := r.c.Delete(r.Context(), crd); err != nil {
		r.Fatal(err)
	}
	await(r.T, func() error {
		err := r.c.Get(r.Context(), client.ObjectKeyFromObject(crd), crd)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("the kind is still there: %w", err)
	})
}

// scan writes the report of a container of the Deployment that the name begins
// with, with so many critical vulnerabilities.
func (r *reporting) scan(name, container string, critical int64) {
	r.Helper()
	deployment, _, _ := strings.Cut(name, "-")
	report := builders.TrivyReport("VulnerabilityReport", r.shop, "replicaset-"+name, deployment+"-6d4cf56db6", container, critical)
	await(r.T, func() error {
		report.SetResourceVersion("")
		existing := report.DeepCopy()
		err := r.c.Get(r.Context(), client.ObjectKeyFromObject(report), existing)
		if apierrors.IsNotFound(err) {
			return r.c.Create(r.Context(), report)
		}
		report.SetResourceVersion(existing.GetResourceVersion())
		return errors.Join(err, r.c.Update(r.Context(), report))
	})
}

func (r *reporting) remove(name string) {
	r.Helper()
	report := builders.TrivyReport("VulnerabilityReport", r.shop, "replicaset-"+name, "", "", 0)
	if err := r.c.Delete(r.Context(), report); err != nil {
		r.Fatal(err)
	}
}
