// Package spool keeps what the gateway has acknowledged on the local disk until
// it is in the API server.
//
// A batch is durable when Append returns. Appends that arrive while the disk is
// busy share the next fsync. Every event has a position; positions only grow,
// also across restarts, and mean something together with the id of the spool,
// which is made with the file and never used again.
package spool

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	"k8s.io/utils/clock"
)

// Position is the place of an event. The first is 1.
type Position int64

// Batch is what one Append wrote.
type Batch struct {
	// First is the position of its first event, Last of its last.
	First, Last Position
	Payload     []byte
}

// Options bound a spool.
type Options struct {
	// Path is the file; it is made when it does not exist.
	Path string
	// MaxBytes bounds what waits in the spool. The file itself can be half as
	// large again.
	MaxBytes int64
	// MaxAge bounds how long the oldest batch may wait.
	MaxAge time.Duration
	Clock  clock.PassiveClock
}

// Limits where Options say nothing.
const (
	// DefaultMaxBytes holds an hour of a storm of 350 events of 2 KB a second,
	// the largest on record, ten times over the twenty minutes that it took.
	DefaultMaxBytes = 1 << 30
	// DefaultMaxAge survives a night without an API server. What is older than
	// that is a fault that senders should notice.
	DefaultMaxAge = 24 * time.Hour
)

// ErrFull says that the spool takes no more until it is drained.
var ErrFull = errors.New("the spool is full")

// ErrClosed says that the spool was closed.
var ErrClosed = errors.New("the spool is closed")

// Spool is a queue on disk.
type Spool struct {
	db      *bolt.DB
	id      string
	options Options
	appends chan *appending
	// closing is closed to end the writer, stopped when it has ended.
	closing chan struct{}
	stopped chan struct{}
	news    chan struct{}

	mu sync.Mutex
	// bytes waits in the spool or is about to; oldest is when its first batch
	// was appended, zero when it is empty.
	bytes  int64
	oldest time.Time
}

var (
	metaBucket  = []byte("meta")
	batchBucket = []byte("batches")
	idKey       = []byte("id")
	nextKey     = []byte("next")
)

// initialise makes the buckets and the id of a new file.
func initialise(tx *bolt.Tx) error {
	if _, err := tx.CreateBucketIfNotExists(batchBucket); err != nil {
		return err
	}
	meta, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil || meta.Get(idKey) != nil {
		return err
	}
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	if err := meta.Put(idKey, []byte(hex.EncodeToString(id[:]))); err != nil {
		return err
	}
	return meta.Put(nextKey, key(1))
}

// ID names the spool; it is random and kept in the file.
func (s *Spool) ID() string { return s.id }

// News receives after something was appended.
func (s *Spool) News() <-chan struct{} { return s.news }

// Usage is how many bytes wait, and since when.
func (s *Spool) Usage() (bytes int64, oldest time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes, s.oldest
}

// Read returns batches in order, from the one that holds position from on, until
// they make up maxBytes; at least one if there is one.
func (s *Spool) Read(ctx context.Context, from Position, maxBytes int) ([]Batch, error) {
	var batches []Batch
	size := 0
	err := s.db.View(func(tx *bolt.Tx) error {
		cursor := tx.Bucket(batchBucket).Cursor()
		for k, v := cursor.Seek(key(from)); k != nil && size < maxBytes; k, v = cursor.Next() {
			entry, err := decodeEntry(k, v)
			if err != nil {
				return err
			}
			batch := entry.batch()
			batch.Payload = append([]byte(nil), batch.Payload...) // v ends with the transaction.
			batches = append(batches, batch)
			size += len(batch.Payload)
		}
		return ctx.Err()
	})
	return batches, err
}

// maxDeletes bounds one transaction of Delete, so that appends do not wait long.
const maxDeletes = 5_000

// Delete forgets the batches that end at or before a position.
func (s *Spool) Delete(through Position) error {
	for {
		more, err := s.deleteSome(through)
		if err != nil || !more {
			return err
		}
	}
}

func (s *Spool) deleteSome(through Position) (more bool, err error) {
	var freed int64
	err = s.db.Update(func(tx *bolt.Tx) error {
		freed, more, err = deleteFrom(tx.Bucket(batchBucket).Cursor(), through)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("deleting from the spool: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= freed
	// Read again under the lock: an append may have come in between.
	return more, s.db.View(s.loadOldest)
}

func deleteFrom(cursor *bolt.Cursor, through Position) (freed int64, more bool, err error) {
	for deleted := 0; ; deleted++ {
		k, v := cursor.First()
		if k == nil {
			return freed, false, nil
		}
		e, err := decodeEntry(k, v)
		if err != nil {
			return 0, false, err
		}
		if e.batch().Last > through || deleted == maxDeletes {
			return freed, e.batch().Last <= through, nil
		}
		freed += int64(len(v))
		if err := cursor.Delete(); err != nil {
			return 0, false, err
		}
	}
}

// loadOldest needs the lock.
func (s *Spool) loadOldest(tx *bolt.Tx) error {
	s.oldest = time.Time{}
	k, v := tx.Bucket(batchBucket).Cursor().First()
	if k == nil {
		return nil
	}
	e, err := decodeEntry(k, v)
	s.oldest = e.appended
	return err
}

// Close ends the spool. What was not acknowledged is not kept.
func (s *Spool) Close() error {
	close(s.closing)
	<-s.stopped
	return s.db.Close()
}

func key(p Position) []byte { return binary.BigEndian.AppendUint64(nil, uint64(p)) }
