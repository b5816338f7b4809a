package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

const day = 24 * time.Hour

func ends(in time.Duration) func(*v1alpha1.TuningRuleSpec) {
	return func(s *v1alpha1.TuningRuleSpec) { s.ExpiresAt = ptr.To(metav1.NewTime(builders.Time.Add(in))) }
}

func suspended(s *v1alpha1.TuningRuleSpec) { s.Suspend = ptr.To(true) }

func misspelt(s *v1alpha1.TuningRuleSpec) { s.Match.Expression = "alert.servce == 'x'" }

func TestConditions(t *testing.T) {
	rescored := func(s *v1alpha1.TuningRuleSpec) { s.Action, s.Severity = v1alpha1.TuningRescore, v1alpha1.SeverityLow }
	const (
		enforced = "True Enforced New alerts that match are hidden"
		never    = "False Never spec.expiresAt is not set"
		over     = "False Expired spec.expiresAt has passed: set a later time, or delete the rule"
		passed   = "True Expired spec.expiresAt has passed"
		soon     = "True ExpiresSoon spec.expiresAt is less than seven days away"
		notSoon  = "False NotSoon spec.expiresAt is more than seven days away"
	)
	for name, tc := range map[string]struct {
		reason          string
		spec            []func(*v1alpha1.TuningRuleSpec)
		ready, expiring string
		again           time.Duration
		ignored         bool
	}{
		"hides":    {"it acts, for ever", nil, enforced, never, 0, false},
		"resolves": {"it says what it does", []func(*v1alpha1.TuningRuleSpec){func(s *v1alpha1.TuningRuleSpec) { s.Action = v1alpha1.TuningResolve }}, "True Enforced New alerts that match are resolved", never, 0, false},
		"rescores": {"it says to what", []func(*v1alpha1.TuningRuleSpec){rescored}, "True Enforced New alerts that match get severity Low", never, 0, false},
		"monitors": {"it only counts", []func(*v1alpha1.TuningRuleSpec){func(s *v1alpha1.TuningRuleSpec) { s.Mode = v1alpha1.TuningMonitor }}, "True Monitored New alerts that match are counted and left as they are", never, 0, false},
		"suspended": {
			"a person said so", []func(*v1alpha1.TuningRuleSpec){suspended},
			"False Suspended It does nothing while spec.suspend is true", never, 0, false,
		},
		"misspelt": {
			"the field is named, and where in it", []func(*v1alpha1.TuningRuleSpec){misspelt, suspended},
			"False Invalid spec.match.expression: line 1, column 6: undefined field 'servce'", never, 0, false,
		},
		"ends in eight days":      {"it warns a day from now", []func(*v1alpha1.TuningRuleSpec){ends(8 * day)}, enforced, notSoon, day, false},
		"seven days and a bit":    {"not yet", []func(*v1alpha1.TuningRuleSpec){ends(7*day + time.Second)}, enforced, notSoon, time.Second, false},
		"seven days":              {"it warns now", []func(*v1alpha1.TuningRuleSpec){ends(7 * day)}, enforced, soon, 7 * day, false},
		"ends in a second":        {"it still acts", []func(*v1alpha1.TuningRuleSpec){ends(time.Second)}, enforced, soon, time.Second, false},
		"ends now":                {"it acts no more", []func(*v1alpha1.TuningRuleSpec){ends(0)}, over, passed, 0, false},
		"suspended, ended since":  {"resuming it would do nothing", []func(*v1alpha1.TuningRuleSpec){ends(-day), suspended}, over, passed, 0, false},
		"one too many":            {"others are older", nil, "False TooMany Only the 256 oldest tuning rules of a namespace are looked at: delete some of them", never, time.Minute, true},
		"one too many, suspended": {"it would do nothing anyhow", []func(*v1alpha1.TuningRuleSpec){suspended}, "False Suspended It does nothing while spec.suspend is true", never, time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			rule := builders.TuningRule("soc", "noise", func(r *v1alpha1.TuningRule) {
				r.Generation = 3
				for _, change := range tc.spec {
					change(&r.Spec)
				}
			})
			got := status(rule, tc.ignored, nil, builders.Time)
			for conditionType, want := range map[string]string{"Ready": tc.ready, "Expiring": tc.expiring} {
				c := meta.FindStatusCondition(got.Conditions, conditionType)
				if said := string(c.Status) + " " + c.Reason + " " + c.Message; said != want || c.ObservedGeneration != 3 {
					t.Errorf("%s: %s is %q of generation %d, want %q", tc.reason, conditionType, said, c.ObservedGeneration, want)
				}
			}
			if *got.ObservedGeneration != 3 || len(rule.Status.Conditions) != 0 {
				t.Errorf("generation %d is observed; the rule itself has the conditions %v", *got.ObservedGeneration, rule.Status.Conditions)
			}
			if again := untilNews(rule, tc.ignored, builders.Time); again != tc.again {
				t.Errorf("it comes back after %v, want %v", again, tc.again)
			}
		})
	}
}

func TestCount(t *testing.T) {
	at := func(hours int) metav1.MicroTime {
		return metav1.NewMicroTime(builders.Time.Add(time.Duration(hours) * time.Hour))
	}
	alert := func(change ...func(*v1alpha1.Alert)) v1alpha1.Alert {
		return *builders.Alert("soc", "a", change...)
	}
	raised := func(n int64, hours int) func(*v1alpha1.Alert) {
		return func(a *v1alpha1.Alert) {
			a.Status.Occurrences, a.Status.LastActivityTime = &n, ptr.To(at(hours))
		}
	}
	released := func(a *v1alpha1.Alert) { a.Status.ReleasedTime = ptr.To(at(9)) }
	for name, tc := range map[string]struct {
		alerts                      []v1alpha1.Alert
		alertsN, occurrences, freed int64
		last                        *metav1.MicroTime
	}{
		"none":              {nil, 0, 0, 0, nil},
		"one, not raised":   {[]v1alpha1.Alert{alert()}, 1, 1, 0, ptr.To(at(0))},
		"raised":            {[]v1alpha1.Alert{alert(raised(7, 2)), alert(raised(2, 1)), alert()}, 3, 10, 0, ptr.To(at(2))},
		"released":          {[]v1alpha1.Alert{alert(raised(7, 2), released), alert()}, 2, 8, 1, ptr.To(at(2))},
		"older than it was": {[]v1alpha1.Alert{alert(raised(2, -3))}, 1, 2, 0, ptr.To(at(0))},
	} {
		t.Run(name, func(t *testing.T) {
			want := &v1alpha1.TuningRuleMatches{Alerts: &tc.alertsN, Occurrences: &tc.occurrences}
			if tc.freed > 0 {
				want.Released = &tc.freed
			}
			got, last := count(tc.alerts)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.last, last); diff != "" {
				t.Error(diff)
			}
		})
	}
}
