// Command demo plays an attack on a real cluster, and the whole response of
// Tocsin to it, for people to watch. hack/demo/run.sh starts it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/tocsin-dev/tocsin/test/story"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	world, err := story.FromEnvironment(root, os.Stdout)
	if err != nil {
		return err
	}
	defer world.Close()
	began := time.Now()
	for i, step := range story.Steps() {
		if err := world.Play(ctx, i+1, step); err != nil {
			return err
		}
	}
	fmt.Printf("\nThe whole story took %.0f seconds.\n", time.Since(began).Seconds())
	lookAround(world)
	return nil
}

// lookAround tells how to go on by oneself.
func lookAround(w *story.World) {
	fmt.Printf("\nLook around:\n\n  export KUBECONFIG=%s\n", w.Kubeconfig)
	if _, err := exec.LookPath("kubectl"); err != nil {
		fmt.Printf("  alias kubectl=%s\n", w.Kubectl)
	}
	fmt.Printf(`
  kubectl -n %[1]s get tocsin                             everything of the tenant
  kubectl -n %[1]s describe incident %[2]s
  kubectl -n %[1]s get alerts.tocsin.dev -o wide
  kubectl explain incident.status
  kubectl -n %[3]s logs deployment/tocsin

What people still have to do: the service account of the shop has the rights that made this
possible, and the attacker's ClusterRoleBinding is still there:

  kubectl delete clusterrolebinding shop-metrics shop-web
`, story.Tenant, w.Incident, story.System)
}
