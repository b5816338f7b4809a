package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxRecordBytes bounds a record that is read from a stream, and what is held of
// the stream. A body is bounded as a whole.
const maxRecordBytes = 64 << 20

// grain is how much of a stream is read at once, at least.
const grain = 256 << 10

var (
	errTooLong  = fmt.Errorf("the record is longer than %d bytes", maxRecordBytes)
	errTrailing = errors.New("there is something behind the end of the array")
)

// Objects goes through JSON of any length: an object, an array of objects, or
// objects one after another, on lines or not (NDJSON). It holds no more of it
// than the longest record needs.
func Objects(in io.Reader) Records {
	return &objects{window: window{in: in, grain: grain, limit: maxRecordBytes}}
}

// objects reads objects one after another, or those in an array.
type objects struct {
	window
	begun, inArray, ended bool
	position              int
}

// Next returns the next record.
func (o *objects) Next() (Record, error) {
	if !o.begun {
		o.begun = true
		if err := o.open(); err != nil {
			return Record{}, err
		}
	}
	if o.ended {
		return Record{}, io.EOF
	}
	read := o.line
	if o.inArray {
		read = o.element
	}
	value, err := read()
	switch {
	case o.failed != nil:
		return Record{}, o.failed
	case errors.Is(err, errEnd):
		o.ended = true
		return Record{}, io.EOF
	}
	r := record(o.position, value, err)
	o.position++
	return r, nil
}

// errEnd says that there is no further record.
var errEnd = errors.New("end")

// open looks at how the body begins.
func (o *objects) open() error {
	o.hold(func(data []byte) bool { return len(data) >= 3 })
	o.data = bytes.TrimPrefix(o.data, []byte("\xef\xbb\xbf"))
	if o.skip(" \t\r\n") && o.data[0] == '[' {
		o.inArray, o.data = true, o.data[1:]
	}
	return o.failed
}

// line reads an object that stands by itself. After one that is broken it goes on
// where the next line begins with a brace: inside an object lines are indented.
func (o *objects) line() ([]byte, error) {
	if !o.skip(" \t\r\n") {
		return nil, errEnd
	}
	if line, ok := o.jsonLine(); ok {
		return line, nil // An event by itself, or NDJSON, needs no decoder.
	}
	value, err := o.value()
	if err != nil {
		o.resume()
	}
	return value, err
}

// jsonLine takes the line at the beginning if it is a value by itself.
func (o *objects) jsonLine() ([]byte, bool) {
	o.hold(func(data []byte) bool { return bytes.IndexByte(data, '\n') >= 0 })
	line, after, found := bytes.Cut(o.data, []byte("\n"))
	if !found && !o.complete || !json.Valid(line) {
		return nil, false
	}
	o.data = after
	return line, true
}

// resume drops what is broken.
func (o *objects) resume() {
	next := []byte("\n{")
	o.seek(next)
	if at := bytes.Index(o.data, next); at >= 0 {
		o.data = o.data[at+1:]
	} else {
		o.data = nil
	}
}

// element reads an element of an array. Behind one that is broken nothing can be
// told apart any more: it is the last record.
func (o *objects) element() ([]byte, error) {
	value, err := o.separated()
	if err != nil {
		o.data, o.complete, o.ended = nil, true, true
	}
	return value, err
}

func (o *objects) separated() ([]byte, error) {
	if !o.skip(" \t\r\n") {
		return nil, io.ErrUnexpectedEOF
	}
	switch {
	case o.data[0] == ']':
		o.data = o.data[1:]
		if o.skip(" \t\r\n") {
			return nil, errTrailing
		}
		return nil, errEnd
	case o.position > 0 && o.data[0] != ',':
		return nil, fmt.Errorf("invalid character %q after array element", o.data[0])
	case o.position > 0:
		if o.data = o.data[1:]; !o.skip(" \t\r\n") {
			return nil, io.ErrUnexpectedEOF
		}
	}
	if object, ok := o.object(); ok {
		return object, nil // Nearly always; it needs no decoder either.
	}
	return o.value()
}

// object takes the object at the beginning if all of it is held. Where it is not
// valid that is the last record, so that no more than one is looked at in vain.
func (o *objects) object() ([]byte, bool) {
	object := enclosed(o.data)
	if !json.Valid(object) {
		return nil, false
	}
	o.data = o.data[len(object):]
	return object, true
}
