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

var (
	// errRows is about CSV that only the type Generic takes.
	errRows      = errors.New("it is CSV, which only a source of type Generic takes")
	errNotPacked = errors.New("is named .gz but is not packed with gzip")
	errCutOff    = errors.New("the gzip data end too early")
)

// Open returns the records of a recorded input: JSON, one object or many, or CSV
// whose first line names the columns; plain or packed with gzip. The name tells
// what it is, where its ending does: .csv, .json, .jsonl, .ndjson, with or
// without .gz. Elsewhere the content does.
func Open(in io.Reader, name string, from Source) (body.Records, error) {
	unpacked, err := unpack(bufio.NewReaderSize(in, 64<<10), name)
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
func unpack(in *bufio.Reader, name string) (*bufio.Reader, error) {
	if mark, err := in.Peek(2); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	} else if !bytes.Equal(mark, []byte{0x1f, 0x8b}) {
		if strings.HasSuffix(strings.ToLower(name), ".gz") {
			return nil, errNotPacked
		}
		return in, nil
	}
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("it cannot be unpacked: %w", cutOff(err))
	}
	return bufio.NewReaderSize(packed{unpacked}, 64<<10), nil
}

// packed says in words that the data end too early: for a reader of JSON that
// would be about the JSON.
type packed struct{ in io.Reader }

func (p packed) Read(into []byte) (int, error) {
	n, err := p.in.Read(into)
	return n, cutOff(err)
}

func cutOff(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errCutOff
	}
	return err
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
