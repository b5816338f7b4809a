package kubernetesaudit

import "github.com/tocsin-dev/tocsin/internal/engine/model"

// Threats are the rules that are in use unless a source turns them off. They
// are silent in a healthy cluster, but for what people do by hand and what
// unusual workloads ask for.
func Threats() []Rule {
	return []Rule{
		{
			Name: "cluster-admin-binding", Title: "Cluster administrator rights granted", Severity: model.SeverityHigh,
			Tactics:            []model.Tactic{model.TacticPersistence, model.TacticPrivilegeEscalation},
			Techniques:         []string{"T1098.006"},
			Description:        "A binding gives unlimited rights over the cluster, through the role cluster-admin or the group system:masters.",
			RecommendedActions: "Ask who granted it. Delete the binding unless it was planned, and review what its subjects did since.",
			Match: `succeeded && !actor.infrastructure && event.verb in ['create', 'update', 'patch']
				&& event.objectRef.resource in ['clusterrolebindings', 'rolebindings']
				&& (event.requestObject.?roleRef.?name.orValue('') == 'cluster-admin'
				 || event.responseObject.?roleRef.?name.orValue('') == 'cluster-admin'
				 || event.objectRef.name == 'cluster-admin'
				 || event.requestObject.?subjects.orValue([]).exists(s, s.?name.orValue('') == 'system:masters'))`,
		},
		{
			Name: "privileged-pod", Title: "Pod with access to its node", Severity: model.SeverityHigh,
			Tactics:            []model.Tactic{model.TacticExecution, model.TacticPrivilegeEscalation},
			Techniques:         []string{"T1610", "T1611"},
			Description:        "The pod is privileged or shares the file system, the processes or the network of its node: who controls it controls the node.",
			RecommendedActions: "Find out who needs this pod. If nobody does, isolate it, then examine its node.",
			Match: `succeeded && event.verb == 'create' && event.objectRef.resource == 'pods' && event.objectRef.subresource == ''
				&& !(inSystemNamespace && actor.infrastructure)
				&& (event.requestObject.?spec.?hostPID.orValue(false) == true
				 || event.requestObject.?spec.?hostIPC.orValue(false) == true
				 || event.requestObject.?spec.?hostNetwork.orValue(false) == true
				 || event.requestObject.?spec.?volumes.orValue([]).exists(v, has(v.hostPath))
				 || event.requestObject.?spec.?containers.orValue([]).exists(c, c.?securityContext.?privileged.orValue(false) == true)
				 || event.requestObject.?spec.?initContainers.orValue([]).exists(c, c.?securityContext.?privileged.orValue(false) == true))`,
		},
		{
			Name: "anonymous-access", Title: "Anonymous access allowed", Severity: model.SeverityHigh,
			Tactics:            []model.Tactic{model.TacticInitialAccess},
			Techniques:         []string{"T1078.001", "T1190"},
			Description:        "A request without credentials was answered, beyond what every cluster shows to everybody.",
			RecommendedActions: "Find the binding that names system:anonymous or system:unauthenticated and delete it. Review what else was read.",
			// Health, versions and the public half of a kubeadm join are open to all.
			Match: `succeeded && actor.kind == 'Anonymous' && event.responseStatus.code != 0
				&& !event.requestURI.matches('^/(healthz|livez|readyz|version|\\.well-known|openid)([/?]|$)')
				&& !(event.objectRef.namespace == 'kube-public' && event.objectRef.name == 'cluster-info')`,
		},
		{
			Name: "pod-exec", Title: "Exec or attach into a pod", Severity: model.SeverityMedium,
			Tactics:            []model.Tactic{model.TacticExecution},
			Techniques:         []string{"T1609"},
			Description:        "Somebody ran a command in a running container, or attached to it.",
			RecommendedActions: "Ask the user what it was for. If they do not know, revoke their credentials and isolate the pod.",
			Match: `succeeded && event.objectRef.resource == 'pods'
				&& (event.objectRef.subresource in ['exec', 'attach'] && event.verb in ['create', 'get']
				 || event.objectRef.subresource == 'ephemeralcontainers' && event.verb in ['create', 'update', 'patch'])`,
		},
		{
			Name: "secrets-read", Title: "Secrets read by a service account", Severity: model.SeverityMedium,
			Tactics:     []model.Tactic{model.TacticCredentialAccess},
			Techniques:  []string{"T1552.007"},
			Description: "A service account of an application lists secrets, or reads one of another namespace. Applications get their secrets mounted and need not ask for them.",
			RecommendedActions: "Examine the pods that run under this service account. Replace the secrets that it could read. " +
				"If it is an operator that must read secrets, replace the rule secrets-read by one that leaves it out.",
			Match: `succeeded && actor.kind == 'ServiceAccount' && !actor.infrastructure
				&& event.objectRef.resource == 'secrets'
				&& (event.verb in ['list', 'watch']
				 || event.verb == 'get' && (actor.name == 'default' || actor.namespace != event.objectRef.namespace))
				&& !(actor.namespace in ['argocd', 'cert-manager', 'external-secrets', 'flux-system', 'ingress-nginx', 'sealed-secrets', 'vault'])`,
		},
		{
			Name: "system-pod-by-person", Title: "Pod created among the cluster's own", Severity: model.SeverityMedium,
			Tactics:            []model.Tactic{model.TacticExecution, model.TacticDefenseEvasion},
			Techniques:         []string{"T1036.005", "T1610"},
			Description:        "A person created a pod in kube-system, where attackers hide theirs among those of the cluster.",
			RecommendedActions: "Ask the user what it is for. Examine its image and privileges.",
			Match: `succeeded && actor.kind == 'Person' && event.verb == 'create'
				&& event.objectRef.resource == 'pods' && event.objectRef.subresource == ''
				&& event.objectRef.namespace == 'kube-system'`,
		},
		{
			Name: "token-for-another", Title: "Token created for another account", Severity: model.SeverityMedium,
			Tactics:            []model.Tactic{model.TacticPersistence, model.TacticCredentialAccess},
			Techniques:         []string{"T1098", "T1528"},
			Description:        "Somebody had a token issued for a service account that is not theirs, and can now act as it.",
			RecommendedActions: "Ask the user what it is for. Deleting and creating the service account again voids its tokens.",
			Match: `succeeded && !actor.infrastructure && event.verb == 'create'
				&& event.objectRef.resource == 'serviceaccounts' && event.objectRef.subresource == 'token'
				&& event.user.username != 'system:serviceaccount:' + event.objectRef.namespace + ':' + event.objectRef.name`,
		},
		{
			Name: "admission-changed", Title: "Admission control changed", Severity: model.SeverityMedium,
			Tactics:     []model.Tactic{model.TacticPersistence, model.TacticPrivilegeEscalation},
			Techniques:  []string{"T1546"},
			Description: "A webhook or policy that sees, changes or refuses every object of the cluster was changed.",
			RecommendedActions: "Compare it with what is in Git. A webhook that points at an unknown service reads all secrets that pass by; " +
				"a deleted policy lets through what it refused.",
			Match: `succeeded && !actor.infrastructure && event.verb in ['create', 'update', 'patch', 'delete', 'deletecollection']
				&& event.objectRef.apiGroup in ['', 'admissionregistration.k8s.io']
				&& event.objectRef.resource in ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations',
					'mutatingadmissionpolicies', 'mutatingadmissionpolicybindings',
					'validatingadmissionpolicies', 'validatingadmissionpolicybindings']
				&& event.objectRef.subresource == ''`,
		},
		{
			Name: "events-deleted", Title: "Kubernetes events deleted", Severity: model.SeverityMedium,
			Tactics:            []model.Tactic{model.TacticDefenseEvasion},
			Techniques:         []string{"T1070"},
			Description:        "Somebody deleted events, which otherwise vanish by themselves: perhaps to hide what they did.",
			RecommendedActions: "See in the audit log what the user did before.",
			Match: `succeeded && !actor.infrastructure && event.verb in ['delete', 'deletecollection']
				&& event.objectRef.resource == 'events'`,
		},
		{
			Name: "root-pod", Title: "Pod asks to run as root", Severity: model.SeverityLow,
			Tactics:            []model.Tactic{model.TacticExecution},
			Techniques:         []string{"T1610"},
			Description:        "The pod asks in so many words for the user root, which makes an escape to its node easier.",
			RecommendedActions: "Find out whether it must. Most images run as another user.",
			Match: `succeeded && event.verb == 'create' && event.objectRef.resource == 'pods' && event.objectRef.subresource == ''
				&& !(inSystemNamespace && actor.infrastructure)
				&& (event.requestObject.?spec.?securityContext.?runAsUser.orValue(-1) == 0
				 || event.requestObject.?spec.?containers.orValue([]).exists(c,
					c.?securityContext.?runAsUser.orValue(-1) == 0 || c.?securityContext.?runAsNonRoot.orValue(true) == false))`,
		},
	}
}
