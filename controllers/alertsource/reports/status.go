package reports

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

const owner = client.FieldOwner("tocsin-alertsource-reports")

// report writes the condition Ready.
func (c *Controller) report(ctx context.Context, from *v1alpha1.AlertSource, ready metav1.Condition) error {
	ready.Type, ready.ObservedGeneration = v1alpha1.ConditionReady, from.Generation
	before, after := owned(&from.Status), owned(&from.Status)
	after.ObservedGeneration = &from.Generation
	kube.SetCondition(&after.Conditions, ready, c.Clock.Now())
	_, err := kube.ApplyStatus(ctx, c.Client, owner, from, before, after)
	return err
}

// owned is the part of the status that this controller writes, of a source that
// watches: its condition Ready.
func owned(s *v1alpha1.AlertSourceStatus) *v1alpha1.AlertSourceStatus {
	out := s.DeepCopy()
	others := func(c metav1.Condition) bool { return c.Type != v1alpha1.ConditionReady }
	return &v1alpha1.AlertSourceStatus{Conditions: slices.DeleteFunc(out.Conditions, others), ObservedGeneration: out.ObservedGeneration}
}

func suspended() metav1.Condition {
	return unready("Suspended", "spec.suspend is true: reports are not watched, and their alerts stay as they are")
}

func unready(reason, message string) metav1.Condition {
	return metav1.Condition{Status: metav1.ConditionFalse, Reason: reason, Message: message}
}

// condition says how the reports are followed. It is not known while they are
// listed for the first time.
func (w *watch) condition(from *v1alpha1.AlertSource) (ready metav1.Condition, known bool) {
	var watched, missing, full []string
	for _, k := range w.kinds {
		k.mu.Lock()
		err := k.failure()
		_, complete := k.complete()
		overflown := k.board.Full()
		k.mu.Unlock()
		switch {
		case k.version == "":
			missing = append(missing, k.Name())
		case err != nil:
			return unready(w.explain(from, k, err)), true
		case !complete:
			return metav1.Condition{}, false
		case overflown:
			full = append(full, k.Name())
		default:
			watched = append(watched, k.Name())
		}
	}
	switch {
	case full != nil:
		return unready("TooManyFindings", fmt.Sprintf(
			"More than %d findings in %s: the others make no alerts, and alerts of what is not found do not end. Name fewer namespaces in spec.watch.namespaces, and make several AlertSources",
			findings.MaxFindings, strings.Join(full, ", "))), true
	case watched == nil:
		return unready("ReportsNotServed", fmt.Sprintf(
			"The cluster has none of %s: install what makes them. Their alerts stay as they are", strings.Join(missing, ", "))), true
	}
	message := "Watching " + strings.Join(watched, ", ")
	if missing != nil {
		message += ". Not in this cluster: " + strings.Join(missing, ", ")
	}
	return metav1.Condition{Status: metav1.ConditionTrue, Reason: "Watching", Message: message}, true
}

// failure is what keeps the reports of a namespace from being known.
func (k *kind) failure() error {
	for _, namespace := range k.namespaces {
		if err := k.places[namespace].err; err != nil {
			return err
		}
	}
	return nil
}

// maxMessage bounds what is quoted of the API server.
const maxMessage = 512

// impersonateOn begins the verbs of what Tocsin may do as a service account.
const impersonateOn = "impersonate-on:serviceaccount:"

func where(namespaces []string) string {
	if slices.Equal(namespaces, []string{""}) {
		return "all namespaces"
	}
	return "namespaces " + strings.Join(namespaces, ", ")
}

// explain says what keeps reports from being read, and what to do.
func (w *watch) explain(from *v1alpha1.AlertSource, k *kind, err error) (reason, message string) {
	quoted := text.Line(err.Error(), maxMessage)
	account := from.Namespace + ":" + string(from.Spec.Watch.ServiceAccountName)
	switch {
	case !apierrors.IsForbidden(err):
		return "ReportsUnreadable", fmt.Sprintf("Reading %s failed, and is tried again. Their alerts stay as they are: %s", k.Name(), quoted)
	case strings.Contains(err.Error(), impersonateOn): // Where Tocsin has its rights in the tenants' namespaces only.
		return "ReportsForbidden", fmt.Sprintf(
			"Tocsin may not act as a service account on %s where they are: give Tocsin's service account the verbs %slist and %swatch on them in %s. Alerts stay as they are: %s",
			k.Name(), impersonateOn, impersonateOn, where(k.namespaces), quoted)
	case strings.Contains(err.Error(), "impersonate"):
		return "ReportsForbidden", fmt.Sprintf(
			"Tocsin may not read %s as service account %s: give Tocsin's service account a Role in namespace %s with the verb impersonate:serviceaccount on serviceaccounts.authentication.k8s.io of this name. Alerts stay as they are: %s",
			k.Name(), from.Spec.Watch.ServiceAccountName, from.Namespace, quoted)
	}
	var names []string
	for _, one := range w.kinds {
		if one.version != "" {
			names = append(names, one.Name())
		}
	}
	role := "tocsin-reports-" + strings.ReplaceAll(account, ":", "-")
	commands := []string{fmt.Sprintf("kubectl create clusterrole %s --verb=list,watch --resource=%s", role, strings.Join(names, ","))}
	for _, namespace := range k.namespaces {
		bind := fmt.Sprintf("kubectl create clusterrolebinding %s --clusterrole=%s --serviceaccount=%s", role, role, account)
		if namespace != "" {
			bind = fmt.Sprintf("kubectl create rolebinding %s --namespace=%s --clusterrole=%s --serviceaccount=%s", role, namespace, role, account)
		}
		commands = append(commands, bind)
	}
	return "ReportsForbidden", fmt.Sprintf("Service account %s may not list and watch %s. Alerts stay as they are. Allow it with: %s",
		from.Spec.Watch.ServiceAccountName, k.Name(), strings.Join(commands, "; "))
}
