// Package tuningrule knows the tuning rules of each tenant, ready for use.
package tuningrule

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// +kubebuilder:rbac:groups=tocsin.dev,resources=tuningrules,verbs=get;list;watch

// maxTenants bounds the tenants whose rules are kept compiled. Those of one that
// was dropped are compiled again, each in about a millisecond.
const maxTenants = 128

// Rules are the tuning rules that there are. They are safe for use by many.
type Rules struct {
	reader   client.Reader
	compiled *lru.Cache
}

// New returns the rules that the reader knows, which is asked for each alert: a
// cache.
func New(reader client.Reader) *Rules {
	return &Rules{reader: reader, compiled: lru.New(maxTenants)}
}

// version is one generation of one rule.
type version struct {
	uid        types.UID
	generation int64
}

// compiled are the rules of a tenant in some versions, in the order of their age.
type compiled struct {
	versions []version
	// ready has nil for a rule that is not valid.
	ready map[version]*tuning.Ready
	set   *tuning.Set
}

// Of returns the rules of a tenant by now: the oldest, where they are too many.
// One that is not valid matches nothing.
func (r *Rules) Of(ctx context.Context, tenant string) (*tuning.Set, error) {
	rules, err := kube.TuningRulesOf(ctx, r.reader, tenant)
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	versions := make([]version, len(rules))
	for i, rule := range rules {
		versions[i] = version{rule.UID, rule.Generation}
	}
	known, _ := r.compiled.Get(tenant)
	before, _ := known.(compiled)
	if slices.Equal(versions, before.versions) {
		return before.set, nil
	}
	now := compiled{versions: versions, ready: make(map[version]*tuning.Ready, len(rules))}
	var valid []*tuning.Ready
	for i, rule := range rules {
		ready, seen := before.ready[versions[i]]
		if !seen {
			ready = compile(ctx, rule)
		}
		now.ready[versions[i]] = ready
		if ready != nil {
			valid = append(valid, ready)
		}
	}
	now.set = tuning.NewSet(valid)
	r.compiled.Add(tenant, now)
	return now.set, nil
}

func compile(ctx context.Context, rule *v1alpha1.TuningRule) *tuning.Ready {
	ready, err := tuning.Compile(convert.TuningRule(rule))
	if err != nil {
		logf.FromContext(ctx).V(1).Info("A tuning rule is not valid and matches nothing", "namespace", rule.Namespace, "tuningRule", rule.Name, "reason", err.Error())
	}
	return ready
}
