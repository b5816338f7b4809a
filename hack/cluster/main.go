// Command cluster runs real Kubernetes clusters of one node on this machine,
// without downloads and without a container daemon:
//
//	go -C hack/cluster run . up [--name NAME]      start a cluster
//	go -C hack/cluster run . down [--name NAME]    remove everything of it
//	go -C hack/cluster run . load IMAGE.tar ...    give it images
//	go -C hack/cluster run . kubeconfig            where its kubeconfig is
//	go -C hack/cluster run . user NAME [--group G] a kubeconfig for a person
//	go -C hack/cluster run . exec COMMAND ...      a command inside its namespaces
//	go -C hack/cluster run . assets                the folder of its binaries
//
// The clusters of a machine do not see each other. There is no cluster DNS:
// pods use the addresses of services, or the environment that the kubelet sets.
// README.md says how it works and where everything is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/state"
)

// command is one of the things that this program does.
type command func(ctx context.Context, arguments []string) error

var commands = map[string]command{
	"up":         up,
	"down":       down,
	"load":       load,
	"kubeconfig": kubeconfig,
	"user":       user,
	"exec":       execute,
	"assets":     printAssets,
}

// inside are those that the cluster itself runs.
var inside = map[string]command{
	"node":    runNode,
	"enforce": enforce,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	known := strings.Join(slices.Sorted(maps.Keys(commands)), ", ")
	if len(arguments) == 0 {
		return fmt.Errorf("say what to do: %s", known)
	}
	command := commands[arguments[0]]
	if command == nil {
		command = inside[arguments[0]]
	}
	if command == nil {
		return fmt.Errorf("unknown command %q: use one of %s", arguments[0], known)
	}
	return command(ctx, arguments[1:])
}

// newFlags returns the flags of a command, with the one that all have.
func newFlags(command string) (*flag.FlagSet, *string) {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	name := os.Getenv("TOCSIN_CLUSTER")
	if name == "" {
		name = "tocsin"
	}
	return flags, flags.String("name", name, "the cluster's `name`; default from TOCSIN_CLUSTER")
}

// parse returns the folder of the cluster that the arguments name.
func parse(flags *flag.FlagSet, name *string, arguments []string) (state.Dir, error) {
	if err := flags.Parse(arguments); err != nil {
		return "", err
	}
	return state.For(*name)
}

// running returns the folder and record of a cluster that must be running.
func running(flags *flag.FlagSet, name *string, arguments []string) (state.Dir, *state.Cluster, error) {
	dir, err := parse(flags, name, arguments)
	if err != nil {
		return "", nil, err
	}
	cluster, err := dir.Read()
	if err != nil {
		return "", nil, err
	}
	if !cluster.Running() {
		return "", nil, fmt.Errorf("cluster %s is not running: start it with `make cluster-up`", dir.Name())
	}
	return dir, cluster, nil
}
