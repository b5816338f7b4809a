package spool

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
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
