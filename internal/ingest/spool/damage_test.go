package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	bolterrors "go.etcd.io/bbolt/errors"
)

// TestDamage: a file that was damaged in any place opens with all that was
// acknowledged, and goes on to work, or one is told.
func TestDamage(t *testing.T) {
	dice := rand.New(rand.NewPCG(7, 11))
	path := filepath.Join(t.TempDir(), "spool.db")
	s := newSpool(t, Options{Path: path})
	for i := range 200 {
		mustAppend(t, s, fmt.Sprintf("%d %s", i, bytes.Repeat([]byte("x"), 100)), 1)
		if _, err := s.Append(t.Context(), "other", []byte("y"), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete("other", 300); err != nil { // There are free pages now.
		t.Fatal(err)
	}
	want := content(t, s, 0, 1<<30)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := map[string][]byte{"garbage": bytes.Repeat([]byte("no spool "), 5000), "short": whole[:100]}
	for at := 0; at < len(whole); at += 1021 { // Prime, to come by every place of a page.
		flipped := bytes.Clone(whole)
		flipped[at] ^= 0xff
		damaged[fmt.Sprintf("flipped at %d", at)] = flipped
	}
	page := os.Getpagesize()
	for at := page; at < len(whole); at += page {
		damaged[fmt.Sprintf("cut off at %d", at)] = whole[:at]
		damaged[fmt.Sprintf("garbage from %d on", at)] = torn(whole, at, len(whole), dice)
		damaged[fmt.Sprintf("garbage in the page at %d", at)] = torn(whole, at, at+page, dice)
		damaged[fmt.Sprintf("no page at %d", at)] = torn(whole, at, at+page, nil)
		damaged[fmt.Sprintf("half a page at %d", at)] = torn(whole, at+page/2, at+page, nil)
	}
	for range 100 {
		at := dice.IntN(len(whole))
		damaged[fmt.Sprintf("cut off at any place, %d", at)] = whole[:at]
		damaged[fmt.Sprintf("garbage behind %d bytes", at)] = append(bytes.Clone(whole[:at]), torn(whole, 0, 100, dice)...)
	}
	for at, inUse := 0, uint64(2); at < len(whole); at += page {
		if flags := binary.LittleEndian.Uint16(whole[at+8:]); flags != freelistPage {
			continue
		}
		for ; inUse < uint64(len(whole)/page); inUse++ {
			wrong := bytes.Clone(whole)
			binary.LittleEndian.PutUint64(wrong[at+16:], inUse)
			damaged[fmt.Sprintf("page %d is said to be free at %d", inUse, at)] = wrong
		}
		inUse = 2
	}
	damaged["garbage behind the end"] = append(bytes.Clone(whole), torn(whole, 0, 3*page, dice)[:3*page]...)
	t.Logf("%d damaged files", len(damaged))
	for name, data := range damaged {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // They mostly wait for the disk.
			checkDamage(t, data, want, s.ID())
		})
	}
}

// checkDamage opens a damaged file: either it is put aside as it was, with a
// new spool in its place, or nothing that matters was hit.
func checkDamage(t *testing.T, data []byte, want, oldID string) {
	path := filepath.Join(t.TempDir(), "spool.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	looked := look(path)
	s, err := Open(Options{Path: path})
	var damage *Damage
	if errors.As(err, &damage) && looked == nil {
		t.Errorf("found only by opening the file for writing, which can end the process: %v", damage.Cause)
	}
	if errors.Is(err, ErrLayout) { // The damage is where the layout is said: nothing is touched.
		return
	}
	if err != nil && !errors.As(err, &damage) {
		t.Fatal(err)
	}
	defer s.Close()
	got := content(t, s, 0, 1<<30)
	if damage == nil {
		if got != want {
			t.Error("the content is another, and nobody was told")
		}
		checkWorks(t, s, want)
		return
	}
	if aside, err := os.ReadFile(damage.MovedTo); err != nil || len(aside) != len(data) {
		t.Errorf("the damaged file was not kept: %v", err)
	}
	if got != "" || s.ID() == oldID || mustAppend(t, s, "a", 1) != 1 {
		t.Errorf("the new spool is not new: %q, id %s", got, s.ID())
	}
}

// look is what is done with a file before it is opened for writing.
func look(path string) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	return verify(Options{Path: path})
}

// freelistPage marks a page that lists the free ones; its first is 16 bytes behind
// its start. The library has no checksum over it.
const freelistPage = 0x10

// torn overwrites a part of a file, with garbage or with zeros.
func torn(whole []byte, from, to int, dice *rand.Rand) []byte {
	out := bytes.Clone(whole)
	for i := from; i < min(to, len(out)); i++ {
		out[i] = 0
		if dice != nil {
			out[i] = byte(dice.Uint32())
		}
	}
	return out
}

// checkWorks appends to a spool and deletes again: what was there stays.
func checkWorks(t *testing.T, s *Spool, want string) {
	t.Helper()
	for range 4 {
		if _, err := s.Append(t.Context(), "new", bytes.Repeat([]byte("z"), 2_000), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete("new", 1<<30); err != nil {
		t.Fatal(err)
	}
	if got := content(t, s, 0, 1<<30); got != want {
		t.Error("after some writes the content is another, and nobody was told")
	}
}

// TestNotOpened: what has nothing to do with the content of the file leaves it
// where it is, and says what to do.
func TestNotOpened(t *testing.T) {
	for name, test := range map[string]struct {
		err     error
		damaged bool
		advice  string
	}{
		"not allowed":   {err: &os.PathError{Op: "open", Path: "spool.db", Err: syscall.EACCES}, advice: "fsGroup"},
		"in use":        {err: bolterrors.ErrTimeout, advice: "a folder of its own"},
		"disk is full":  {err: &os.PathError{Op: "write", Path: "spool.db", Err: syscall.ENOSPC}, advice: "no space left"},
		"not its magic": {err: bolterrors.ErrInvalid, damaged: true},
	} {
		t.Run(name, func(t *testing.T) {
			got := openError(test.err)
			if errors.Is(got, errEntry) != test.damaged || !errors.Is(got, test.err) || !strings.Contains(got.Error(), test.advice) {
				t.Errorf("err = %v", got)
			}
		})
	}
}

// TestFolderIsMissing: the error names the file.
func TestFolderIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "spool.db")
	if _, err := Open(Options{Path: path}); err == nil || !strings.Contains(err.Error(), "opening the spool "+path) {
		t.Errorf("err = %v", err)
	}
}
