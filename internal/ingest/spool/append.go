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
	tenant  string
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

func (a *appending) size() int64 { return int64(len(a.payload) + headSize) }

// Append writes a payload that holds count events of a tenant and returns the
// position of the first. It returns without an error only when the payload is
// durable. An append whose context ends may have been written all the same.
func (s *Spool) Append(ctx context.Context, tenant string, payload []byte, count int64) (Position, error) {
	if count < 1 || tenant == "" {
		return 0, errors.New("a batch has a tenant and holds at least one position")
	}
	a := &appending{tenant: tenant, payload: payload, count: count, done: make(chan error, 1)}
	if err := s.reserve(a); err != nil {
		return 0, err
	}
	select {
	case s.appends <- a:
	case <-ctx.Done():
		s.release(a)
		return 0, ctx.Err()
	case <-s.closing:
		s.release(a)
		return 0, ErrClosed
	}
	return s.outcome(ctx, a)
}

func (s *Spool) outcome(ctx context.Context, a *appending) (Position, error) {
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
		s.release(a)
		return 0, ErrClosed
	}
}

// reserve keeps room for a batch, or says why there is none.
func (s *Spool) reserve(a *appending) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, free := s.queues[a.tenant], s.options.MaxBytes-s.bytes-a.size()
	if free < 0 {
		return fmt.Errorf("%w: %d of %d bytes are used", ErrFull, s.bytes, s.options.MaxBytes)
	}
	if queue.Bytes+a.size() > free {
		return fmt.Errorf("%w: %d bytes of tenant %s wait, and %d are free", ErrShare, queue.Bytes, a.tenant, free+a.size())
	}
	if age := s.options.Clock.Since(queue.Oldest); !queue.Oldest.IsZero() && age > s.options.MaxAge {
		return fmt.Errorf("%w: the oldest event of tenant %s waits since %s", ErrShare, a.tenant, queue.Oldest.UTC().Format(time.RFC3339))
	}
	s.add(a.tenant, a.size())
	return nil
}

func (s *Spool) release(a *appending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(a.tenant, -a.size())
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
	for _, a := range group {
		if err != nil {
			s.add(a.tenant, -a.size())
		} else if queue, waits := s.queues[a.tenant]; waits && queue.Oldest.IsZero() { // not read and deleted already
			queue.Oldest = now
			s.queues[a.tenant] = queue
		}
	}
}

func put(tx *bolt.Tx, group []*appending, now time.Time) error {
	meta, tenants := tx.Bucket(metaBucket), tx.Bucket(tenantBucket)
	next := Position(binary.BigEndian.Uint64(meta.Get(nextKey)))
	for _, a := range group {
		queue, err := tenants.CreateBucketIfNotExists([]byte(a.tenant))
		if err != nil {
			return err
		}
		queue.FillPercent = 0.95 // Keys only grow: no page is ever filled up later.
		a.first = next
		e := entry{first: next, count: a.count, appended: now, payload: a.payload}
		if err := queue.Put(key(next), e.encode()); err != nil {
			return err
		}
		next += Position(a.count)
	}
	return meta.Put(nextKey, key(next))
}
