package replay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/body"
)

// errRows is about CSV that only the type Generic takes.
var errRows = errors.New("it is CSV, which only a source of type Generic takes")

// Open returns the records of a recorded input: JSON, one object or many, or CSV
// whose first line names the columns; plain or packed with gzip. The name tells
// what it is, where its ending does: .csv, .json, .jsonl, .ndjson, with or
// without .gz. Elsewhere the content does.
func Open(in io.Reader, name string, from Source) (body.Records, error) {
	unpacked, err := unpack(bufio.NewReaderSize(in, 64<<10))
	if err != nil {
		return nil, err
	}
	if !isRows(unpacked, name, from) {
		return body.Objects(unpacked), nil
	}
	if !from.Rows {
		return nil, errRows
	}
	return body.Rows(unpacked), nil
}

// unpack looks for gzip by its mark.
func unpack(in *bufio.Reader) (*bufio.Reader, error) {
	if mark, _ := in.Peek(2); !bytes.Equal(mark, []byte{0x1f, 0x8b}) {
		return in, nil
	}
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("it cannot be unpacked: %w", err)
	}
	return bufio.NewReaderSize(unpacked, 64<<10), nil
}

func isRows(in *bufio.Reader, name string, from Source) bool {
	switch path.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz")) {
	case ".csv":
		return true
	case ".json", ".jsonl", ".ndjson":
		return false
	}
	start, _ := in.Peek(512)
	start = bytes.TrimSpace(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")))
	return from.Rows && len(start) > 0 && start[0] != '{' && start[0] != '['
}
