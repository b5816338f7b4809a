package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// appending is one Append that waits for the disk.
type appending struct {
	payload []byte
	count   int64
	first   Position
	done    chan error
}

const (
	// maxGroup bounds the appends that share one fsync; by then the fsync is a
	// small part of the time that they take.
	maxGroup = 512
	// maxGroupBytes bounds the memory and the time of one transaction.
	maxGroupBytes = 16 << 20
)

// Append writes a payload that holds count events and returns the position of
// the first. It returns without an error only when the payload is durable. An
// append whose context ends may have been written all the same.
func (s *Spool) Append(ctx context.Context, payload []byte, count int64) (Position, error) {
	if count < 1 {
		return 0, errors.New("a batch holds at least one position")
	}
	size := int64(len(payload) + headSize)
	if err := s.reserve(size); err != nil {
		return 0, err
	}
	a := &appending{payload: payload, count: count, done: make(chan error, 1)}
	select {
	case s.appends <- a:
	case <-ctx.Done():
		s.release(size)
		return 0, ctx.Err()
	case <-s.closing:
		s.release(size)
		return 0, ErrClosed
	}
	return s.outcome(ctx, a, size)
}

func (s *Spool) outcome(ctx context.Context, a *appending, size int64) (Position, error) {
	select {
	case err := <-a.done: // The writer gives back the room of what failed.
		return a.first, err
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-s.stopped:
	}
	// The writer is gone: it answered before it went, or it never saw this.
	select {
	case err := <-a.done:
		return a.first, err
	default:
		s.release(size)
		return 0, ErrClosed
	}
}

// reserve keeps room for a batch, or says why there is none.
func (s *Spool) reserve(size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes+size > s.options.MaxBytes {
		return fmt.Errorf("%w: %d of %d bytes are used", ErrFull, s.bytes, s.options.MaxBytes)
	}
	if age := s.options.Clock.Since(s.oldest); !s.oldest.IsZero() && age > s.options.MaxAge {
		return fmt.Errorf("%w: its oldest event waits since %s", ErrFull, s.oldest.UTC().Format(time.RFC3339))
	}
	s.bytes += size
	return nil
}

func (s *Spool) release(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= size
}

// write is the one writer: it takes what has gathered while the disk was busy.
func (s *Spool) write() {
	defer close(s.stopped)
	for {
		select {
		case a := <-s.appends:
			s.commit(s.gather(a))
		case <-s.closing:
			return
		}
	}
}

func (s *Spool) gather(first *appending) []*appending {
	group, size := []*appending{first}, len(first.payload)
	for len(group) < maxGroup && size < maxGroupBytes {
		select {
		case a := <-s.appends:
			group = append(group, a)
			size += len(a.payload)
		default:
			return group
		}
	}
	return group
}

func (s *Spool) commit(group []*appending) {
	now := s.options.Clock.Now()
	err := s.db.Update(func(tx *bolt.Tx) error { return put(tx, group, now) })
	if err != nil {
		err = fmt.Errorf("writing to the spool: %w", err)
	}
	s.committed(group, now, err)
	for _, a := range group {
		a.done <- err
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *Spool) committed(group []*appending, now time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.oldest.IsZero() {
		s.oldest = now
	}
	for _, a := range group {
		if err != nil {
			s.bytes -= int64(len(a.payload) + headSize)
		}
	}
}

func put(tx *bolt.Tx, group []*appending, now time.Time) error {
	meta, batches := tx.Bucket(metaBucket), tx.Bucket(batchBucket)
	batches.FillPercent = 0.95 // Keys only grow: no page is ever filled up later.
	next := Position(binary.BigEndian.Uint64(meta.Get(nextKey)))
	for _, a := range group {
		a.first = next
		e := entry{first: next, count: a.count, appended: now, payload: a.payload}
		if err := batches.Put(key(next), e.encode()); err != nil {
			return err
		}
		next += Position(a.count)
	}
	return meta.Put(nextKey, key(next))
}
