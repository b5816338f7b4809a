package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Run is the cluster's first process. It reads its specification, gives its
// namespaces what the cluster's processes expect of a machine, and keeps those
// processes running. It returns only on failure.
func Run(ctx context.Context, in io.Reader) error {
	if os.Getpid() != 1 {
		return fmt.Errorf("node is started by up, in namespaces of its own")
	}
	var spec Spec
	if err := json.NewDecoder(in).Decode(&spec); err != nil {
		return fmt.Errorf("reading the specification (has the command that started this process ended?): %w", err)
	}
	if err := unix.Sethostname([]byte(spec.Dir.Name())); err != nil {
		return fmt.Errorf("setting the host name: %w", err)
	}
	if err := mountView(spec.Dir, spec.Assets); err != nil {
		return err
	}
	if err := spec.Link.SetUpNode(ctx); err != nil {
		return err
	}
	s := newSupervisor(spec.Dir)
	go s.startAll(ctx, spec)
	return s.reap(ctx)
}
