package spool

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"
)

// checkPages reads the tree of pages as it lies in the file: each page is where it
// says, is reached once, and its keys are in order. The library asks the same when
// it opens a file for writing, but goes on reading in the background after the
// first fault that it finds, without the database: that can end the process.
func checkPages(db *bolt.DB) error {
	file, err := os.Open(db.Path())
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	return db.View(func(tx *bolt.Tx) error {
		size := int64(db.Info().PageSize)
		p := pages{file: file, size: size, end: uint64(tx.Size() / size), reached: map[uint64]bool{}}
		_, err := p.check(uint64(tx.Cursor().Bucket().Root()), nil, nil)
		return err
	})
}

// pages is the file as the library lays it out (bbolt, internal/common/page.go): a
// page begins with its number, its kind, how many elements it has, and how many
// further pages belong to it. Numbers are in the machine's byte order.
type pages struct {
	file    io.ReaderAt
	size    int64
	end     uint64 // the first number that is not in use
	reached map[uint64]bool
}

const (
	branchPage = 0x01
	leafPage   = 0x02

	pageHead    = 16
	elementSize = 16

	bucketElement = 0x01
)

// check checks a page and all under it, whose keys lie in [from, to), and returns
// the last of them. A nil bound is none.
func (p *pages) check(id uint64, from, to []byte) (last []byte, err error) {
	page, err := p.read(id)
	if err != nil {
		return nil, err
	}
	kind, count := binary.NativeEndian.Uint16(page[8:]), int(binary.NativeEndian.Uint16(page[10:]))
	if kind != branchPage && kind != leafPage {
		return nil, fmt.Errorf("%w: page %d is of the unknown kind %#x", errEntry, id, kind)
	}
	if pageHead+count*elementSize > len(page) {
		return nil, fmt.Errorf("%w: page %d cannot hold %d elements", errEntry, id, count)
	}
	last = from
	for i := range count {
		e, err := readElement(page, i, kind)
		if err != nil {
			return nil, fmt.Errorf("%w: page %d, element %d: %w", errEntry, id, i, err)
		}
		order := bytes.Compare(last, e.key)
		if last != nil && (order > 0 || order == 0 && i > 0) || to != nil && bytes.Compare(e.key, to) >= 0 {
			return nil, fmt.Errorf("%w: page %d, element %d: its key is out of order", errEntry, id, i)
		}
		last = e.key
		switch {
		case kind == branchPage:
			upTo := to
			if i < count-1 {
				next, err := readElement(page, i+1, kind)
				if err != nil {
					return nil, fmt.Errorf("%w: page %d, element %d: %w", errEntry, id, i+1, err)
				}
				upTo = next.key
			}
			last, err = p.check(e.child, e.key, upTo)
		case e.child != 0:
			_, err = p.check(e.child, nil, nil)
		}
		if err != nil {
			return nil, err
		}
	}
	return last, nil
}

// read returns a page with the further ones that belong to it.
func (p *pages) read(id uint64) ([]byte, error) {
	if id >= p.end {
		return nil, fmt.Errorf("%w: page %d is not one of the %d", errEntry, id, p.end)
	}
	head := make([]byte, pageHead)
	if _, err := p.file.ReadAt(head, int64(id)*p.size); err != nil {
		return nil, err
	}
	if said := binary.NativeEndian.Uint64(head); said != id {
		return nil, fmt.Errorf("%w: page %d says that it is %d", errEntry, id, said)
	}
	further := uint64(binary.NativeEndian.Uint32(head[12:]))
	if further >= p.end-id {
		return nil, fmt.Errorf("%w: page %d has %d further ones of %d in all", errEntry, id, further, p.end)
	}
	for each := id; each <= id+further; each++ {
		if p.reached[each] {
			return nil, fmt.Errorf("%w: page %d is reached twice", errEntry, each)
		}
		p.reached[each] = true
	}
	page := make([]byte, (1+int64(further))*p.size)
	_, err := p.file.ReadAt(page, int64(id)*p.size)
	return page, err
}

// element is one of a page: a key, and the page of the tree under it, if any.
type element struct {
	key   []byte
	child uint64
}

// readElement reads an element. A branch has where its key lies, the key's length
// and the child; a leaf has flags first, and the value's length last. The value of
// a bucket begins with its root, which is 0 where the bucket lies in the value.
func readElement(page []byte, i int, kind uint16) (element, error) {
	start := uint64(pageHead + i*elementSize)
	head := page[start:]
	word := func(n int) uint64 { return uint64(binary.NativeEndian.Uint32(head[4*n:])) }
	if kind == branchPage {
		key, err := part(page, start+word(0), word(1))
		return element{key: key, child: binary.NativeEndian.Uint64(head[8:])}, err
	}
	key, err := part(page, start+word(1), word(2))
	if err != nil {
		return element{}, err
	}
	value, err := part(page, start+word(1)+word(2), word(3))
	if err != nil || word(0)&bucketElement == 0 {
		return element{key: key}, err
	}
	root, err := part(value, 0, 8)
	if err != nil {
		return element{}, err
	}
	return element{key: key, child: binary.NativeEndian.Uint64(root)}, nil
}

func part(of []byte, start, length uint64) ([]byte, error) {
	if start+length > uint64(len(of)) {
		return nil, fmt.Errorf("bytes %d to %d of %d", start, start+length, len(of))
	}
	return of[start : start+length], nil
}
