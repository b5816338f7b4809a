package story

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kubectl runs kubectl as the administrator, without telling.
func (w *World) kubectl(ctx context.Context, stdin string, arguments ...string) (string, error) {
	return w.run(ctx, w.Kubeconfig, stdin, w.Kubectl, arguments...)
}

// show runs kubectl and shows the command with its answer.
func (w *World) show(ctx context.Context, arguments ...string) error {
	w.say("$ kubectl %s", strings.Join(arguments, " "))
	out, err := w.kubectl(ctx, "", arguments...)
	if err != nil {
		return err
	}
	w.say("%s", strings.TrimRight(out, "\n"))
	return nil
}

// as runs kubectl as a person: with a client certificate in the local cluster,
// by impersonation in an existing one.
func (w *World) as(ctx context.Context, person, stdin string, arguments ...string) (string, error) {
	if !w.Local() {
		return w.kubectl(ctx, stdin, append([]string{"--as", person}, arguments...)...)
	}
	kubeconfig, err := w.person(ctx, person)
	if err != nil {
		return "", err
	}
	return w.run(ctx, kubeconfig, stdin, w.Kubectl, arguments...)
}

// person returns the kubeconfig of a person of the local cluster.
func (w *World) person(ctx context.Context, name string) (string, error) {
	path := filepath.Join(w.State, "users", name+".kubeconfig")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	_, err := w.run(ctx, w.Kubeconfig, "", "go", "-C", filepath.Join(w.Root, "hack", "cluster"), "run", ".",
		"user", name, "--name", filepath.Base(w.State))
	return path, err
}

// run runs a program; its error is what the program says.
func (w *World) run(ctx context.Context, kubeconfig, stdin, program string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	command.Stdin = strings.NewReader(stdin)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return out.String(), fmt.Errorf("`%s %s` %w", filepath.Base(program), strings.Join(arguments, " "), context.Cause(ctx))
		}
		if text := strings.TrimSpace(problems.String()); text != "" {
			return out.String(), errors.New(text)
		}
		return out.String(), fmt.Errorf("`%s %s`: %w", filepath.Base(program), strings.Join(arguments, " "), err)
	}
	return out.String(), nil
}
