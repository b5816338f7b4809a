package main

import (
	"context"
	"flag"
	"os"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/enforcer"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/node"
)

// The commands of this file are run by the cluster, not by people.

// runNode is the cluster's first process.
func runNode(ctx context.Context, _ []string) error {
	return node.Run(ctx, os.Stdin)
}

// enforce enforces network policies.
func enforce(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("enforce", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "the `file` that says how to reach the API server")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	return enforcer.Run(ctx, *kubeconfig)
}
