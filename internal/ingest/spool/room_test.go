package spool

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestDiskFull fills the disk: nothing that was acknowledged is lost, what is
// not is refused, and once there is room again, by what the drain deletes or by
// itself, the spool goes on without a restart.
func TestDiskFull(t *testing.T) {
	for name, makeRoom := range map[string]func(t *testing.T, s *Spool, filler string){
		"drained": func(t *testing.T, s *Spool, _ string) {
			if err := s.Delete(tenant, 20); err != nil {
				t.Fatalf("a full disk cannot be drained: %v", err)
			}
		},
		"room made by others": func(t *testing.T, _ *Spool, filler string) {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := smallDisk(t)
			path, filler := filepath.Join(dir, "spool.db"), filepath.Join(dir, "filler")
			if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			s := newSpool(t, Options{Path: path})
			payload := string(make([]byte, 20_000))
			acknowledged := fill(t, s, payload)
			want := content(t, s, 0, 1<<30)
			if used := s.Usage().Bytes; used != int64(acknowledged*(len(payload)+headSize)) {
				t.Errorf("%d bytes are counted for %d batches", used, acknowledged)
			}
			// A process that is killed now finds the same.
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = newSpool(t, Options{Path: path})
			if got := content(t, s, 0, 1<<30); got != want {
				t.Error("after a restart the content is another")
			}
			makeRoom(t, s, filler)
			mustAppend(t, s, payload, 1)
		})
	}
}

// fill appends until the disk is full, and then again, and returns how many were
// acknowledged.
func fill(t *testing.T, s *Spool, payload string) (acknowledged int) {
	t.Helper()
	for refused := 0; refused < 5; {
		_, err := s.Append(t.Context(), tenant, []byte(payload), 1)
		switch {
		case err == nil:
			acknowledged++
		case errors.Is(err, syscall.ENOSPC):
			refused++
		default:
			t.Fatal(err)
		}
		if acknowledged > 1_000 {
			t.Fatal("the disk is never full")
		}
	}
	if acknowledged < 20 {
		t.Fatalf("only %d were acknowledged", acknowledged)
	}
	return acknowledged
}

// smallDisk mounts a file system of 4 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a small disk cannot be mounted, as root can: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}
