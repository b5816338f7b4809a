package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
)

// TestLayoutBefore: what waits in a file of the layout before is there, under its
// positions and with its notes, which can be checked from then on.
func TestLayoutBefore(t *testing.T) {
	for name, notes := range map[string]map[Position][]byte{
		"nothing noted": nil,
		"notes":         {1: {0, 1, 2}, 4: {1}}, // One is shorter than a checksum.
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "spool.db")
			s := newSpool(t, Options{Path: path})
			id := s.ID()
			for _, events := range []int64{3, 1, 2} {
				mustAppend(t, s, "events", events)
			}
			if err := errors.Join(s.db.Update(func(tx *bolt.Tx) error { return asBefore(tx, notes) }), s.Close()); err != nil {
				t.Fatal(err)
			}
			want := []Batch{
				{First: 1, Last: 3, Payload: []byte("events"), Note: notes[1]},
				{First: 4, Last: 4, Payload: []byte("events"), Note: notes[4]},
				{First: 5, Last: 6, Payload: []byte("events")},
			}
			for start := range 2 {
				s, err := Open(Options{Path: path})
				if err != nil {
					t.Fatalf("start %d: %v", start, err)
				}
				got, err := s.Read(t.Context(), tenant, 0, 1<<20)
				if diff := cmp.Diff(want, got); err != nil || diff != "" || s.ID() != id {
					t.Errorf("start %d: id %s, was %s: %v %s", start, s.ID(), id, err, diff)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			s = newSpool(t, Options{Path: path})
			if next := mustAppend(t, s, "events", 1); next != 7 {
				t.Errorf("the next position is %d", next)
			}
			if err := s.db.View(checkNotes); err != nil {
				t.Error(err)
			}
		})
	}
}

// asBefore makes a file one of the layout before.
func asBefore(tx *bolt.Tx, notes map[Position][]byte) error {
	if notes == nil {
		return tx.Bucket(metaBucket).Put(layoutKey, []byte("2"))
	}
	bucket, err := tx.CreateBucket(noteBucket)
	for first, note := range notes {
		err = errors.Join(err, bucket.Put(key(first), note))
	}
	return errors.Join(err, tx.Bucket(metaBucket).Put(layoutKey, []byte("2")))
}

// TestOtherLayout: a file of another version is left alone, and one is told.
func TestOtherLayout(t *testing.T) {
	for name, put := range map[string]func(meta *bolt.Bucket) error{
		"a later one": func(meta *bolt.Bucket) error { return meta.Put(layoutKey, []byte("4")) },
		"the first":   func(meta *bolt.Bucket) error { return meta.Delete(layoutKey) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "spool.db")
			s := newSpool(t, Options{Path: path})
			err := errors.Join(s.db.Update(func(tx *bolt.Tx) error { return put(tx.Bucket(metaBucket)) }), s.Close())
			if err != nil {
				t.Fatal(err)
			}
			_, err = Open(Options{Path: path})
			if !errors.Is(err, ErrLayout) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "let the version that wrote it deliver") {
				t.Errorf("err = %v", err)
			}
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
		})
	}
}
