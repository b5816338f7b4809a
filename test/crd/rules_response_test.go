package crd_test

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/test/builders"
)

func investigationRules() []ruleCase {
	full := func() client.Object {
		return builders.Investigation(namespace, "", func(i *v1alpha1.Investigation) {
			i.Spec.AlertName = "shell"
			i.Spec.Cancel = &v1alpha1.CancelRequest{Reason: "enough"}
		})
	}
	bare := func() client.Object { return builders.Investigation(namespace, "") }
	cancelled := investigation(func(i *v1alpha1.Investigation) { i.Spec.Cancel = &v1alpha1.CancelRequest{Reason: "enough"} })
	var cases []ruleCase
	fact := func(rule string, edits map[string]func(client.Object), added func(client.Object)) {
		cases = append(cases, immutable("Investigation", rule, full, bare, cancelled, edits, added)...)
	}
	fact("incidentName is immutable", map[string]func(client.Object){
		"changed": investigation(func(i *v1alpha1.Investigation) { i.Spec.IncidentName = "another" }),
	}, nil)
	fact("playbookName is immutable", map[string]func(client.Object){
		"changed": investigation(func(i *v1alpha1.Investigation) { i.Spec.PlaybookName = "another" }),
	}, nil)
	fact("alertName is immutable", map[string]func(client.Object){
		"changed": investigation(func(i *v1alpha1.Investigation) { i.Spec.AlertName = "another" }),
		"removed": investigation(func(i *v1alpha1.Investigation) { i.Spec.AlertName = "" }),
	}, investigation(func(i *v1alpha1.Investigation) { i.Spec.AlertName = "late" }))
	fact("entities is immutable", map[string]func(client.Object){
		"changed": investigation(func(i *v1alpha1.Investigation) { i.Spec.Entities[0].Name = "kube-system/etcd" }),
		"longer":  investigation(func(i *v1alpha1.Investigation) { i.Spec.Entities = append(i.Spec.Entities, builders.PodEntity()) }),
	}, nil)
	const taken = "a cancellation cannot be taken back"
	cases = append(cases,
		ruleCase{kind: "Investigation", rule: taken, name: "cancelled", object: bare(), change: cancelled},
		ruleCase{kind: "Investigation", rule: taken, name: "cancellation taken back", object: full(), refused: true,
			change: investigation(func(i *v1alpha1.Investigation) { i.Spec.Cancel = nil })})

	const one = "exactly one of analyzer and container must be set"
	for name, tc := range stepCases() {
		cases = append(cases, ruleCase{kind: "Investigation", rule: one, name: "plan/" + name, object: bare(), status: true, refused: tc.refused,
			change: investigation(func(i *v1alpha1.Investigation) {
				i.Status.Plan = &v1alpha1.InvestigationPlan{
					PlaybookGeneration: ptr(int64(1)), Automation: v1alpha1.AutomationSemi, Mode: v1alpha1.PlaybookEnforce,
					ServiceAccountName: "responder", Steps: []v1alpha1.PlaybookStep{tc.step},
				}
			})})
	}
	return cases
}

type stepCase struct {
	step    v1alpha1.PlaybookStep
	refused bool
}

func stepCases() map[string]stepCase {
	container := &v1alpha1.ContainerStep{Image: "registry.example/scan:1"}
	return map[string]stepCase{
		"analyzer":  {step: v1alpha1.PlaybookStep{Name: "s", Analyzer: v1alpha1.AnalyzerPod}},
		"container": {step: v1alpha1.PlaybookStep{Name: "s", Container: container}},
		"both":      {step: v1alpha1.PlaybookStep{Name: "s", Analyzer: v1alpha1.AnalyzerPod, Container: container}, refused: true},
		"neither":   {step: v1alpha1.PlaybookStep{Name: "s"}, refused: true},
	}
}

func playbookRules() []ruleCase {
	var cases []ruleCase
	for name, tc := range stepCases() {
		cases = append(cases, ruleCase{kind: "Playbook", rule: "exactly one of analyzer and container must be set",
			name: "step/" + name, refused: tc.refused,
			object: builders.Playbook(namespace, "", func(p *v1alpha1.Playbook) { p.Spec.Steps = []v1alpha1.PlaybookStep{tc.step} })})
	}
	return cases
}

