package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/state"
)

// own are the machine's folders that the cluster has for itself: its processes
// find their usual paths, but what they write goes into the cluster's folder.
// Several clusters can so run side by side, and none needs unusual paths.
var own = map[string]fs.FileMode{
	"/run":     0o755,
	"/tmp":     0o777 | fs.ModeSticky,
	"/var/lib": 0o755,
	"/var/log": 0o755,
}

// tunables are settings of the machine's kernel that the kubelet would change
// for good. It gets files that say what it wants to see.
var tunables = map[string]string{
	"/proc/sys/vm/overcommit_memory":      "1",
	"/proc/sys/vm/panic_on_oom":           "0",
	"/proc/sys/kernel/panic":              "10",
	"/proc/sys/kernel/panic_on_oops":      "1",
	"/proc/sys/kernel/keys/root_maxkeys":  "1000000",
	"/proc/sys/kernel/keys/root_maxbytes": "25000000",
}

// mountView gives the new mount namespace the cluster's view of the machine.
func mountView(dir state.Dir, assets string) error {
	// First nothing may reach the machine ...
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE); err != nil {
		return err
	}
	// The binaries may lie in a folder that is about to be hidden.
	if err := bind(assets, Binaries(dir)); err != nil {
		return err
	}
	if err := mountOwn(dir); err != nil {
		return err
	}
	if err := mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC); err != nil {
		return err
	}
	if err := mountTunables(dir); err != nil {
		return err
	}
	// ... and then the kubelet's mounts must reach its containers.
	return mount("", "/", "", unix.MS_REC|unix.MS_SHARED)
}

// mountOwn puts the cluster's own folders in the place of the machine's, and
// the cluster's folder itself where it was, as one of them may have hidden it.
func mountOwn(dir state.Dir) error {
	self, err := unix.Open(string(dir), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening the cluster's folder: %w", err)
	}
	defer unix.Close(self)
	// This path of the cluster's folder stays right whatever is hidden.
	open := state.Dir(fmt.Sprintf("/proc/self/fd/%d", self))
	for folder, mode := range own {
		if err := bind(open.View(folder), folder); err != nil {
			return err
		}
		if err := os.Chmod(folder, mode); err != nil {
			return fmt.Errorf("preparing %s: %w", folder, err)
		}
	}
	return bind(string(open), string(dir))
}

func mountTunables(dir state.Dir) error {
	for tunable, value := range tunables {
		if _, err := os.Stat(tunable); errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without key rings
		}
		file := dir.Path("config", path.Base(tunable))
		if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
			return fmt.Errorf("preparing %s: %w", tunable, err)
		}
		if err := mount(file, tunable, "", unix.MS_BIND); err != nil {
			return err
		}
	}
	return nil
}

// bind makes a folder appear at another place; both are created if needed.
func bind(source, target string) error {
	for _, folder := range []string{source, target} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("preparing a mount at %s: %w", target, err)
		}
	}
	return mount(source, target, "", unix.MS_BIND|unix.MS_REC)
}

func mount(source, target, kind string, flags uintptr) error {
	if err := unix.Mount(source, target, kind, flags, ""); err != nil {
		return fmt.Errorf("mounting %s at %s: %w", source, target, err)
	}
	return nil
}
