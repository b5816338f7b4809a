package source

import (
	"cmp"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/engine/rollup"
	"github.com/tocsin-dev/tocsin/internal/ingest/auth"
	"github.com/tocsin-dev/tocsin/internal/ingest/body"
	"github.com/tocsin-dev/tocsin/internal/ingest/findings"
	"github.com/tocsin-dev/tocsin/internal/ingest/format"
	"github.com/tocsin-dev/tocsin/internal/ingest/generic"
	"github.com/tocsin-dev/tocsin/internal/ingest/imported"
	"github.com/tocsin-dev/tocsin/internal/ingest/kubernetesaudit"
)

// New makes an AlertSource ready for use, with what lets its senders in. ignored
// are the users whose audit events are left out. Where the configuration is not
// valid the source comes without a decoder, beside an error that names what is
// wrong: its senders are then asked to try again.
func New(from *v1alpha1.AlertSource, method auth.Method, ignored ...string) (Source, error) {
	name, limits := string(from.Spec.Type), convert.RollUpLimits(from.Spec.Limits.RollUp)
	if from.Spec.Watch != nil {
		// Nobody sends: what its reports say is decided, folded and bounded before it
		// comes to the spool. Rolled up, an alert could not come and go with its finding.
		name, limits = imported.Format, rollup.Limits{Distinct: findings.MaxFindings, PerHour: findings.MaxFindings}
	}
	decoder, err := format.New(name, Options(from, ignored...))
	return Source{
		Key:                 types.NamespacedName{Namespace: from.Namespace, Name: from.Name},
		Format:              name,
		Decoder:             decoder,
		Auth:                method,
		MaxBodyBytes:        cmp.Or(ptr.Deref(from.Spec.Limits.MaxBodyBytes, 0), body.DefaultMaxBytes),
		Throttle:            newThrottle(from.Spec.Limits),
		Suspended:           ptr.Deref(from.Spec.Suspend, false),
		CorrelationDisabled: from.Spec.Correlation == v1alpha1.CorrelationDisabled,
		RollUp:              limits,
	}, err
}

const (
	// defaultEventsPerSecond is more than five times what one detector has been
	// recorded at (350 for twenty minutes), and than a burst of 100,000 in a minute.
	defaultEventsPerSecond = 2_000
	// defaultBurstEvents are two of the largest bodies.
	defaultBurstEvents = 2 * body.MaxRecords
)

func newThrottle(from v1alpha1.AlertSourceLimits) *Throttle {
	return NewThrottle(int(ptr.Deref(from.EventsPerSecond, defaultEventsPerSecond)), int(ptr.Deref(from.BurstEvents, defaultBurstEvents)))
}

// Options returns how an AlertSource is to be read.
func Options(from *v1alpha1.AlertSource, ignored ...string) format.Options {
	options := format.Options{Source: from.Name, Cluster: from.Spec.Cluster, Fingerprint: string(from.Spec.Fingerprint), IgnoredUsers: ignored}
	if from.Spec.Generic != nil {
		options.Generic = genericOptions(from.Spec.Generic)
	}
	if from.Spec.CloudEvents != nil {
		for _, route := range from.Spec.CloudEvents.Routes {
			options.Routes = append(options.Routes, format.Route{Type: route.Type, Format: string(route.Format)})
		}
	}
	audit := from.Spec.KubernetesAudit
	if audit == nil {
		return options
	}
	options.WithoutBuiltInRules = audit.BuiltInRules == v1alpha1.BuiltInRulesDisabled
	options.WithChanges = audit.BuiltInRules == v1alpha1.BuiltInRulesAll
	for _, rule := range audit.Rules {
		options.AuditRules = append(options.AuditRules, auditRule(rule))
	}
	return options
}

func auditRule(from v1alpha1.AuditRule) kubernetesaudit.Rule {
	rule := kubernetesaudit.Rule{
		Name:               from.Name,
		Title:              from.Title,
		Severity:           model.ParseSeverity(string(cmp.Or(from.Severity, v1alpha1.SeverityMedium))),
		RecommendedActions: from.RecommendedActions,
		Match:              from.Match,
	}
	for _, tactic := range from.Tactics {
		rule.Tactics = append(rule.Tactics, model.Tactic(tactic))
	}
	for _, technique := range from.Techniques {
		rule.Techniques = append(rule.Techniques, string(technique))
	}
	return rule
}

func genericOptions(from *v1alpha1.GenericOptions) *generic.Options {
	options := &generic.Options{
		Events:             string(from.Events),
		When:               string(from.When),
		Title:              string(from.Title),
		Rule:               string(from.Rule),
		Service:            string(from.Service),
		Detection:          string(from.Detection),
		Time:               string(from.Time),
		Severity:           string(from.Severity),
		Description:        string(from.Description),
		RecommendedActions: string(from.RecommendedActions),
		Tactics:            string(from.Tactics),
		Techniques:         string(from.Techniques),
		Fingerprint:        string(from.Fingerprint),
	}
	for _, e := range from.Entities {
		options.Entities = append(options.Entities, generic.Entity{
			Kind: model.EntityKind(e.Kind), Name: string(e.Name), Role: model.Role(e.Role), Category: model.Category(e.Category),
		})
	}
	return options
}
