// Command investigator runs the built-in analyzers in the Jobs of an
// investigation:
//
//	investigator pod|access
//
// It reads /tocsin/input.json, and writes its verdicts to /dev/termination-log.
// What it may see in the cluster is what the playbook's service account may.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/tocsin-dev/tocsin/internal/analyze"
	"github.com/tocsin-dev/tocsin/internal/analyze/access"
	"github.com/tocsin-dev/tocsin/internal/analyze/pod"
	"github.com/tocsin-dev/tocsin/internal/workload/document"
)

const (
	inputFolder = "/tocsin"
	resultFile  = "/dev/termination-log"
	// timeout ends an analyzer that hangs, well before its Job's default
	// deadline, so that it can still say so.
	timeout = 4 * time.Minute
	// queriesPerSecond is what the reviews of 32 accounts need to take half a minute.
	queriesPerSecond = 20
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	err := run(ctx, os.Args[1:])
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "investigator:", err)
		os.Exit(1)
	}
}

// run analyzes and writes the result. What went wrong is written, too: the
// termination message is all that the operator reads.
func run(ctx context.Context, args []string) error {
	result, failure := examine(ctx, args)
	if failure != nil {
		result = document.Result{Verdicts: []document.Verdict{}, Message: failure.Error()}
	}
	raw, err := document.EncodeResult(result)
	if err != nil {
		return err
	}
	if err := os.WriteFile(resultFile, raw, 0o600); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return failure
}

func examine(ctx context.Context, args []string) (document.Result, error) {
	if len(args) != 1 {
		return document.Result{}, fmt.Errorf("usage: investigator pod|access")
	}
	raw, err := os.ReadFile(filepath.Join(inputFolder, document.InputFile))
	if err != nil {
		return document.Result{}, fmt.Errorf("reading the input: %w", err)
	}
	in, err := document.DecodeInput(raw)
	if err != nil {
		return document.Result{}, err
	}
	client, err := connect()
	if err != nil {
		return document.Result{}, err
	}
	analyzer, err := choose(args[0], client)
	if err != nil {
		return document.Result{}, err
	}
	return analyzer.Analyze(ctx, in)
}

func connect() (kubernetes.Interface, error) {
	cfg, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the API server: %w", err)
	}
	cfg.UserAgent = "tocsin-investigator"
	cfg.QPS, cfg.Burst = queriesPerSecond, 2*queriesPerSecond
	return kubernetes.NewForConfig(cfg)
}

func choose(name string, client kubernetes.Interface) (analyze.Analyzer, error) {
	switch name {
	case "pod":
		return pod.Analyzer{Client: client}, nil
	case "access":
		return access.Analyzer{Client: client}, nil
	}
	return nil, fmt.Errorf("there is no analyzer %q", name)
}
