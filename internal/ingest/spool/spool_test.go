package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	clocktesting "k8s.io/utils/clock/testing"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func newSpool(t testing.TB, options Options) *Spool {
	t.Helper()
	if options.Path == "" {
		options.Path = filepath.Join(t.TempDir(), "spool.db")
	}
	s, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.db.Path() != "" { // Not closed yet.
			_ = s.Close()
		}
	})
	return s
}

func mustAppend(t testing.TB, s *Spool, payload string, count int64) Position {
	t.Helper()
	p, err := s.Append(t.Context(), []byte(payload), count)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// content renders what waits in a spool, as "first-last payload".
func content(t testing.TB, s *Spool, from Position, maxBytes int) string {
	t.Helper()
	batches, err := s.Read(t.Context(), from, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, b := range batches {
		fmt.Fprintf(&out, "%d-%d %s;", b.First, b.Last, b.Payload)
	}
	return out.String()
}

func TestQueue(t *testing.T) {
	s := newSpool(t, Options{})
	for i, want := range []Position{1, 4, 5} {
		if got := mustAppend(t, s, string(rune('a'+i)), []int64{3, 1, 2}[i]); got != want {
			t.Errorf("append %d is at %d, want %d", i, got, want)
		}
	}
	for name, tc := range map[string]struct{ got, want string }{
		"all":         {content(t, s, 0, 1<<20), "1-3 a;4-4 b;5-6 c;"},
		"from":        {content(t, s, 4, 1<<20), "4-4 b;5-6 c;"},
		"one at once": {content(t, s, 0, 1), "1-3 a;"},
		"behind all":  {content(t, s, 7, 1<<20), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", name, tc.got, tc.want)
		}
	}
	for _, step := range []struct {
		through Position
		want    string
	}{{2, "1-3 a;4-4 b;5-6 c;"}, {4, "5-6 c;"}, {99, ""}} {
		if err := s.Delete(step.through); err != nil {
			t.Fatal(err)
		}
		if got := content(t, s, 0, 1<<20); got != step.want {
			t.Errorf("after deleting through %d: %q, want %q", step.through, got, step.want)
		}
	}
	if used, oldest := s.Usage(); used != 0 || !oldest.IsZero() {
		t.Errorf("an empty spool uses %d bytes since %s", used, oldest)
	}
}

func TestPositionsAndIDSurviveRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	s := newSpool(t, Options{Path: path})
	id := s.ID()
	mustAppend(t, s, "a", 5)
	if err := errors.Join(s.Delete(5), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = newSpool(t, Options{Path: path})
	if s.ID() != id || len(id) != 16 {
		t.Errorf("id %q became %q", id, s.ID())
	}
	if got := mustAppend(t, s, "b", 1); got != 6 {
		t.Errorf("position %d was given again; want 6", got)
	}
	if other := newSpool(t, Options{}); other.ID() == id {
		t.Error("two spools have one id")
	}
}

func TestFullOfBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	s := newSpool(t, Options{Path: path, MaxBytes: 1000})
	payload := string(make([]byte, 400))
	mustAppend(t, s, payload, 1)
	mustAppend(t, s, payload, 1)
	if _, err := s.Append(t.Context(), []byte(payload), 1); !errors.Is(err, ErrFull) {
		t.Errorf("err = %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = newSpool(t, Options{Path: path, MaxBytes: 1000})
	if _, err := s.Append(t.Context(), []byte(payload), 1); !errors.Is(err, ErrFull) {
		t.Errorf("after a restart: err = %v", err)
	}
	if err := s.Delete(1); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, payload, 1)
}

func TestFullOfAge(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(start)
	s := newSpool(t, Options{MaxAge: time.Hour, Clock: clock})
	mustAppend(t, s, "a", 1)
	clock.SetTime(start.Add(30 * time.Minute))
	mustAppend(t, s, "b", 1)
	clock.SetTime(start.Add(61 * time.Minute))
	if _, err := s.Append(t.Context(), []byte("c"), 1); !errors.Is(err, ErrFull) {
		t.Errorf("err = %v", err)
	}
	if err := s.Delete(1); err != nil {
		t.Fatal(err)
	}
	if _, oldest := s.Usage(); !oldest.Equal(start.Add(30 * time.Minute)) {
		t.Errorf("the oldest is of %s", oldest)
	}
	mustAppend(t, s, "c", 1)
}

func TestClosed(t *testing.T) {
	s := newSpool(t, Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), []byte("a"), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("err = %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(ended, []byte("a"), 1); err == nil {
		t.Error("an append without a context was acknowledged")
	}
}

func TestAppendsShareTheFsync(t *testing.T) {
	s := newSpool(t, Options{})
	transactions := func() (id int) {
		_ = s.db.View(func(tx *bolt.Tx) error { id = tx.ID(); return nil })
		return id
	}
	const appends = 400
	before := transactions()
	var wg sync.WaitGroup
	positions := make([]Position, appends)
	for i := range appends {
		wg.Go(func() {
			p, err := s.Append(t.Context(), fmt.Appendf(nil, "%d", i), 1)
			if err != nil {
				t.Error(err)
			}
			positions[i] = p
		})
	}
	wg.Wait()
	if used := transactions() - before; used > appends/2 {
		t.Errorf("%d appends took %d transactions", appends, used)
	}
	batches, err := s.Read(t.Context(), 0, 1<<20)
	if err != nil || len(batches) != appends {
		t.Fatalf("%d batches, %v", len(batches), err)
	}
	for i, p := range positions {
		if got := string(batches[p-1].Payload); got != fmt.Sprint(i) {
			t.Errorf("position %d holds %s, want %d", p, got, i)
		}
	}
	select {
	case <-s.News():
	default:
		t.Error("there was no news")
	}
}

func TestFailedWriteGivesBackItsRoom(t *testing.T) {
	s := newSpool(t, Options{})
	// Every transaction fails from here on, as on a full disk.
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), []byte("a"), 1); err == nil {
		t.Error("an append to a file that cannot be written was acknowledged")
	}
	if used, _ := s.Usage(); used != 0 {
		t.Errorf("%d bytes are kept for what failed", used)
	}
}

func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	s := newSpool(t, Options{Path: path})
	for i := range 200 {
		mustAppend(t, s, fmt.Sprintf("%d %s", i, bytes.Repeat([]byte("x"), 100)), 1)
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
	for at := 4096; at < len(whole); at += 4096 {
		damaged[fmt.Sprintf("cut off at %d", at)] = whole[:at]
	}
	for name, data := range damaged {
		t.Run(name, func(t *testing.T) { checkDamage(t, data, want, s.ID()) })
	}
}

// checkDamage opens a damaged file: either it is put aside as it was, with a
// new spool in its place, or nothing that matters was hit.
func checkDamage(t *testing.T, data []byte, want, oldID string) {
	path := filepath.Join(t.TempDir(), "spool.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Options{Path: path})
	var damage *Damage
	if err != nil && !errors.As(err, &damage) {
		t.Fatal(err)
	}
	defer s.Close()
	got := content(t, s, 0, 1<<30)
	if damage == nil {
		if got != want {
			t.Error("the content is another, and nobody was told")
		}
		return
	}
	if aside, err := os.ReadFile(damage.MovedTo); err != nil || len(aside) != len(data) {
		t.Errorf("the damaged file was not kept: %v", err)
	}
	if got != "" || s.ID() == oldID || mustAppend(t, s, "a", 1) != 1 {
		t.Errorf("the new spool is not new: %q, id %s", got, s.ID())
	}
}
