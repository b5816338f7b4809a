package e2e_test

import (
	"os/exec"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/test/story"
)

// noTokenIsLogged looks for the senders' tokens, and for the secret of the shop.
func noTokenIsLogged(t *testing.T, w *story.World) {
	command := exec.CommandContext(t.Context(), w.Kubectl, "--kubeconfig", w.Kubeconfig, "-n", story.System, "logs", "deployment/tocsin", "--tail=-1")
	log, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	for namespace, name := range map[string]string{story.Tenant: "falco-token", story.Shop: "database"} {
		var secret corev1.Secret
		if err := w.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &secret); err != nil {
			t.Fatal(err)
		}
		for key, value := range secret.Data {
			if strings.Contains(string(log), string(value)) {
				t.Errorf("the log holds %s of Secret %s/%s", key, namespace, name)
			}
		}
	}
}
