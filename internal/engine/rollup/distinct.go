package rollup

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// maxHashes is how many hashes are kept: the count is exact up to it, and beyond
// it off by 9 % in the mean. It is a kilobyte.
const maxHashes = 128

// Distinct counts what is different: it keeps the smallest hashes. The closer
// together they are, the more there must have been (Bar-Yossef et al., "Counting
// Distinct Elements in a Data Stream", 2002).
type Distinct struct {
	// hashes are in order.
	hashes []uint64
}

// Add returns the count with one more, which may be one of those before.
func (d Distinct) Add(value string) Distinct {
	sum := sha256.Sum256([]byte(value))
	hash := binary.BigEndian.Uint64(sum[:])
	at, found := slices.BinarySearch(d.hashes, hash)
	if found || at == maxHashes {
		return d
	}
	kept := make([]uint64, 0, maxHashes+1)
	kept = append(append(append(kept, d.hashes[:at]...), hash), d.hashes[at:]...)
	return Distinct{hashes: kept[:min(len(kept), maxHashes)]}
}

// Count is how many different values there were.
func (d Distinct) Count() int64 {
	if len(d.hashes) < maxHashes {
		return int64(len(d.hashes))
	}
	share := float64(d.hashes[maxHashes-1]) / math.MaxUint64
	return max(maxHashes, int64(math.Round((maxHashes-1)/share)))
}

// Bytes is what to keep of the count.
func (d Distinct) Bytes() []byte {
	out := make([]byte, 0, 8*len(d.hashes))
	for _, hash := range d.hashes {
		out = binary.BigEndian.AppendUint64(out, hash)
	}
	return out
}

// ParseDistinct reads what Bytes returned.
func ParseDistinct(data []byte) (Distinct, error) {
	if len(data)%8 != 0 || len(data) > 8*maxHashes {
		return Distinct{}, fmt.Errorf("a count of distinct values has %d bytes: it must be a multiple of 8, at most %d", len(data), 8*maxHashes)
	}
	var d Distinct
	for ; len(data) > 0; data = data[8:] {
		hash := binary.BigEndian.Uint64(data)
		if n := len(d.hashes); n > 0 && d.hashes[n-1] >= hash {
			return Distinct{}, fmt.Errorf("a count of distinct values is not in order after %d", n)
		}
		d.hashes = append(d.hashes, hash)
	}
	return d, nil
}
