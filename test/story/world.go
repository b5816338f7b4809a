package story

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/internal/operator"
)

// The namespaces of the story.
const (
	System = "tocsin-system"
	Tenant = "tocsin-demo"
	Shop   = "shop"
)

// The people of the story. The contractor's password is not what it was.
const (
	Alice      = "alice"      // responder
	Bob        = "bob"        // responder and approver
	Contractor = "contractor" // may enter the shop's pods
)

// DemoImage is the image of the shop.
const DemoImage = "tocsin.dev/demoapp:dev"

// World is where the story plays, and what it has come to.
type World struct {
	Out io.Writer
	// Root is the root of the source tree.
	Root string
	// Kubectl and Helm are the programs to run.
	Kubectl, Helm string
	Kubeconfig    string
	// State is the folder of the local cluster; empty for an existing one.
	State string
	// Image and AppImage are the images of Tocsin and of the shop.
	Image, AppImage string
	Client          client.Client

	// Pod is the pod that is attacked, with its address.
	Pod, PodIP string
	// Intruder is the pod that the attacker makes.
	Intruder string
	// Incident is what came of it.
	Incident string

	gateway *gateway
	// settled is when the API server has delivered, or dropped, what the
	// installation caused.
	settled time.Time
}

// FromEnvironment finds the world in environment variables: those that
// hack/demo/run.sh sets.
func FromEnvironment(root string, out io.Writer) (*World, error) {
	w := &World{
		Out: out, Root: root, Intruder: "node-metrics",
		Kubectl: value("KUBECTL", "kubectl"), Helm: value("HELM", "helm"),
		Kubeconfig: os.Getenv("KUBECONFIG"),
		Image:      value("IMAGE", "tocsin.dev/tocsin:dev"), AppImage: value("APP_IMAGE", DemoImage),
	}
	if w.Kubeconfig == "" {
		return nil, fmt.Errorf("KUBECONFIG is not set: run `make demo` or `make test-e2e`, which start a cluster")
	}
	if os.Getenv("CLUSTER") != "existing" {
		w.State = filepath.Dir(w.Kubeconfig)
	}
	config, err := clientcmd.BuildConfigFromFlags("", w.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading KUBECONFIG: %w", err)
	}
	config.QPS = -1 // awaiting asks often
	w.Client, err = client.New(config, client.Options{Scheme: operator.Scheme()})
	if err != nil {
		return nil, fmt.Errorf("reaching the cluster of KUBECONFIG: %w", err)
	}
	return w, nil
}

func value(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// Close ends what the story started on this machine.
func (w *World) Close() {
	if w.gateway != nil {
		w.gateway.close()
	}
}

// Local says whether the cluster is one of hack/cluster.
func (w *World) Local() bool { return w.State != "" }

// get reads an object.
func (w *World) get(ctx context.Context, namespace, name string, object client.Object) error {
	return w.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
}
