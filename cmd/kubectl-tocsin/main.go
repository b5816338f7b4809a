// Command kubectl-tocsin is the plug-in of kubectl: "kubectl tocsin".
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitFailed = 1 // a case did not come out as expected, or no event could be read
	exitUsage  = 2 // the command line or a file is no use
)

// What and why was printed already.
var (
	errFailed   = errors.New("not everything came out as expected")
	errUnusable = errors.New("not every case could be run")
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(report(os.Stderr, newRoot().ExecuteContext(ctx)))
}

// report says what went wrong, and returns the exit code.
func report(out io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.Is(err, errUnusable):
		return exitUsage
	}
	fmt.Fprintln(out, "error:", err)
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-tocsin",
		Short: "Work with the alerts and incidents of Tocsin",
		Long: `Work with the alerts and incidents of Tocsin.

replay and test need no cluster: they do with recorded events what the gateway
and the correlation of a cluster would do.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl tocsin"},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newReplay(), newTest())
	return root
}
