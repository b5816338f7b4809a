package body

import (
	"bytes"
	"errors"
	"io"
)

// window is the part of a stream that is being looked at.
type window struct {
	in   io.Reader
	data []byte
	// grain is how much is read at once, at least.
	grain int
	// limit is how much is held at most.
	limit int
	// complete says that nothing comes behind data; failed that reading failed.
	complete bool
	failed   error
}

// more reads on, and says whether that changed anything.
func (w *window) more() bool {
	if w.complete || len(w.data) >= w.limit {
		return false
	}
	// As much again as is held, so that a long record is looked at and copied seldom.
	size := max(w.grain, len(w.data))
	if cap(w.data)-len(w.data) < size {
		w.data = append(make([]byte, 0, len(w.data)+2*size), w.data...)
	}
	for end := len(w.data) + size; len(w.data) < end && !w.complete; {
		n, err := w.in.Read(w.data[len(w.data):end])
		w.data = w.data[:len(w.data)+n]
		if err != nil {
			w.complete = true
		}
		if err != nil && !errors.Is(err, io.EOF) {
			w.failed = err
		}
	}
	return true
}

// hold reads on until enough is there, or all there is.
func (w *window) hold(enough func(data []byte) bool) {
	for !enough(w.data) && w.more() {
	}
}

// skip drops blanks, and says whether anything is behind them.
func (w *window) skip(blanks string) bool {
	for {
		if w.data = bytes.TrimLeft(w.data, blanks); len(w.data) > 0 {
			return true
		}
		if !w.more() {
			return false
		}
	}
}

// value takes the value at the beginning.
func (w *window) value() ([]byte, error) {
	for {
		value, length, err := decodeValue(w.data)
		// A number at the very end may go on; an object ends with its brace.
		if err == nil && (length < len(w.data) || w.complete || w.data[length-1] == '}') {
			w.data = w.data[length:]
			return value, nil
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if !w.more() {
			if !w.complete {
				err = errTooLong
			}
			return nil, err
		}
	}
}

// seek drops what is before a mark, as far as it need not be held to find it.
func (w *window) seek(mark []byte) {
	for !bytes.Contains(w.data, mark) {
		if !w.complete {
			w.data = w.data[max(0, len(w.data)-len(mark)+1):]
		}
		if !w.more() {
			return
		}
	}
}
