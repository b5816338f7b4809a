package invariant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
	"github.com/tocsin-dev/tocsin/test/faults/history"
	"github.com/tocsin-dev/tocsin/test/faults/invariant"
)

const ns = "tenant"

// story makes revisions, in the order in which they are told.
type story []history.Revision

func (s story) then(event watch.EventType, o client.Object) story {
	if o.GetUID() == "" {
		o.SetUID(types.UID(fmt.Sprintf("%T/%s", o, o.GetName())))
	}
	return append(s, history.Revision{Version: uint64(len(s) + 1), Event: event, Object: o})
}

func (s story) add(o client.Object) story    { return s.then(watch.Added, o) }
func (s story) change(o client.Object) story { return s.then(watch.Modified, o) }
func (s story) remove(o client.Object) story { return s.then(watch.Deleted, o) }

func alert(name, incident string) *v1alpha1.Alert {
	return builders.Alert(ns, name, func(a *v1alpha1.Alert) { a.Status.IncidentName = v1alpha1.LocalName(incident) })
}

var early, late = metav1.NewMicroTime(builders.Time), metav1.NewMicroTime(builders.Time.Add(time.Second))

// hidden is an alert that a tuning rule hid, and perhaps released.
func hidden(name, incident string, released *metav1.MicroTime) *v1alpha1.Alert {
	a := alert(name, incident)
	a.Spec.Tuning = &v1alpha1.AlertTuning{RuleName: "noise", Action: v1alpha1.TuningHide}
	a.Status.ReleasedTime = released
	return a
}

func incident(name string, mutate ...func(*v1alpha1.Incident)) *v1alpha1.Incident {
	return builders.Incident(ns, name, mutate...)
}

func redirected(to v1alpha1.LocalName) func(*v1alpha1.Incident) {
	return func(i *v1alpha1.Incident) { i.Status.RedirectedTo = to }
}

func observed(a *v1alpha1.Alert) *v1alpha1.Alert {
	a.Status.ObservedEntities = "more"
	return a
}

func empty(i *v1alpha1.Incident) {
	i.Status.State = v1alpha1.IncidentResolved
	i.Status.Conditions = []metav1.Condition{{Type: v1alpha1.IncidentConditionResolved, Status: metav1.ConditionTrue, Reason: "Empty"}}
}

func remediation(mutate ...func(*v1alpha1.Remediation)) *v1alpha1.Remediation {
	return builders.Remediation(ns, "rem", append([]func(*v1alpha1.Remediation){func(r *v1alpha1.Remediation) {
		r.Spec.RequestedBy, r.Status.Digest = "alice", builders.Digest
	}}, mutate...)...)
}

func decided(decision v1alpha1.ApprovalDecision, digest, by string) func(*v1alpha1.Remediation) {
	return func(r *v1alpha1.Remediation) {
		r.Spec.Approvals = append(r.Spec.Approvals, v1alpha1.Approval{Decision: decision, Digest: digest, Approver: by})
	}
}

func inState(state v1alpha1.RemediationState) func(*v1alpha1.Remediation) {
	return func(r *v1alpha1.Remediation) { r.Status.State = state }
}

func attempt(n int32) func(*v1alpha1.Remediation) {
	return func(r *v1alpha1.Remediation) { r.Status.Attempts = ptr.To(n) }
}

var approved = decided(v1alpha1.DecisionApprove, builders.Digest, "bob")

func policy() *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{
		Namespace: ns, Name: "isolate", Labels: map[string]string{"tocsin.dev/remediation-uid": "*v1alpha1.Remediation/rem"},
	}}
}

func job(name string, conditions ...batchv1.JobConditionType) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Namespace: ns, Name: name, Labels: map[string]string{"tocsin.dev/step": "pod", "tocsin.dev/attempt": "1"},
		OwnerReferences: []metav1.OwnerReference{{Kind: "Investigation", Name: "inv", UID: "*v1alpha1.Investigation/inv", Controller: ptr.To(true)}},
	}}
	for _, c := range conditions {
		j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{Type: c, Status: corev1.ConditionTrue})
	}
	return j
}

func investigation(state v1alpha1.InvestigationState) *v1alpha1.Investigation {
	return builders.Investigation(ns, "inv", func(i *v1alpha1.Investigation) { i.Status.State = state })
}

