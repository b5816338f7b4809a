package crd_test

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

// correlationPolicyRules tries each rule of the settings in spec, and in what is
// in force by the status.
func correlationPolicyRules() []ruleCase {
	const (
		merge     = "mergeBits must not be less than joinBits: a wrong merge costs more than a wrong alert"
		routine   = "routineBits must not be more than joinBits"
		proximate = "proximateWindowSeconds must not be more than windowSeconds"
		all       = "give at least one of alertSources, rules and match: an opt-out of everything would turn correlation off"
	)
	optOut := func(o v1alpha1.CorrelationOptOut) v1alpha1.CorrelationSettings {
		o.Name = "staging"
		return v1alpha1.CorrelationSettings{OptOuts: []v1alpha1.CorrelationOptOut{o}}
	}
	var cases []ruleCase
	for _, tc := range []struct {
		name, rule string
		settings   v1alpha1.CorrelationSettings
		refused    bool
	}{
		{"equal", merge, v1alpha1.CorrelationSettings{JoinBits: ptr(int32(7)), MergeBits: ptr(int32(7))}, false},
		{"less", merge, v1alpha1.CorrelationSettings{JoinBits: ptr(int32(8)), MergeBits: ptr(int32(7))}, true},
		{"less than the default", merge, v1alpha1.CorrelationSettings{MergeBits: ptr(int32(5))}, true},
		{"equal", routine, v1alpha1.CorrelationSettings{JoinBits: ptr(int32(7)), RoutineBits: ptr(int32(7))}, false},
		{"more", routine, v1alpha1.CorrelationSettings{JoinBits: ptr(int32(7)), RoutineBits: ptr(int32(8))}, true},
		{"default is more", routine, v1alpha1.CorrelationSettings{JoinBits: ptr(int32(2))}, true},
		{"equal", proximate, v1alpha1.CorrelationSettings{WindowSeconds: ptr(int32(60)), ProximateWindowSeconds: ptr(int32(60))}, false},
		{"more", proximate, v1alpha1.CorrelationSettings{WindowSeconds: ptr(int32(60)), ProximateWindowSeconds: ptr(int32(61))}, true},
		{"default is more", proximate, v1alpha1.CorrelationSettings{WindowSeconds: ptr(int32(60))}, true},
		{"by source", all, optOut(v1alpha1.CorrelationOptOut{AlertSources: []v1alpha1.LocalName{"falco"}}), false},
		{"by rule", all, optOut(v1alpha1.CorrelationOptOut{Rules: []string{"Terminal shell"}}), false},
		{"by expression", all, optOut(v1alpha1.CorrelationOptOut{Match: "alert.service == 'falco'"}), false},
		{"by nothing", all, optOut(v1alpha1.CorrelationOptOut{Reason: "none"}), true},
	} {
		cases = append(cases,
			ruleCase{
				kind: "CorrelationPolicy", rule: tc.rule, name: "spec/" + tc.rule[:9] + "/" + tc.name, refused: tc.refused,
				object: builders.CorrelationPolicy(namespace, "", func(p *v1alpha1.CorrelationPolicy) { p.Spec.CorrelationSettings = tc.settings }),
			},
			ruleCase{
				kind: "CorrelationPolicy", rule: tc.rule, name: "in force/" + tc.rule[:9] + "/" + tc.name, refused: tc.refused, status: true,
				object: builders.CorrelationPolicy(namespace, ""),
				change: func(o client.Object) {
					o.(*v1alpha1.CorrelationPolicy).Status.InForce = &v1alpha1.CorrelationPolicyInForce{
						Generation: ptr(int64(1)), CorrelationSettings: *tc.settings.DeepCopy(),
					}
				},
			})
	}
	return cases
}
