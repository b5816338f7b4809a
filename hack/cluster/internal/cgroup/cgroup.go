// Package cgroup gives a cluster control groups of its own: one for its pods
// and processes, with a child for the processes that are not pods. It serves
// machines with version 1 (a hierarchy for each controller) and version 2.
package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/network"
)

const mountpoint = "/sys/fs/cgroup"

// Group is a cluster's control group, by its path in each hierarchy.
type Group string

// For returns the control group of a cluster. The number of its link is part of
// the name, because clusters in different folders may have the same name.
func For(cluster string, link network.Link) Group {
	return Group(fmt.Sprintf("/tocsin-%s-%d", cluster, int(link)))
}

// system holds the processes that are not pods. They have a group of their
// own because in version 2 a group has either processes or children.
func (g Group) system() string { return string(g) + "/system" }

// Create makes the group in each hierarchy.
func (g Group) Create() error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		for _, group := range []string{string(g), g.system()} {
			if err := create(root, group); err != nil {
				return fmt.Errorf("making control group %s%s: %w", root, group, err)
			}
		}
	}
	return nil
}

// Add puts a process, and what it will start, into the group.
func (g Group) Add(pid int) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		file := filepath.Join(root, g.system(), "cgroup.procs")
		if err := os.WriteFile(file, []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("putting the cluster's first process into its control group: %w", err)
		}
	}
	return nil
}

// Remove removes the group and everything below it. The kernel needs a moment
// after the last process has ended.
func (g Group) Remove(ctx context.Context) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for {
		var failed error
		for _, root := range roots {
			failed = errors.Join(failed, remove(filepath.Join(root, string(g))))
		}
		if failed == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("removing control groups: %w", failed)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// hierarchies returns the roots under which each control group must be made.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(mountpoint, "cgroup.procs")); err == nil {
		return []string{mountpoint}, nil // version 2
	}
	entries, err := os.ReadDir(mountpoint)
	if err != nil {
		return nil, fmt.Errorf("finding control groups, which a cluster needs: %w", err)
	}
	var roots []string
	for _, entry := range entries {
		root := filepath.Join(mountpoint, entry.Name())
		// Names such as cpu,cpuacct are also there as links to one hierarchy.
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err == nil && entry.IsDir() {
			roots = append(roots, root)
		}
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("no control groups are mounted under %s, which a cluster needs", mountpoint)
	}
	return roots, nil
}

func create(root, group string) error {
	path := filepath.Join(root, group)
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	parent := filepath.Dir(path)
	if root == mountpoint {
		return enableControllers(parent)
	}
	// In version 1 a new cpuset has neither processors nor memory, and takes
	// no process before it has.
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, file))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(path, file), value, 0); err != nil {
			return err
		}
	}
	return nil
}

// enableControllers lets a version 2 group's children use all controllers that
// the group has.
func enableControllers(group string) error {
	available, err := os.ReadFile(filepath.Join(group, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(available)) {
		if err := os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte("+"+controller), 0); err != nil {
			return fmt.Errorf("enabling controller %s: %w", controller, err)
		}
	}
	return nil
}

// remove removes a group's folders, children first. Their files are the
// kernel's and go with them.
func remove(path string) error {
	var groups []string
	err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	for _, group := range slices.Backward(groups) {
		if rmErr := os.Remove(group); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
			err = errors.Join(err, rmErr)
		}
	}
	return err
}
