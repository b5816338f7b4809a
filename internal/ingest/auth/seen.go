package auth

import (
	"fmt"
	"sync"
	"time"
)

// maxSeen bounds what is remembered of a source: 54 requests a second with the
// default tolerance, in about 1 MiB.
const maxSeen = 16384

// Seen remembers the signatures that a source let in, until their timestamps are
// stale. It is safe for use by many.
type Seen struct {
	mu      sync.Mutex
	expires map[sum]time.Time
}

// claim lets a signature in once. A full memory lets in nobody: to forget the
// oldest would let in who first makes it forget.
func (s *Seen) claim(signature sum, now, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, again := s.expires[signature]; again {
		return ErrDenied
	}
	if len(s.expires) >= maxSeen && !s.prune(now) {
		return fmt.Errorf("%w: %d signed requests came within the tolerance", ErrUnavailable, maxSeen)
	}
	if s.expires == nil {
		s.expires = map[sum]time.Time{}
	}
	s.expires[signature] = expires
	return nil
}

// prune forgets what is stale, and says whether there is room.
func (s *Seen) prune(now time.Time) bool {
	for signature, until := range s.expires {
		if now.After(until) {
			delete(s.expires, signature)
		}
	}
	return len(s.expires) < maxSeen
}

func (s *Seen) forget(signature sum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.expires, signature)
}
