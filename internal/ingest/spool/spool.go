// Package spool keeps what the gateway has acknowledged on the local disk until
// it is in the API server.
//
// A batch is durable when Append returns. Appends that arrive while the disk is
// busy share the next fsync. Every event has a position; positions only grow,
// also across restarts, and mean something together with the id of the spool,
// which is made with the file and never used again.
//
// Each tenant has a queue of its own in the one file, which is read and deleted
// by itself: one whose events wait does not hold up the others. All queues draw
// their positions from one sequence, so that those of a queue grow, with gaps.
// A tenant has room for no more than is then still free: alone for half of the
// spool, and however many others have filled theirs, something is left.
package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
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
	// Note is what was noted about it, if anything was.
	Note []byte
}

// Options bound a spool.
type Options struct {
	// Path is the file; it is made when it does not exist.
	Path string
	// MaxBytes bounds what waits in the spool. The file itself can be half as
	// large again.
	MaxBytes int64
	// MaxAge bounds how long the oldest batch of a tenant may wait.
	MaxAge time.Duration
	Clock  clock.PassiveClock
}

// Limits where Options say nothing.
const (
	// DefaultMaxBytes holds, in the half that one tenant can have, ten minutes of
	// 350 events of 2 KB a second, the largest storm on record, without an API
	// server.
	DefaultMaxBytes = 1 << 30
	// DefaultMaxAge survives a night without an API server. What is older than
	// that is a fault that senders should notice.
	DefaultMaxAge = 24 * time.Hour
)

// ErrFull says that the spool takes no more until it is drained.
var ErrFull = errors.New("the spool is full")

// ErrShare says that it takes no more of this tenant until some of it is drained.
var ErrShare = errors.New("the share of the tenant in the spool is used up")

// ErrLayout says that the file was written by another version.
var ErrLayout = errors.New("the spool was written by another version")

// ErrClosed says that the spool was closed.
var ErrClosed = errors.New("the spool is closed")

// Spool is a queue on disk for each tenant.
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
	// queues are those in which something waits or is about to; bytes is their sum.
	queues map[string]Usage
	bytes  int64
}

// Usage is what waits.
type Usage struct {
	Bytes int64
	// Oldest is when the first of it was appended, zero when nothing waits.
	Oldest time.Time
}

// ID names the spool; it is random and kept in the file.
func (s *Spool) ID() string { return s.id }

// News receives after something was appended.
func (s *Spool) News() <-chan struct{} { return s.news }

// Usage is what waits of all tenants.
func (s *Spool) Usage() Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := Usage{Bytes: s.bytes}
	for _, q := range s.queues {
		if all.Oldest.IsZero() || !q.Oldest.IsZero() && q.Oldest.Before(all.Oldest) {
			all.Oldest = q.Oldest
		}
	}
	return all
}

// Queues is what waits of each tenant of whom anything does.
func (s *Spool) Queues() map[string]Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.queues)
}

// Filled is how much of the room that a tenant has in the spool it uses: 1 when
// nothing more of it is taken.
func (s *Spool) Filled(tenant string) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := s.queues[tenant].Bytes
	room := float64(s.options.MaxBytes-s.bytes+used) / 2 // as much as is then still free
	return min(float64(used)/max(room, 1), 1)
}

// Read returns batches of a tenant in order, from the one that holds position
// from on, until they make up maxBytes; at least one if there is one.
func (s *Spool) Read(ctx context.Context, tenant string, from Position, maxBytes int) ([]Batch, error) {
	var batches []Batch
	size := 0
	err := s.db.View(func(tx *bolt.Tx) error {
		queue := queueOf(tx, tenant)
		if queue == nil {
			return ctx.Err()
		}
		cursor := queue.Cursor()
		for k, v := cursor.Seek(key(from)); k != nil && (size == 0 || size < maxBytes); k, v = cursor.Next() {
			entry, err := decodeEntry(k, v)
			if err != nil {
				return err
			}
			batch := entry.batch()
			batch.Payload = append([]byte(nil), batch.Payload...) // v ends with the transaction.
			if batch.Note, err = noteOf(tx, k); err != nil {
				return err
			}
			batches = append(batches, batch)
			size += len(v)
		}
		return ctx.Err()
	})
	return batches, err
}

