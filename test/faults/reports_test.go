package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/harness"
	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/tocsin"
)

// The kinds of report that the cluster has, and the AlertSource that watches them.
const (
	scanReports  = "aquasecurity.github.io"
	vulnerable   = "VulnerabilityReport"
	misconfigure = "ConfigAuditReport"
	scans        = "scans"
)

// TestReports plays the findings of a scanner: they come, grow, shrink and go, and
// a report is deleted. There is one open alert of each kind of report, and each
// beginning and end counts once.
func TestReports(t *testing.T) {
	c := cluster(t)
	var crds []*apiextensionsv1.CustomResourceDefinition
	for _, kind := range []string{vulnerable, misconfigure} {
		crds = append(crds, builders.ReportDefinition(scanReports, "v1alpha1", kind, apiextensionsv1.NamespaceScoped))
	}
	if _, err := envtest.InstallCRDs(c.Config, envtest.CRDInstallOptions{CRDs: crds}); err != nil {
		t.Fatal(err)
	}
	harness.Suite(t, c, scanned())
}

func scanned() harness.Scenario {
	const found, grown, left, unsafe = "2 critical vulnerabilities", "3 critical vulnerabilities", "1 critical vulnerability", "1 critical misconfiguration"
	return harness.Scenario{
		Name: "reports", Process: tocsin.Process,
		Quiet:   2500 * time.Millisecond, // longer than changes are gathered
		Prepare: watchesScans, World: timePasses,
		Steps: []harness.Step{
			{Name: "found", Do: scan(report{vulnerable, "app", 2}, report{misconfigure, "", 1}), Await: told(found, unsafe)},
			{Name: "scanned anew", Do: scan(report{vulnerable, "app", 2}, report{misconfigure, "", 1})},
			{Name: "grown", Do: scan(report{vulnerable, "proxy", 1}), Await: told(grown, unsafe)},
			{Name: "shrunk", Do: scan(report{vulnerable, "app", 0}, report{misconfigure, "", 0}), Await: told(left)},
			{Name: "deleted", Do: both(unscan(report{vulnerable, "proxy", 0}), away), Await: told()},
			{Name: "totals", Await: func(r *harness.Run, v history.View) error {
				if said := imported(v); said != tocsin.CountedOnce {
					return errors.New(said)
				}
				return nil
			}},
		},
		Outcome: func(r *harness.Run, v history.View) any {
			return append(each(v, func(a *v1alpha1.Alert) string {
				return fmt.Sprintf("alert %s: %s, %s, ended: %t, %d events", strings.ReplaceAll(a.Spec.Title, r.Namespace, "tenant"), a.Status.State, membershipOf(a), a.Status.EndedTime != nil, ptr.Deref(a.Status.Occurrences, 0))
			}), append(each(v, func(i *v1alpha1.Incident) string {
				return fmt.Sprintf("incident %s, alerts %s", i.Status.State, ptr.Deref(i.Status.Counts, v1alpha1.IncidentCounts{}).ActiveOfTotal)
			}), imported(v), endsOnce(r), oneOpen(r))...)
		},
		Flips: []harness.Flip{
			{
				Name: "a report is deleted and written anew", Resource: kindOfReport(vulnerable), After: "scanned anew",
				Do: both(unscan(report{vulnerable, "app", 0}), scan(report{vulnerable, "app", 2})),
			},
			{
				Name: "what was found goes and comes back", Resource: kindOfReport(vulnerable), After: "scanned anew",
				Do: both(scan(report{vulnerable, "app", 0}), scan(report{vulnerable, "app", 2})),
			},
			{
				Name: "a finding comes and goes", Resource: kindOfReport(vulnerable), After: "grown",
				Do: both(scan(report{vulnerable, "other", 7}), scan(report{vulnerable, "other", 0})),
			},
			{
				Name: "the source is suspended and resumed", Resource: ours("alertsources"), After: "grown",
				Do: thereAndBack(
					func(s *v1alpha1.AlertSource) { s.Spec.Suspend = ptr.To(true) },
					func(s *v1alpha1.AlertSource) { s.Spec.Suspend = nil }),
			},
		},
	}
}

func both(first, second func(context.Context, *harness.Run) error) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error { return errors.Join(first(ctx, r), second(ctx, r)) }
}

// watchesScans makes a source that watches, and a service account that may read the reports.
func watchesScans(ctx context.Context, r *harness.Run) error {
	meta := metav1.ObjectMeta{Namespace: r.Namespace, Name: "scanner"}
	return errors.Join(
		create(ctx, r, &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{scanReports}, Resources: []string{rbacv1.ResourceAll}, Verbs: []string{"list", "watch"},
		}}}),
		create(ctx, r, &rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: meta.Namespace, Name: meta.Name}},
		}),
		create(ctx, r, builders.AlertSource(r.Namespace, scans, func(s *v1alpha1.AlertSource) {
			s.Spec.Type, s.Spec.Auth = v1alpha1.AlertSourceTrivyOperator, v1alpha1.AlertSourceAuth{}
			s.Spec.Watch = &v1alpha1.AlertSourceWatch{
				ServiceAccountName: v1alpha1.LocalName(meta.Name), Namespaces: []v1alpha1.LocalName{v1alpha1.LocalName(r.Namespace)},
				GoneAfterSeconds: ptr.To[int32](60),
			}
		})))
}

