package stream

import (
	"math/rand/v2"
	"runtime"
	"time"
)

// line is what a processor reads from memory at once.
type line struct {
	next uint32
	_    [60]byte
}

// RandomRead is the processor time that a read takes whose place is known
// only from the one before it, anywhere in that many bytes: what no engine that
// looks things up in as much memory can be faster than.
func RandomRead(bytes int64) time.Duration {
	const reads = 1_000_000
	lines := make([]line, max(2, bytes/64))
	for i := range lines {
		lines[i].next = uint32(i)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := len(lines) - 1; i > 0; i-- { // Sattolo's shuffle: one circle through all of them
		j := r.IntN(i)
		lines[i].next, lines[j].next = lines[j].next, lines[i].next
	}
	at, began := uint32(0), cpu()
	for range reads {
		at = lines[at].next
	}
	used := cpu() - began
	runtime.KeepAlive(at)
	return used / reads
}
