package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

const tenant = "shop"

func mustAppend(t testing.TB, s *Spool, payload string, count int64) Position {
	t.Helper()
	p, err := s.Append(t.Context(), tenant, []byte(payload), count)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// content renders what waits of one tenant, as "first-last payload".
func content(t testing.TB, s *Spool, from Position, maxBytes int) string {
	t.Helper()
	return contentOf(t, s, tenant, from, maxBytes)
}

func contentOf(t testing.TB, s *Spool, tenant string, from Position, maxBytes int) string {
	t.Helper()
	batches, err := s.Read(t.Context(), tenant, from, maxBytes)
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
		if err := s.Delete(tenant, step.through); err != nil {
			t.Fatal(err)
		}
		if got := content(t, s, 0, 1<<20); got != step.want {
			t.Errorf("after deleting through %d: %q, want %q", step.through, got, step.want)
		}
	}
	if used := s.Usage(); used != (Usage{}) || len(s.Queues()) != 0 {
		t.Errorf("an empty spool uses %+v", used)
	}
}

func TestPositionsAndIDSurviveRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	s := newSpool(t, Options{Path: path})
	id := s.ID()
	mustAppend(t, s, "a", 5)
	if err := errors.Join(s.Delete(tenant, 5), s.Close()); err != nil {
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

// TestFullOfBytes: a tenant has room for no more than is then still free, so
// that something is left for one that comes later, up to the bound on all.
func TestFullOfBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	s := newSpool(t, Options{Path: path, MaxBytes: 1000})
	payload := string(make([]byte, 200-headSize))
	for step, try := range []struct {
		tenant string
		want   error
	}{
		{"a", nil}, {"a", nil}, {"a", ErrShare},
		{"b", nil}, {"b", ErrShare}, {"a", ErrShare},
		{"c", nil}, {"c", ErrShare},
		{"d", ErrShare}, // no room is left for a whole batch beside as much that is free
	} {
		if _, err := s.Append(t.Context(), try.tenant, []byte(payload), 1); !errors.Is(err, try.want) {
			t.Errorf("step %d: err = %v, want %v", step, err, try.want)
		}
	}
	for of, want := range map[string]float64{"a": 400.0 / 300, "b": 200.0 / 200, "d": 0} {
		if got := s.Filled(of); got != min(want, 1) {
			t.Errorf("tenant %s uses %v of its room, want %v", of, got, want)
		}
	}
	if _, err := s.Append(t.Context(), "d", make([]byte, 400), 1); !errors.Is(err, ErrFull) {
		t.Errorf("err = %v", err)
	}
	before := s.Queues()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = newSpool(t, Options{Path: path, MaxBytes: 1000})
	if diff := cmp.Diff(before, s.Queues()); diff != "" {
		t.Errorf("after a restart: %s", diff)
	}
	if _, err := s.Append(t.Context(), "a", []byte(payload), 1); !errors.Is(err, ErrShare) {
		t.Errorf("after a restart: err = %v", err)
	}
	if err := s.Delete("a", 1); err != nil {
		t.Fatal(err)
	}
	if got := s.Queues()["a"].Bytes; got != 200 {
		t.Errorf("%d bytes of the first tenant are left", got)
	}
	if err := s.Delete("b", 99); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), "a", []byte(payload), 1); err != nil {
		t.Error(err)
	}
}

// TestFullOfAge: what a tenant has waiting for too long keeps out more of it,
// and of nobody else.
func TestFullOfAge(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(start)
	s := newSpool(t, Options{MaxAge: time.Hour, Clock: clock})
	mustAppend(t, s, "a", 1)
	clock.SetTime(start.Add(30 * time.Minute))
	mustAppend(t, s, "b", 1)
	clock.SetTime(start.Add(61 * time.Minute))
	if _, err := s.Append(t.Context(), tenant, []byte("c"), 1); !errors.Is(err, ErrShare) {
		t.Errorf("err = %v", err)
	}
	if _, err := s.Append(t.Context(), "other", []byte("c"), 1); err != nil {
		t.Errorf("of another tenant: %v", err)
	}
	if err := s.Delete(tenant, 1); err != nil {
		t.Fatal(err)
	}
	if oldest := s.Usage().Oldest; !oldest.Equal(start.Add(30 * time.Minute)) {
		t.Errorf("the oldest is of %s", oldest)
	}
	mustAppend(t, s, "c", 1)
}

// TestQueues: tenants are read and deleted each by itself, in the order of the
// positions, which are those of one sequence.
func TestQueues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	s := newSpool(t, Options{Path: path})
	for i, of := range []string{"a", "b", "a", "c", "b"} {
		if _, err := s.Append(t.Context(), of, fmt.Appendf(nil, "%s%d", of, i), 2); err != nil {
			t.Fatal(err)
		}
	}
	queues := func() map[string]string {
		out := map[string]string{}
		for of := range s.Queues() {
			out[of] = contentOf(t, s, of, 0, 1<<20)
		}
		return out
	}
	check := func(step string, want map[string]string) {
		t.Helper()
		if diff := cmp.Diff(want, queues()); diff != "" {
			t.Errorf("%s: %s", step, diff)
		}
	}
	check("appended", map[string]string{"a": "1-2 a0;5-6 a2;", "b": "3-4 b1;9-10 b4;", "c": "7-8 c3;"})
	for _, of := range []string{"b", "c", "nobody"} {
		if err := s.Delete(of, 8); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"a": "1-2 a0;5-6 a2;", "b": "9-10 b4;"}
	check("deleted", want)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = newSpool(t, Options{Path: path})
	check("opened again", want)
}

func TestClosed(t *testing.T) {
	s := newSpool(t, Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), tenant, []byte("a"), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("err = %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(ended, tenant, []byte("a"), 1); err == nil {
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
			p, err := s.Append(t.Context(), tenant, fmt.Appendf(nil, "%d", i), 1)
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
	batches, err := s.Read(t.Context(), tenant, 0, 1<<20)
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
	if _, err := s.Append(t.Context(), tenant, []byte("a"), 1); err == nil {
		t.Error("an append to a file that cannot be written was acknowledged")
	}
	if used := s.Usage(); used != (Usage{}) {
		t.Errorf("%+v is kept for what failed", used)
	}
}

func TestDrained(t *testing.T) {
	s := newSpool(t, Options{})
	state := func() string {
		last, err := s.Last()
		if err != nil {
			t.Fatal(err)
		}
		out := fmt.Sprint("last ", last, ", drained ")
		for p := Position(0); p <= last; p++ {
			drained, err := s.Drained(tenant, p)
			if err != nil {
				t.Fatal(err)
			}
			out += map[bool]string{true: "+", false: "-"}[drained]
		}
		return out
	}
	want := func(want string) {
		t.Helper()
		if got := state(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	want("last 0, drained +")
	mustAppend(t, s, "a", 2)
	mustAppend(t, s, "b", 1)
	if _, err := s.Append(t.Context(), "another", []byte("c"), 1); err != nil {
		t.Fatal(err)
	}
	want("last 4, drained +----")
	if err := s.Delete(tenant, 2); err != nil {
		t.Fatal(err)
	}
	want("last 4, drained +++--")
	if err := s.Delete(tenant, 3); err != nil {
		t.Fatal(err)
	}
	want("last 4, drained +++++")
}
