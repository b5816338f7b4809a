package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// entry is a batch as the file has it: the number of its positions, when it was
// appended, a checksum over both and the payload, then the payload.
type entry struct {
	first    Position
	count    int64
	appended time.Time
	payload  []byte
}

const headSize = 8 + 8 + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (e entry) encode() []byte {
	out := make([]byte, 0, headSize+len(e.payload))
	out = binary.BigEndian.AppendUint64(out, uint64(e.count))
	out = binary.BigEndian.AppendUint64(out, uint64(e.appended.UnixNano()))
	out = binary.BigEndian.AppendUint32(out, checksum(out, e.payload))
	return append(out, e.payload...)
}

func checksum(head, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload)
}

var errEntry = errors.New("the spool is damaged")

func decodeEntry(k, v []byte) (entry, error) {
	if len(k) != 8 || len(v) < headSize {
		return entry{}, fmt.Errorf("%w: an entry is cut off", errEntry)
	}
	e := entry{
		first:    Position(binary.BigEndian.Uint64(k)),
		count:    int64(binary.BigEndian.Uint64(v)),
		appended: time.Unix(0, int64(binary.BigEndian.Uint64(v[8:]))),
		payload:  v[headSize:],
	}
	if checksum(v[:16], e.payload) != binary.BigEndian.Uint32(v[16:]) {
		return entry{}, fmt.Errorf("%w: the entry at position %d has a wrong checksum", errEntry, e.first)
	}
	return e, nil
}

func (e entry) batch() Batch {
	return Batch{First: e.first, Last: e.first + Position(e.count) - 1, Payload: e.payload}
}