// timePasses lets a minute pass, again and again, once a report is away and for as
// long as it is waited for. A process that is started anew waits anew.
func timePasses(ctx context.Context, r *harness.Run) error {
	const look = 2 * time.Second // enough for what is told to have its effect before the next minute is over
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(look):
		}
		if _, away := r.Memory.Load("away"); !away || told()(r, r.Log.View()) == nil {
			continue
		}
		tocsin.Later(r, 61*time.Second)
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"looked":"%d"}}}`, n)
		source := builders.AlertSource(r.Namespace, scans)
		if err := r.Client.Patch(ctx, source, client.RawPatch("application/merge-patch+json", patch)); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func kindOfReport(kind string) schema.GroupResource {
	return schema.GroupResource{Group: scanReports, Resource: strings.ToLower(kind) + "s"}
}

// report is about a container of the Deployment web, with so many critical findings.
type report struct {
	kind, container string
	critical        int64
}

// scan writes reports, also where there are such. Each scan is a new revision.
func scan(reports ...report) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		for _, one := range reports {
			next := one.object(r)
			before := next.DeepCopy()
			err := r.Client.Get(ctx, client.ObjectKeyFromObject(next), before)
			if apierrors.IsNotFound(err) {
				err = r.Client.Create(ctx, next)
			} else if err == nil {
				next.SetResourceVersion(before.GetResourceVersion())
				next.SetAnnotations(map[string]string{"scan": before.GetResourceVersion()})
				err = r.Client.Update(ctx, next)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// away has time pass.
func away(_ context.Context, r *harness.Run) error {
	r.Memory.Store("away", true)
	return nil
}

// unscan deletes a report.
func unscan(one report) func(context.Context, *harness.Run) error {
	return func(ctx context.Context, r *harness.Run) error {
		return client.IgnoreNotFound(r.Client.Delete(ctx, one.object(r)))
	}
}

func (one report) object(r *harness.Run) *unstructured.Unstructured {
	return builders.TrivyReport(one.kind, r.Namespace, "web-"+one.container+"x", "web-6d4cf56db6", one.container, one.critical)
}

// told: the open alerts tell of this, and every alert is in an incident.
func told(findings ...string) func(*harness.Run, history.View) error {
	return func(r *harness.Run, v history.View) error {
		var want, got []string
		for _, finding := range findings {
			want = append(want, finding+" in Deployment web in namespace "+r.Namespace)
		}
		for _, a := range history.List[*v1alpha1.Alert](v) {
			if a.Status.IncidentName == "" {
				return fmt.Errorf("alert %s has no incident", a.Name)
			}
			if a.Status.EndedTime == nil {
				got = append(got, a.Spec.Title)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("open alerts (- want, + got):\n%s", diff)
		}
		return nil
	}
}

// imported says whether the source has counted each alert that began as accepted
// and each end as suppressed, once, and nothing else (I1, I2).
func imported(v history.View) string {
	var began, ended int64
	for _, a := range history.List[*v1alpha1.Alert](v) {
		began++
		if a.Status.EndedTime != nil {
			ended++
		}
	}
	source, _ := history.Get[*v1alpha1.AlertSource](v, scans)
	want := v1alpha1.AlertSourceTotals{Received: ptr.To(began + ended), Accepted: &began, Suppressed: &ended}
	for _, none := range []**int64{&want.Deduplicated, &want.RolledUp, &want.Rejected} {
		*none = ptr.To[int64](0)
	}
	if diff := cmp.Diff(&want, source.Status.Totals); diff != "" {
		return "totals of the source (- want, + got):\n" + diff
	}
	return tocsin.CountedOnce
}

// oneOpen looks at every revision: an alert ends before the next one of its
// workload and kind of report begins.
func oneOpen(r *harness.Run) string {
	said := "one alert is open of each kind of report"
	history.Replay(r.Log.Revisions(), func(before history.View, revision history.Revision) {
		next, ok := revision.Object.(*v1alpha1.Alert)
		if !ok || before.Before(next) != nil {
			return
		}
		for _, a := range history.List[*v1alpha1.Alert](before) {
			if a.Spec.Fingerprint == next.Spec.Fingerprint && a.Status.EndedTime == nil {
				said = fmt.Sprintf("alert %s began while %s was open", next.Name, a.Name)
			}
		}
	})
	return said
}
