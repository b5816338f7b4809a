package kubernetesaudit

import "github.com/tocsin-dev/tocsin/internal/engine/model"

// Changes are rules for those who want every change of some kinds on record.
// In a working cluster they fire all day, so they are used only where asked for.
func Changes() []Rule {
	return []Rule{
		{
			Name: "nodeport-service", Title: "Service opened on every node", Severity: model.SeverityLow,
			Tactics:     []model.Tactic{model.TacticInitialAccess, model.TacticPersistence},
			Techniques:  []string{"T1133"},
			Description: "A service of type NodePort can be reached from outside the cluster.",
			Match: `succeeded && event.verb == 'create' && event.objectRef.resource == 'services'
				&& event.requestObject.?spec.?type.orValue('') == 'NodePort'`,
		},
		change("deployment-created", "Deployment created", "create", "deployments"),
		change("configmap-created", "ConfigMap created", "create", "configmaps"),
		change("secret-created", "Secret created", "create", "secrets"),
		change("service-account-created", "Service account created", "create", "serviceaccounts"),
		change("cluster-role-created", "Cluster role created", "create", "clusterroles"),
		change("role-created", "Role created", "create", "roles"),
		change("namespace-deleted", "Namespace deleted", "delete", "namespaces"),
	}
}

func change(name, title, verb, resource string) Rule {
	return Rule{
		Name: name, Title: title, Severity: model.SeverityInformational,
		Match: `succeeded && event.verb == '` + verb + `' && event.objectRef.resource == '` + resource + `'
			&& event.objectRef.subresource == '' && !inSystemNamespace && !actor.infrastructure`,
	}
}

// Merge returns own rules and then those built-in ones whose name is not taken.
func Merge(own, builtIn []Rule) []Rule {
	taken := map[string]bool{}
	for _, rule := range own {
		taken[rule.Name] = true
	}
	merged := append([]Rule{}, own...)
	for _, rule := range builtIn {
		if !taken[rule.Name] {
			merged = append(merged, rule)
		}
	}
	return merged
}
