// Package body reads the bodies of requests: bounded, unpacked, and split into
// records, of which the good ones survive the bad ones.
package body

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
)

// DefaultMaxBytes is how large a body may be once unpacked: as large as the
// largest batch of a kube-apiserver's audit webhook.
const DefaultMaxBytes = 10 << 20

// Errors of Read. Each needs a different answer.
var (
	ErrTooLarge = errors.New("the body is too large")
	ErrEncoding = errors.New("the content encoding is not supported")
	ErrBroken   = errors.New("the body cannot be unpacked")
)

// Read returns the body, unpacked according to its Content-Encoding. It never
// holds more than limit bytes, packed or not: that is what disarms a gzip bomb.
// There is no limit on the ratio, since a flood of one alert packs very well.
// length is how long the sender says that it is, packed or not, negative where it
// says nothing; nothing relies on it.
func Read(r io.Reader, length int64, encoding string, limit int64) ([]byte, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return readAll(r, max(0, min(length, limit)), limit)
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(io.LimitReader(r, limit))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBroken, err)
		}
		data, err := readAll(unpacked, 0, limit)
		if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%w: %w", ErrBroken, err)
		}
		return data, err
	}
	return nil, ErrEncoding
}

// readAll reads into memory for what is expected; what is more costs copies.
func readAll(r io.Reader, expected, limit int64) ([]byte, error) {
	data := bytes.NewBuffer(make([]byte, 0, expected+bytes.MinRead))
	if _, err := data.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, err
	}
	if int64(data.Len()) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return data.Bytes(), nil
}
