package kubernetesaudit

import "strings"

// The kinds of Actor.
const (
	ActorPerson         = "Person"
	ActorServiceAccount = "ServiceAccount"
	ActorNode           = "Node"
	ActorComponent      = "Component"
	ActorAnonymous      = "Anonymous"
)

// Actor is what a rule sees as "actor": who asked, told apart.
type Actor struct {
	// Kind is Person, ServiceAccount, Node, Component (of the control plane) or Anonymous.
	Kind string `cel:"kind"`
	// Namespace is that of a service account.
	Namespace string `cel:"namespace"`
	// Name is the user's name without its prefix.
	Name string `cel:"name"`
	// Infrastructure says that the cluster itself asked: its control plane, its
	// nodes, and what runs in its own namespaces.
	Infrastructure bool `cel:"infrastructure"`
}

func newActor(username string) Actor {
	if rest, found := strings.CutPrefix(username, "system:serviceaccount:"); found {
		namespace, name, _ := strings.Cut(rest, ":")
		return Actor{Kind: ActorServiceAccount, Namespace: namespace, Name: name, Infrastructure: systemNamespace(namespace)}
	}
	if node, found := strings.CutPrefix(username, "system:node:"); found {
		return Actor{Kind: ActorNode, Name: node, Infrastructure: true}
	}
	switch {
	case username == "system:anonymous":
		return Actor{Kind: ActorAnonymous, Name: username}
	case strings.HasPrefix(username, "system:"), strings.HasPrefix(username, "eks:"), username == "aksService":
		return Actor{Kind: ActorComponent, Name: username, Infrastructure: true}
	case strings.HasPrefix(username, "container-engine-robot@"), strings.HasSuffix(username, "@container-engine-robot.iam.gserviceaccount.com"):
		return Actor{Kind: ActorComponent, Name: username, Infrastructure: true}
	}
	return Actor{Kind: ActorPerson, Name: username}
}

// systemNamespace says whether a namespace belongs to the cluster itself.
func systemNamespace(namespace string) bool {
	return strings.HasPrefix(namespace, "kube-") || strings.HasPrefix(namespace, "gke-") ||
		namespace == "calico-system" || namespace == "tigera-operator"
}
