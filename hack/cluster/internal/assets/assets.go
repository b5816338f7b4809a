// Package assets builds the Kubernetes binaries from their Go module, once for
// a machine and user: they lie in a cache outside of the work tree, under a
// key that follows from their version and source, so that a second clone
// builds nothing.
package assets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/state"
)

// Version is the version of Kubernetes, the one in kube/go.mod.
const Version = "v1.37.2"

// names are the commands of the multi-call binary; see kube/main.go.
var names = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"}

// Ensure returns the folder with the binaries. If it must build them first, it
// calls announce before it starts.
func Ensure(ctx context.Context, module string, announce func(string)) (string, error) {
	folder, err := folder(module)
	if err != nil {
		return "", err
	}
	if complete(folder) {
		return folder, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("creating the cache of Kubernetes binaries: %w", err)
	}
	// Two builds at once would each take twice as long.
	unlock, err := state.Lock(ctx, folder)
	if err != nil {
		return "", err
	}
	defer unlock()
	if complete(folder) {
		return folder, nil
	}
	announce("building Kubernetes " + Version + " into " + folder + ": once, about ten minutes on two cores")
	if err := build(ctx, module, folder); err != nil {
		return "", err
	}
	return folder, link(folder)
}

// folder is the cache's folder for this version and source.
func folder(module string) (string, error) {
	cache, err := os.UserCacheDir() // XDG_CACHE_HOME, else ~/.cache
	if err != nil {
		return "", fmt.Errorf("finding a place for the Kubernetes binaries: %w", err)
	}
	hash := sha256.New()
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		content, err := os.ReadFile(filepath.Join(module, "kube", name))
		if err != nil {
			return "", fmt.Errorf("reading the source of the Kubernetes binaries: %w", err)
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(content), content)
	}
	key := Version + "-" + hex.EncodeToString(hash.Sum(nil))[:12]
	return filepath.Join(cache, "tocsin", "kubernetes", key), nil
}

// complete says whether the last link, which is made last, is there.
func complete(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, names[len(names)-1]))
	return err == nil
}

// build builds the multi-call binary. A change of these flags changes what Go
// has cached too.
func build(ctx context.Context, module, folder string) error {
	major, minor, _ := strings.Cut(strings.TrimPrefix(Version, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	const version = "k8s.io/component-base/version"
	flags := fmt.Sprintf("-s -w -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s", version, Version, major, minor)
	next := filepath.Join(folder, "kube.next")
	err := Go(ctx, filepath.Join(module, "kube"), "build", "-trimpath", "-ldflags", flags, "-o", next, ".")
	if err != nil {
		return fmt.Errorf("building Kubernetes %s: %w", Version, err)
	}
	return os.Rename(next, filepath.Join(folder, "kube"))
}

func link(folder string) error {
	for _, name := range names {
		err := os.Symlink("kube", filepath.Join(folder, name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("linking %s: %w", name, err)
		}
	}
	return nil
}

// Go runs the Go tool in a folder, for static binaries.
func Go(ctx context.Context, folder string, arguments ...string) error {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("`go %s` in %s: %w", arguments[0], folder, err)
	}
	return nil
}