func alertSourceRules() []ruleCase {
	of := func(sourceType v1alpha1.AlertSourceType, options *v1alpha1.KubernetesAuditOptions) client.Object {
		return builders.AlertSource(namespace, "", func(s *v1alpha1.AlertSource) {
			s.Spec.Type, s.Spec.KubernetesAudit = sourceType, options
		})
	}
	generic := func(sourceType v1alpha1.AlertSourceType, options *v1alpha1.GenericOptions) client.Object {
		return builders.AlertSource(namespace, "", func(s *v1alpha1.AlertSource) { s.Spec.Type, s.Spec.Generic = sourceType, options })
	}
	fingerprint := func(options *v1alpha1.GenericOptions, expression v1alpha1.Expression) client.Object {
		return builders.AlertSource(namespace, "", func(s *v1alpha1.AlertSource) {
			if options != nil {
				s.Spec.Type, s.Spec.Generic = v1alpha1.AlertSourceGeneric, options
			}
			s.Spec.Fingerprint = expression
		})
	}
	events := func(sourceType v1alpha1.AlertSourceType, format v1alpha1.AlertSourceType) client.Object {
		return builders.AlertSource(namespace, "", func(s *v1alpha1.AlertSource) {
			s.Spec.Type = sourceType
			s.Spec.CloudEvents = &v1alpha1.CloudEventsOptions{Routes: []v1alpha1.CloudEventsRoute{{Type: "com.example.*", Format: format}}}
		})
	}
	const (
		oneWay  = "auth needs exactly one of bearerToken, basic, hmac, clientCertificate and serviceAccountToken"
		named   = "clientCertificate needs subjects or dnsNames: without them every certificate of the CA would be let in"
		audited = "auth.serviceAccountToken does not go with type KubernetesAudit: each check of a token is an audit event of its own"
		routes  = "cloudEvents goes with type CloudEvents only"
		routed  = "format must not be CloudEvents or Generic"
		mapping = "generic goes with type Generic, which needs it"
		twofold = "fingerprint does not go with generic.fingerprint: give one of both"
		options = "kubernetesAudit goes with type KubernetesAudit only"
		fixed   = "type is immutable"
		folded  = "fingerprint does not go with watch: reports are folded by workload"
		origin  = "exactly one of auth and watch is needed: alerts are sent by somebody, or found in the cluster"
		watched = "watch goes with the types PolicyReport and TrivyOperator only"
		origins = "watch cannot be added or removed: make another AlertSource"
	)
	secret := v1alpha1.SecretKeyReference{Name: "falco", Key: "key"}
	by := func(change func(*v1alpha1.AlertSourceSpec)) client.Object {
		return builders.AlertSource(namespace, "", func(s *v1alpha1.AlertSource) {
			s.Spec.Auth = v1alpha1.AlertSourceAuth{}
			change(&s.Spec)
		})
	}
	watching := func(sourceType v1alpha1.AlertSourceType) client.Object {
		return by(func(s *v1alpha1.AlertSourceSpec) {
			s.Type, s.Watch = sourceType, &v1alpha1.AlertSourceWatch{ServiceAccountName: "scanner"}
		})
	}
	edit := func(change func(*v1alpha1.AlertSourceSpec)) func(client.Object) {
		return func(o client.Object) { change(&o.(*v1alpha1.AlertSource).Spec) }
	}
	unauthenticated := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"type": "Falco", "auth": map[string]any{}}}}
	unauthenticated.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("AlertSource"))
	unauthenticated.SetNamespace(namespace)
	token := &v1alpha1.ServiceAccountTokenAuth{ServiceAccounts: []v1alpha1.LocalName{"falco"}}
	certificate := func(subjects, dnsNames []string) client.Object {
		return by(func(s *v1alpha1.AlertSourceSpec) {
			s.Auth.ClientCertificate = &v1alpha1.ClientCertificateAuth{CA: secret, Subjects: subjects, DNSNames: dnsNames}
		})
	}
	return []ruleCase{
		{kind: "AlertSource", rule: oneWay, name: "by token", object: of(v1alpha1.AlertSourceFalco, nil)},
		{kind: "AlertSource", rule: oneWay, name: "by password", object: by(func(s *v1alpha1.AlertSourceSpec) { s.Auth.Basic = &v1alpha1.BasicAuth{SecretName: "falco"} })},
		{kind: "AlertSource", rule: oneWay, name: "by signature", object: by(func(s *v1alpha1.AlertSourceSpec) {
			s.Auth.HMAC = &v1alpha1.HMACAuth{Key: secret, Prefix: ptr(""), TimestampHeader: "X-Timestamp"}
		})},
		{kind: "AlertSource", rule: oneWay, name: "by nothing", object: unauthenticated, refused: true},
		{kind: "AlertSource", rule: oneWay, name: "by token and password", object: by(func(s *v1alpha1.AlertSourceSpec) {
			s.Auth.BearerToken, s.Auth.Basic = secret, &v1alpha1.BasicAuth{SecretName: "falco"}
		}), refused: true},
		{kind: "AlertSource", rule: oneWay, name: "from token to password", object: of(v1alpha1.AlertSourceFalco, nil), change: func(o client.Object) {
			o.(*v1alpha1.AlertSource).Spec.Auth = v1alpha1.AlertSourceAuth{Basic: &v1alpha1.BasicAuth{SecretName: "falco"}}
		}},
		{kind: "AlertSource", rule: named, name: "certificate with a subject", object: certificate([]string{"CN=falco"}, nil)},
		{kind: "AlertSource", rule: named, name: "certificate with a DNS name", object: certificate(nil, []string{"falco.example.com"})},
		{kind: "AlertSource", rule: named, name: "any certificate", object: certificate(nil, nil), refused: true},
		{kind: "AlertSource", rule: audited, name: "service account of Falco", object: by(func(s *v1alpha1.AlertSourceSpec) { s.Auth.ServiceAccountToken = token })},
		{kind: "AlertSource", rule: audited, name: "service account of the API server", object: by(func(s *v1alpha1.AlertSourceSpec) {
			s.Type, s.Auth.ServiceAccountToken = v1alpha1.AlertSourceKubernetesAudit, token
		}), refused: true},
		{kind: "AlertSource", rule: options, name: "options of audit", object: of(v1alpha1.AlertSourceKubernetesAudit, &v1alpha1.KubernetesAuditOptions{})},
		{kind: "AlertSource", rule: options, name: "audit without options", object: of(v1alpha1.AlertSourceKubernetesAudit, nil)},
		{kind: "AlertSource", rule: options, name: "options of Falco", object: of(v1alpha1.AlertSourceFalco, &v1alpha1.KubernetesAuditOptions{}), refused: true},
		{kind: "AlertSource", rule: mapping, name: "generic", object: generic(v1alpha1.AlertSourceGeneric, &v1alpha1.GenericOptions{Title: "event.name"})},
		{kind: "AlertSource", rule: mapping, name: "generic without options", object: generic(v1alpha1.AlertSourceGeneric, nil), refused: true},
		{kind: "AlertSource", rule: mapping, name: "generic options of Falco", object: generic(v1alpha1.AlertSourceFalco, &v1alpha1.GenericOptions{Title: "event.name"}), refused: true},
		{kind: "AlertSource", rule: mapping, name: "Falco", object: generic(v1alpha1.AlertSourceFalco, nil)},
		{kind: "AlertSource", rule: twofold, name: "fingerprint of Falco", object: fingerprint(nil, "alert.rule")},
		{kind: "AlertSource", rule: twofold, name: "fingerprint of generic", object: fingerprint(&v1alpha1.GenericOptions{Title: "event.name"}, "alert.rule")},
		{kind: "AlertSource", rule: twofold, name: "generic fingerprint", object: fingerprint(&v1alpha1.GenericOptions{Title: "event.name", Fingerprint: "event.id"}, "")},
		{kind: "AlertSource", rule: twofold, name: "two fingerprints", object: fingerprint(&v1alpha1.GenericOptions{Title: "event.name", Fingerprint: "event.id"}, "alert.rule"), refused: true},
		{kind: "AlertSource", rule: routes, name: "routes of CloudEvents", object: events(v1alpha1.AlertSourceCloudEvents, v1alpha1.AlertSourceFalco)},
		{kind: "AlertSource", rule: routes, name: "routes of Falco", object: events(v1alpha1.AlertSourceFalco, v1alpha1.AlertSourceFalco), refused: true},
		{kind: "AlertSource", rule: routes, name: "CloudEvents without routes", object: of(v1alpha1.AlertSourceCloudEvents, nil)},
		{kind: "AlertSource", rule: routed, name: "route to OCSF", object: events(v1alpha1.AlertSourceCloudEvents, v1alpha1.AlertSourceOCSF)},
		{kind: "AlertSource", rule: routed, name: "route to CloudEvents", object: events(v1alpha1.AlertSourceCloudEvents, v1alpha1.AlertSourceCloudEvents), refused: true},
		{kind: "AlertSource", rule: routed, name: "route to Generic", object: events(v1alpha1.AlertSourceCloudEvents, v1alpha1.AlertSourceGeneric), refused: true},
		{kind: "AlertSource", rule: origin, name: "sent", object: of(v1alpha1.AlertSourceTrivyOperator, nil)},
		{kind: "AlertSource", rule: origin, name: "found", object: watching(v1alpha1.AlertSourceTrivyOperator)},
		{kind: "AlertSource", rule: origin, name: "sent and found", refused: true, object: by(func(s *v1alpha1.AlertSourceSpec) {
			s.Type, s.Watch = v1alpha1.AlertSourcePolicyReport, &v1alpha1.AlertSourceWatch{ServiceAccountName: "scanner"}
			s.Auth.BearerToken = secret
		})},
		{kind: "AlertSource", rule: origin, name: "neither", object: by(func(*v1alpha1.AlertSourceSpec) {}), refused: true},
		{kind: "AlertSource", rule: folded, name: "fingerprint of what is sent", object: by(func(s *v1alpha1.AlertSourceSpec) {
			s.Auth.BearerToken, s.Fingerprint = secret, "event.id"
		})},
		{kind: "AlertSource", rule: folded, name: "fingerprint of what is found", refused: true, object: by(func(s *v1alpha1.AlertSourceSpec) {
			s.Type, s.Watch, s.Fingerprint = v1alpha1.AlertSourcePolicyReport, &v1alpha1.AlertSourceWatch{ServiceAccountName: "scanner"}, "event.id"
		})},
		{kind: "AlertSource", rule: watched, name: "policy reports", object: watching(v1alpha1.AlertSourcePolicyReport)},
		{kind: "AlertSource", rule: watched, name: "events of Falco", object: watching(v1alpha1.AlertSourceFalco), refused: true},
		{kind: "AlertSource", rule: origins, name: "another service account", object: watching(v1alpha1.AlertSourcePolicyReport),
			change: edit(func(s *v1alpha1.AlertSourceSpec) { s.Watch.ServiceAccountName = "other" })},
		{kind: "AlertSource", rule: origins, name: "found, then sent", object: watching(v1alpha1.AlertSourcePolicyReport), refused: true,
			change: edit(func(s *v1alpha1.AlertSourceSpec) {
				s.Watch, s.Auth = nil, v1alpha1.AlertSourceAuth{BearerToken: secret}
			})},
		{kind: "AlertSource", rule: origins, name: "sent, then found", object: of(v1alpha1.AlertSourcePolicyReport, nil), refused: true,
			change: edit(func(s *v1alpha1.AlertSourceSpec) {
				s.Auth, s.Watch = v1alpha1.AlertSourceAuth{}, &v1alpha1.AlertSourceWatch{ServiceAccountName: "scanner"}
			})},
		{kind: "AlertSource", rule: fixed, name: "type changed", object: of(v1alpha1.AlertSourceFalco, nil), refused: true,
			change: func(o client.Object) { o.(*v1alpha1.AlertSource).Spec.Type = v1alpha1.AlertSourceKubernetesAudit }},
		{kind: "AlertSource", rule: fixed, name: "type kept", object: of(v1alpha1.AlertSourceFalco, nil),
			change: func(o client.Object) { o.(*v1alpha1.AlertSource).Spec.Suspend = ptr(true) }},
	}
}
