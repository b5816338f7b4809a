package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/assets"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/config"
	"github.com/tocsin-dev/tocsin/hack/cluster/internal/images"
)

// load gives images to a cluster.
func load(ctx context.Context, arguments []string) error {
	flags, name := newFlags("load")
	dir, _, err := running(flags, name, arguments)
	if err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("say which image files to load")
	}
	return images.Load(ctx, dir, flags.Args()...)
}

// kubeconfig prints where the administrator's kubeconfig is.
func kubeconfig(_ context.Context, arguments []string) error {
	flags, name := newFlags("kubeconfig")
	dir, _, err := running(flags, name, arguments)
	if err != nil {
		return err
	}
	fmt.Println(dir.Kubeconfig())
	return nil
}

// user makes a kubeconfig for a person and prints where it is.
func user(_ context.Context, arguments []string) error {
	if len(arguments) == 0 || arguments[0] == "" || arguments[0][0] == '-' {
		return errors.New("say who: user NAME [--group GROUP ...]")
	}
	var groups []string
	flags, name := newFlags("user")
	flags.Func("group", "a `group` of the person; may be repeated", func(group string) error {
		groups = append(groups, group)
		return nil
	})
	dir, cluster, err := running(flags, name, arguments[1:])
	if err != nil {
		return err
	}
	path, err := config.Cluster{Dir: dir, Link: cluster.Link}.WriteUser(arguments[0], groups)
	if err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// execute runs a command inside a cluster's namespaces, to look around there.
func execute(_ context.Context, arguments []string) error {
	flags, name := newFlags("exec")
	_, cluster, err := running(flags, name, arguments)
	if err != nil {
		return err
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return errors.New("missing nsenter: apt-get install -y util-linux")
	}
	enter := []string{"nsenter", "--target", strconv.Itoa(cluster.PID), "--mount", "--net", "--pid", "--uts", "--ipc", "--"}
	return syscall.Exec(nsenter, append(enter, flags.Args()...), os.Environ())
}

// printAssets prints the folder of the Kubernetes binaries, which serves as
// KUBEBUILDER_ASSETS too.
func printAssets(ctx context.Context, _ []string) error {
	module, err := moduleFolder()
	if err != nil {
		return err
	}
	folder, err := assets.Ensure(ctx, module, func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err != nil {
		return err
	}
	fmt.Println(folder)
	return nil
}
