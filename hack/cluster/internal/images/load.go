// Package images gives image files to a cluster's containerd.
package images

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/state"
)

// Load imports image files, once containerd answers.
func Load(ctx context.Context, dir state.Dir, files ...string) error {
	if err := awaitSocket(ctx, dir); err != nil {
		return err
	}
	for _, file := range files {
		// The CRI plug-in sees the images of this containerd namespace only.
		command := exec.CommandContext(ctx, "ctr", "--address", dir.Socket(), "--namespace", "k8s.io", "images", "import", file)
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("loading image %s: %w: %s", file, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

func awaitSocket(ctx context.Context, dir state.Dir) error {
	const timeout = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		connection, err := (&net.Dialer{}).DialContext(ctx, "unix", dir.Socket())
		if err == nil {
			return connection.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("containerd does not answer within %s (see %s): %w", timeout, dir.Log("containerd"), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
