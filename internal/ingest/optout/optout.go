// Package optout tells of new alerts whether a correlation policy keeps them out
// of the incidents of others.
package optout

import (
	"context"

	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/tocsin-dev/tocsin/internal/convert"
	"github.com/tocsin-dev/tocsin/internal/engine/match"
	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/kube"
)

// +kubebuilder:rbac:groups=tocsin.dev,resources=correlationpolicies,verbs=get;list;watch

// maxCompiled bounds the policies whose opt-outs are kept compiled: up to a few
// hundred KiB each. One that was dropped is compiled again, in milliseconds.
const maxCompiled = 128

// Policies are the correlation policies in force. They are safe for use by many.
type Policies struct {
	reader   client.Reader
	compiled *lru.Cache
}

// New returns the policies that the reader knows, which is asked for each alert:
// a cache.
func New(reader client.Reader) *Policies {
	return &Policies{reader: reader, compiled: lru.New(maxCompiled)}
}

// OptedOut reports whether the policy in use of a tenant keeps the alert to
// itself. An opt-out whose expression fails on the alert does not.
func (p *Policies) OptedOut(ctx context.Context, tenant string, a model.Alert) (bool, error) {
	policy, err := kube.CorrelationOf(ctx, p.reader, tenant)
	if err != nil || len(policy.Settings.OptOuts) == 0 {
		return false, err
	}
	name, found, err := p.matches(ctx, policy).Find(a)
	if err != nil {
		failures.Inc()
		logf.FromContext(ctx).V(1).Info("An opt-out failed on an alert", "namespace", tenant, "reason", err.Error())
	}
	if found {
		logf.FromContext(ctx).V(1).Info("An alert is kept to itself", "namespace", tenant, "optOut", name)
	}
	return found, nil
}

// matches are the opt-outs of a policy, compiled once for each version of it.
// Where another version of Tocsin accepted what this one does not, there are none.
func (p *Policies) matches(ctx context.Context, policy kube.CorrelationInForce) *match.Set {
	if known, ok := p.compiled.Get(policy.CorrelationVersion); ok {
		set, _ := known.(*match.Set)
		return set
	}
	set, err := convert.OptOuts(policy.Settings)
	if err != nil {
		logf.FromContext(ctx).Error(err, "The opt-outs in force are not valid; none is applied", "uid", policy.UID, "generation", policy.Generation)
	}
	p.compiled.Add(policy.CorrelationVersion, set)
	return set
}