func observing(generation, observed int64) *v1alpha1.Incident {
	return incident("i", func(i *v1alpha1.Incident) { i.Generation, i.Status.ObservedGeneration = generation, ptr.To(observed) })
}

func condition(status metav1.ConditionStatus, second int) *v1alpha1.Investigation {
	return builders.Investigation(ns, "inv", func(i *v1alpha1.Investigation) {
		i.Status.Conditions = []metav1.Condition{{
			Type: "Completed", Status: status, LastTransitionTime: metav1.NewTime(builders.Time.Add(time.Duration(second) * time.Second)),
		}}
	})
}

func TestInvariants(t *testing.T) {
	web := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "web-0", UID: "web"}}
	deletes := func(r *v1alpha1.Remediation) { r.Spec.Action = v1alpha1.ActionDeletePod }
	for name, test := range map[string]struct {
		story story
		// want begins the violation; empty when all is well.
		want string
	}{
		"an alert joins":                  {story{}.add(alert("a", "")).add(incident("i")).change(alert("a", "i")), ""},
		"an alert moves":                  {story{}.add(alert("a", "i")).add(alert("b", "i")).add(incident("i")).add(incident("j")).change(alert("a", "j")), "I3 membership: MODIFIED"},
		"an alert follows a merge":        {story{}.add(alert("a", "i")).add(incident("i", redirected("j"))).add(incident("j")).change(alert("a", "j")), ""},
		"an alert follows two merges":     {story{}.add(alert("a", "i")).add(incident("i", redirected("j"))).add(incident("j", redirected("k"))).add(incident("k")).change(alert("a", "k")), ""},
		"an alert is left behind":         {story{}.add(alert("a", "i")).add(incident("i", redirected("j"))).add(alert("b", "j")).add(incident("j")), "I3 membership: in the end"},
		"an alert has no incident":        {story{}.add(alert("a", "")), "I3 membership: in the end"},
		"a hidden alert":                  {story{}.add(hidden("a", "", nil)), ""},
		"a hidden alert in an incident":   {story{}.add(alert("b", "i")).add(incident("i")).add(hidden("a", "i", nil)), "I3 hidden alerts"},
		"a hidden alert is released":      {story{}.add(hidden("a", "", nil)).change(hidden("a", "", &early)).add(incident("i")).change(hidden("a", "i", &early)), ""},
		"a released one is left alone":    {story{}.add(hidden("a", "", &early)), "I3 membership: in the end"},
		"a released one, released again":  {story{}.add(hidden("a", "i", &early)).add(incident("i")).change(hidden("a", "i", &late)), "I3 hidden alerts"},
		"a released one, hidden again":    {story{}.add(hidden("a", "", &early)).change(hidden("a", "", nil)), "I3 hidden alerts"},
		"an incident has no alert":        {story{}.add(incident("i")), "I3 one decision"},
		"an alert is decided about anew":  {story{}.add(alert("a", "i")).add(alert("b", "i")).add(incident("i")).add(incident("j")).change(observed(alert("a", "j"))), ""},
		"an incident is emptied":          {story{}.add(alert("a", "i")).add(incident("i")).add(incident("j")).change(observed(alert("a", "j"))).change(incident("i", empty)), ""},
		"an emptied one is merged":        {story{}.add(alert("a", "i")).add(incident("i")).add(incident("j")).change(observed(alert("a", "j"))).change(incident("i", empty)).change(incident("i", func(i *v1alpha1.Incident) { i.Status.State, i.Status.RedirectedTo = v1alpha1.IncidentRedirected, "j" })), ""},
		"an incident was never filled":    {story{}.add(incident("i", empty)), "I3 one decision"},
		"a merge is changed":              {story{}.add(alert("a", "k")).add(incident("i", redirected("j"))).add(incident("j", redirected("k"))).add(incident("k")).change(incident("i", redirected("k"))), "I3 redirects"},
		"a merge is taken back":           {story{}.add(alert("a", "i")).add(alert("b", "j")).add(incident("j")).add(incident("i", redirected("j"))).change(incident("i")), "I3 redirects"},
		"merges in a circle":              {story{}.add(incident("i", redirected("j"))).add(incident("k", redirected("i"))).add(incident("j", redirected("k"))), "I3 redirects"},
		"merged into itself":              {story{}.add(incident("i", redirected("i"))), "I3 redirects"},
		"a job twice at once":             {story{}.add(investigation("Running")).add(job("one")).add(job("two")), "I4"},
		"a job after another":             {story{}.add(investigation("Running")).add(job("one", batchv1.JobFailed)).add(job("two")), ""},
		"an effect that was approved":     {story{}.add(remediation(approved, attempt(1))).add(policy()), ""},
		"an effect that nobody approved":  {story{}.add(remediation(attempt(1))).add(policy()), "I5 approved first"},
		"approved by who asked":           {story{}.add(remediation(decided(v1alpha1.DecisionApprove, builders.Digest, "alice"))).add(policy()), "I5 approved first"},
		"something else was approved":     {story{}.add(remediation(decided(v1alpha1.DecisionApprove, builders.OtherDigest, "bob"))).add(policy()), "I5 approved first"},
		"approved and rejected":           {story{}.add(remediation(approved, decided(v1alpha1.DecisionReject, builders.Digest, "carol"))).add(policy()), "I5 approved first"},
		"an effect after cancellation":    {story{}.add(remediation(approved, inState("Cancelled"))).add(policy()), "I5 approved first"},
		"an effect twice":                 {story{}.add(remediation(approved, attempt(1))).add(policy()).remove(policy()).add(policy()), "I5 one effect"},
		"an effect again, in another try": {story{}.add(remediation(approved, attempt(1))).add(policy()).remove(policy()).change(remediation(approved, attempt(2))).add(policy()), ""},
		"a pod deleted unasked":           {story{}.add(web).add(remediation(deletes)).remove(web), "I5 approved first"},
		"a pod deleted":                   {story{}.add(web).add(remediation(deletes, approved)).remove(web), ""},
		"a digest changes":                {story{}.add(remediation()).change(remediation(func(r *v1alpha1.Remediation) { r.Status.Digest = builders.OtherDigest })), "I6"},
		"an approver who asked":           {story{}.add(remediation(func(r *v1alpha1.Remediation) { r.Status.ApprovedBy = "alice" })), "I7"},
		"states go on":                    {story{}.add(investigation("Queued")).change(investigation("Running")).change(investigation("Benign")), ""},
		"a state goes back":               {story{}.add(investigation("Running")).change(investigation("Queued")), "I8"},
		"a final state ends":              {story{}.add(investigation("Benign")).change(investigation("Running")), "I8"},
		"a rejection ends":                {story{}.add(remediation(inState("Rejected"))).change(remediation(inState("InProgress"))), "I8"},
		"the generation is seen":          {story{}.add(alert("a", "i")).add(observing(1, 1)).change(observing(2, 1)).change(observing(2, 2)), ""},
		"the generation falls":            {story{}.add(alert("a", "i")).add(observing(2, 2)).change(observing(2, 1)), "I9 observedGeneration"},
		"the generation is to come":       {story{}.add(alert("a", "i")).add(observing(1, 2)), "I9 observedGeneration"},
		"a condition turns":               {story{}.add(condition("False", 0)).change(condition("True", 1)), ""},
		"a condition moves":               {story{}.add(condition("False", 0)).change(condition("False", 1)), "I9 lastTransitionTime"},
		"an orphan":                       {story{}.add(job("one")), "I10 orphans"},
		"a stuck finalizer": {story{}.add(remediation(func(r *v1alpha1.Remediation) {
			r.DeletionTimestamp, r.Finalizers = ptr.To(metav1.NewTime(builders.Time)), []string{"x"}
		})), "I10 finalizers"},
		"too large": {story{}.add(alert("a", "i")).add(incident("i", func(i *v1alpha1.Incident) { i.Spec.Title = strings.Repeat("x", 256<<10) })), "I12"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, violation := range invariant.Check(test.story, true, invariant.New()) {
				got = append(got, violation.Error())
			}
			switch {
			case test.want == "" && len(got) > 0:
				t.Errorf("violations where there are none: %v", got)
			case test.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], test.want)):
				t.Errorf("want one violation that begins with %q, got %v", test.want, got)
			}
		})
	}
}
