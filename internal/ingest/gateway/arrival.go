package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/tocsin-dev/tocsin/internal/ingest/body"
)

// arrival reads the body of one request, into memory that is kept for it.
type arrival struct {
	handler *Handler
	w       http.ResponseWriter
	r       *http.Request
	// limit bounds the body, packed and unpacked.
	limit    int64
	reserved bool
	releases []func()
}

const (
	// maxWait is how long a sender may wait for a slot, and for memory, before it is
	// sent away.
	maxWait = 2 * time.Second
	// gzipRatio is the most that deflate can pack.
	gzipRatio = 1032
)

// asSent reads the body before it is unpacked, of a sender who is not let in yet.
// Such bodies get half of the memory, and each as much as if they were large, so
// that strangers do not get more than half of the slots either, however slowly
// they send. They do not wait for it: who waits holds a slot.
func (a *arrival) asSent() ([]byte, error) {
	all := a.handler.limits.Memory / 2
	share := max(a.need(), a.handler.limits.Memory/int64(a.handler.limits.InFlight))
	if !a.handler.unproven.TryAcquire(min(share, all)) {
		return nil, busy()
	}
	a.releaseLater(a.handler.unproven, min(share, all))
	if refused := a.reserve(); refused != nil {
		return nil, refused
	}
	data, err := body.Read(http.MaxBytesReader(a.w, a.r.Body, a.limit), a.r.ContentLength, "", a.limit)
	if err != nil {
		return nil, unreadable(err, a.limit)
	}
	a.r.Body = io.NopCloser(bytes.NewReader(data))
	return data, nil
}

// read reads the body and unpacks it.
func (a *arrival) read() ([]byte, *Problem) {
	if refused := a.reserve(); refused != nil {
		return nil, refused
	}
	data, err := body.Read(http.MaxBytesReader(a.w, a.r.Body, a.limit), a.r.ContentLength, a.r.Header.Get("Content-Encoding"), a.limit)
	if err != nil {
		return nil, unreadable(err, a.limit)
	}
	return data, nil
}

// reserve keeps memory for the body.
func (a *arrival) reserve() *Problem {
	if a.reserved {
		return nil
	}
	a.reserved = true
	return a.acquire(a.handler.memory, min(a.need(), a.handler.limits.Memory))
}

// need is as much as the body can need at most.
func (a *arrival) need() int64 {
	need := a.r.ContentLength
	if encoding := a.r.Header.Get("Content-Encoding"); need >= 0 && encoding != "" && encoding != "identity" {
		need *= gzipRatio
	}
	if need < 0 || need > a.limit {
		need = a.limit
	}
	return need
}

func (a *arrival) acquire(from *semaphore.Weighted, need int64) *Problem {
	if !from.TryAcquire(need) {
		ctx, cancel := context.WithTimeout(a.r.Context(), maxWait)
		defer cancel()
		if err := from.Acquire(ctx, need); err != nil {
			return busy()
		}
	}
	a.releaseLater(from, need)
	return nil
}

func busy() *Problem {
	return retry("busy", "Too many requests are being answered. Send the same again later.", time.Second)
}

func (a *arrival) releaseLater(from *semaphore.Weighted, need int64) {
	a.releases = append(a.releases, func() { from.Release(need) })
}

// release gives slot and memory back.
func (a *arrival) release() {
	for _, release := range a.releases {
		release()
	}
}

func unreadable(err error, limit int64) *Problem {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, body.ErrTooLarge), errors.As(err, &tooLarge):
		return problem(http.StatusRequestEntityTooLarge, "too-large", "Body too large",
			fmt.Sprintf("The body must not exceed %d bytes, unpacked. Send smaller batches.", limit))
	case errors.Is(err, body.ErrEncoding):
		return problem(http.StatusUnsupportedMediaType, "encoding", "Content encoding not supported", "Send the body as it is or packed with gzip.")
	case errors.Is(err, body.ErrBroken):
		return problem(http.StatusUnprocessableEntity, "encoding", "Body cannot be unpacked", "The body is not gzip, or is cut off or altered.")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problem(http.StatusRequestTimeout, "slow", "Body came too slowly", "Send the body faster, or in smaller batches.")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem(http.StatusBadRequest, "cut-off", "Body cut off", "The connection ended before the body did.")
	}
	return problem(http.StatusBadRequest, "unreadable", "Body cannot be read", "Send the same again.")
}
