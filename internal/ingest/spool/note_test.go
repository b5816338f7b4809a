package spool

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// TestNotes stay with their batches: over a restart, and until these are deleted.
func TestNotes(t *testing.T) {
	options := Options{Path: filepath.Join(t.TempDir(), "spool.db")}
	s, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"shop", "shop", "bank"} {
		if _, err := s.Append(t.Context(), tenant, []byte("events"), 3); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Note(map[Position][]byte{4: {0, 1, 2}, 7: {1}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(options); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := map[Position][]byte{}
	for _, tenant := range []string{"shop", "bank"} {
		batches, err := s.Read(t.Context(), tenant, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range batches {
			got[b.First] = b.Note
		}
	}
	if diff := cmp.Diff(map[Position][]byte{1: nil, 4: {0, 1, 2}, 7: {1}}, got); diff != "" {
		t.Error(diff)
	}
	for i, tenant := range []string{"shop", "bank"} {
		if err := s.Delete(tenant, 9); err != nil {
			t.Fatal(err)
		}
		if n := notes(t, s); n != 1-i {
			t.Errorf("%d notes are left after those of %s", n, tenant)
		}
	}
}

func notes(t *testing.T, s *Spool) (n int) {
	t.Helper()
	if err := s.db.View(func(tx *bolt.Tx) error {
		n = tx.Bucket(noteBucket).Stats().KeyN
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestDamagedNote: a note that was altered is found when the spool is opened.
func TestDamagedNote(t *testing.T) {
	for name, alter := range map[string]func(bucket *bolt.Bucket) error{
		"flipped": func(b *bolt.Bucket) error {
			wrong := bytes.Clone(b.Get(key(1)))
			wrong[len(wrong)-1] ^= 1
			return b.Put(key(1), wrong)
		},
		"cut off":           func(b *bolt.Bucket) error { return b.Put(key(1), b.Get(key(1))[:3]) },
		"that of another":   func(b *bolt.Bucket) error { return b.Put(key(2), b.Get(key(1))) },
		"as in layout 2":    func(b *bolt.Bucket) error { return b.Put(key(1), []byte{0, 1, 2}) },
		"without a content": func(b *bolt.Bucket) error { return b.Put(key(1), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "spool.db")
			s := newSpool(t, Options{Path: path})
			mustAppend(t, s, "events", 1)
			mustAppend(t, s, "events", 1)
			if err := s.Note(map[Position][]byte{1: {0, 1, 2}}); err != nil {
				t.Fatal(err)
			}
			if err := s.db.Update(func(tx *bolt.Tx) error { return alter(tx.Bucket(noteBucket)) }); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Read(t.Context(), tenant, 0, 1<<20); !errors.Is(err, errEntry) {
				t.Errorf("the note was read: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for start := range 2 { // The second still tells of what the first put aside.
				s, err := Open(Options{Path: path})
				if damage := (*Damage)(nil); errors.As(err, &damage) != (start == 0) {
					t.Fatalf("start %d: %v", start, err)
				}
				if got := metric(t, "tocsin_spool_damaged_files"); got != 1 {
					t.Errorf("start %d: tocsin_spool_damaged_files is %v", start, got)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// metric returns the value of a gauge.
func metric(t *testing.T, name string) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}
