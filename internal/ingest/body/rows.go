package body

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxColumns bounds the columns of CSV, maxFieldBytes one field.
	maxColumns    = 256
	maxFieldBytes = 64 << 10
	// maxRowBytes bounds a row before it is taken apart; a quote that is never
	// closed makes one row of all that follows.
	maxRowBytes = 4 << 20
)

// ErrHeader refuses CSV whose first line does not name its columns.
var ErrHeader = errors.New("the first line must name the columns")

// errRowTooLong ends the reading: where the next row begins cannot be told.
var errRowTooLong = fmt.Errorf("the row is longer than %d bytes; is a quote never closed?", maxRowBytes)

// Rows goes through CSV of any length whose first line names the columns. Each
// row is a record: a JSON object of strings.
func Rows(in io.Reader) Records {
	limited := &rowReader{in: in, left: maxRowBytes}
	r := csv.NewReader(bufio.NewReader(limited))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	return &rows{limited: limited, csv: r}
}

type rows struct {
	limited *rowReader
	csv     *csv.Reader
	// columns are the names, each as it stands in an object.
	columns  [][]byte
	names    []string
	position int
	ended    bool
}

// Next returns the next row.
func (r *rows) Next() (Record, error) {
	if r.columns == nil {
		if err := r.header(); err != nil {
			return Record{}, err
		}
	}
	if r.ended {
		return Record{}, io.EOF
	}
	r.limited.left = maxRowBytes
	fields, err := r.csv.Read()
	out := Record{Position: r.position}
	var malformed *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return Record{}, io.EOF
	case errors.Is(err, errRowTooLong):
		r.ended, out.Err = true, err
	case errors.As(err, &malformed):
		out.Err = fmt.Errorf("not valid CSV: line %d: %w", malformed.StartLine, malformed.Err)
	case err != nil:
		return Record{}, err
	default:
		out.Data, out.Err = r.object(fields)
	}
	r.position++
	return out, nil
}

func (r *rows) header() error {
	names, err := r.csv.Read()
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil:
		return fmt.Errorf("%w: %w", ErrHeader, err)
	case len(names) > maxColumns:
		return fmt.Errorf("%w: it names %d, and %d are the most", ErrHeader, len(names), maxColumns)
	}
	seen := map[string]bool{}
	for i, name := range names {
		if i == 0 {
			name = strings.TrimPrefix(name, "\ufeff")
		}
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return fmt.Errorf("%w: number %d has no name", ErrHeader, i+1)
		case len(name) > maxFieldBytes:
			return fmt.Errorf("%w: number %d is longer than %d bytes", ErrHeader, i+1, maxFieldBytes)
		case seen[name]:
			return fmt.Errorf("%w: %q is there twice", ErrHeader, name)
		}
		seen[name] = true
		quoted, err := json.Marshal(name)
		if err != nil {
			return err
		}
		r.names, r.columns = append(r.names, name), append(r.columns, append(quoted, ':'))
	}
	return nil
}

// object makes a JSON object of a row.
func (r *rows) object(fields []string) ([]byte, error) {
	if len(fields) != len(r.columns) {
		return nil, fmt.Errorf("the row has %d fields, and the first line names %d", len(fields), len(r.columns))
	}
	out := []byte{'{'}
	for i, field := range fields {
		if len(field) > maxFieldBytes {
			return nil, fmt.Errorf("column %q: is longer than %d bytes", r.names[i], maxFieldBytes)
		}
		quoted, err := json.Marshal(field)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, r.columns[i]...), quoted...)
	}
	return append(out, '}'), nil
}

// rowReader reads no more than left.
type rowReader struct {
	in   io.Reader
	left int
}

func (r *rowReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errRowTooLong
	}
	n, err := r.in.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}