// queueOf returns the queue of a tenant, nil where nothing waits.
func queueOf(tx *bolt.Tx, tenant string) *bolt.Bucket {
	return tx.Bucket(tenantBucket).Bucket([]byte(tenant))
}

// maxDeletes bounds one transaction of Delete, so that appends do not wait long.
const maxDeletes = 5_000

// Delete forgets the batches of a tenant that end at or before a position.
func (s *Spool) Delete(tenant string, through Position) error {
	for {
		more, err := s.deleteSome(tenant, through)
		if err != nil || !more {
			return err
		}
	}
}

func (s *Spool) deleteSome(tenant string, through Position) (more bool, err error) {
	var freed int64
	err = s.db.Update(func(tx *bolt.Tx) error {
		freed, more, err = deleteFrom(tx, tenant, through)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("deleting from the spool: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(tenant, -freed)
	// Read again under the lock: an append may have come in between.
	return more, s.db.View(func(tx *bolt.Tx) error { return s.loadOldest(tx, tenant) })
}

// deleteFrom deletes from the front of a queue, and the queue with its last batch.
func deleteFrom(tx *bolt.Tx, tenant string, through Position) (freed int64, more bool, err error) {
	queue := queueOf(tx, tenant)
	if queue == nil {
		return 0, false, nil
	}
	cursor := queue.Cursor()
	for deleted := 0; ; deleted++ {
		k, v := cursor.First()
		if k == nil {
			return freed, false, tx.Bucket(tenantBucket).DeleteBucket([]byte(tenant))
		}
		e, err := decodeEntry(k, v)
		if err != nil {
			return 0, false, err
		}
		if e.batch().Last > through || deleted == maxDeletes {
			return freed, e.batch().Last <= through, nil
		}
		freed += int64(len(v))
		if err := errors.Join(deleteNote(tx, k), cursor.Delete()); err != nil {
			return 0, false, err
		}
	}
}

// add counts bytes of a tenant, and forgets a tenant without any. It needs the
// lock.
func (s *Spool) add(tenant string, bytes int64) {
	s.bytes += bytes
	q := s.queues[tenant]
	if q.Bytes += bytes; q.Bytes == 0 {
		delete(s.queues, tenant)
		return
	}
	s.queues[tenant] = q
}

// loadOldest needs the lock.
func (s *Spool) loadOldest(tx *bolt.Tx, tenant string) error {
	q, waits := s.queues[tenant]
	if !waits {
		return nil
	}
	q.Oldest = time.Time{}
	if queue := queueOf(tx, tenant); queue != nil {
		e, err := decodeEntry(queue.Cursor().First())
		if err != nil {
			return err
		}
		q.Oldest = e.appended
	}
	s.queues[tenant] = q
	return nil
}

// Last is the position of the newest event there ever was; 0 before the first.
func (s *Spool) Last() (last Position, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		last = Position(binary.BigEndian.Uint64(tx.Bucket(metaBucket).Get(nextKey))) - 1
		return nil
	})
	return last, err
}

// Drained says whether no event of a tenant at or before a position waits.
func (s *Spool) Drained(tenant string, through Position) (drained bool, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		drained = true
		if queue := queueOf(tx, tenant); queue != nil {
			k, _ := queue.Cursor().First()
			drained = k == nil || Position(binary.BigEndian.Uint64(k)) > through
		}
		return nil
	})
	return drained, err
}

// Close ends the spool. What was not acknowledged is not kept.
func (s *Spool) Close() error {
	close(s.closing)
	<-s.stopped
	return s.db.Close()
}

func key(p Position) []byte { return binary.BigEndian.AppendUint64(nil, uint64(p)) }
