package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	// MaxRecords bounds the records of one body: 25 full batches of an audit webhook.
	MaxRecords = 10_000
	// maxDepth bounds the nesting of one record. A pod has about a dozen levels.
	maxDepth = 64
)

// ErrTooMany refuses a body of more than MaxRecords records.
var ErrTooMany = fmt.Errorf("the body has more than %d records", MaxRecords)

// Record is one record of a body, or what is wrong with it.
type Record struct {
	// Position counts the records of the body from 0.
	Position int
	// Data is a JSON object, in the memory of the body.
	Data []byte
	// Err says why the record is no use; Data is nil then.
	Err error
}

// Split returns the records of a body: a JSON object, an array of objects, or
// objects one after another, on lines or not (NDJSON).
func Split(data []byte) ([]Record, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == '[' {
		return splitArray(data)
	}
	return splitStream(data)
}

// splitStream reads objects one after another. After one that is broken it goes
// on where the next line begins with a brace: inside an object lines are indented.
func splitStream(data []byte) ([]Record, error) {
	var records []Record
	for len(data) > 0 {
		if len(records) == MaxRecords {
			return nil, ErrTooMany
		}
		value, rest, err := next(data)
		records = append(records, record(len(records), value, err))
		data = bytes.TrimLeft(rest, " \t\r\n")
	}
	return records, nil
}

var nextLine = []byte("\n{")

func next(data []byte) (value, rest []byte, err error) {
	if line, after, found := bytes.Cut(data, []byte("\n")); found && json.Valid(line) {
		return line, after, nil // NDJSON, the common case, needs no decoder.
	}
	var raw json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err = decoder.Decode(&raw); err == nil {
		return raw, data[decoder.InputOffset():], nil
	}
	if at := bytes.Index(data, nextLine); at >= 0 {
		return nil, data[at+1:], err
	}
	return nil, nil, err
}

// splitArray reads the elements of an array. Behind one that is broken nothing
// can be told apart any more: it is the last record.
func splitArray(data []byte) ([]Record, error) {
	var records []Record
	decoder := json.NewDecoder(bytes.NewReader(data))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	broken := false
	for !broken && decoder.More() {
		if len(records) == MaxRecords {
			return nil, ErrTooMany
		}
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		records = append(records, record(len(records), raw, err))
		broken = err != nil
	}
	if broken {
		return records, nil
	}
	if _, err := decoder.Token(); err != nil {
		return append(records, record(len(records), nil, err)), nil
	}
	if decoder.InputOffset() < int64(len(data)) {
		return append(records, record(len(records), nil, errTrailing)), nil
	}
	return records, nil
}

var errTrailing = errors.New("there is something behind the end of the array")

func record(position int, data []byte, err error) Record {
	r := Record{Position: position}
	data = bytes.TrimSpace(data)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.Err = errors.New("not valid JSON: it ends too early")
	case err != nil:
		r.Err = fmt.Errorf("not valid JSON: %w", err)
	case len(data) == 0 || data[0] != '{':
		r.Err = errors.New("a JSON object is needed")
	case tooDeep(data):
		r.Err = fmt.Errorf("the record is nested more than %d levels deep", maxDepth)
	default:
		r.Data = data
	}
	return r
}

// tooDeep counts brackets outside strings. Deep nesting is cheap to send and
// dear to decode.
func tooDeep(data []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			quoted = !quoted
		case '\\':
			i++
		case '{', '[':
			if !quoted {
				depth++
			}
		case '}', ']':
			if !quoted {
				depth--
			}
		}
		if depth > maxDepth {
			return true
		}
	}
	return false
}
