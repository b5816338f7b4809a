package body

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxRecords bounds the records of one body: 25 full batches of an audit webhook.
const MaxRecords = 10_000

// ErrTooMany refuses a body of more than MaxRecords records.
var ErrTooMany = fmt.Errorf("the body has more than %d records", MaxRecords)

// Record is one record of a body, or what is wrong with it.
type Record struct {
	// Position counts the records of the body from 0.
	Position int
	// Data is a JSON object.
	Data []byte
	// Err says why the record is no use; Data is nil then.
	Err error
}

// Records goes through the records of a body, whatever it is written in.
type Records interface {
	// Next returns the next record, and io.EOF behind the last. Any other error
	// is about the whole body. The record may share the memory of the body.
	Next() (Record, error)
}

// Split returns the records of a body: a JSON object, an array of objects, or
// objects one after another, on lines or not (NDJSON).
func Split(data []byte) ([]Record, error) {
	return gather(&objects{window: window{data: data, complete: true}})
}

// SplitRows returns the rows of a body in CSV whose first line names the
// columns, each as a JSON object of strings.
func SplitRows(data []byte) ([]Record, error) { return gather(Rows(bytes.NewReader(data))) }

// gather returns all records, if they are not too many.
func gather(from Records) ([]Record, error) {
	var records []Record
	for {
		switch next, err := from.Next(); {
		case errors.Is(err, io.EOF):
			return records, nil
		case err != nil:
			return nil, err
		case len(records) == MaxRecords:
			return nil, ErrTooMany
		default:
			records = append(records, next)
		}
	}
}

func record(position int, data []byte, err error) Record {
	r := Record{Position: position}
	data = bytes.TrimSpace(data)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.Err = errors.New("not valid JSON: it ends too early")
	case errors.Is(err, errTrailing), errors.Is(err, errTooLong):
		r.Err = err
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

// decodeValue reads the value at the beginning of data, and says how long it is.
func decodeValue(data []byte) (value []byte, length int, err error) {
	var raw json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&raw); err != nil {
		return nil, 0, err
	}
	return raw, int(decoder.InputOffset()), nil
}
