package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Effect is what a fault does to a write.
type Effect int

const (
	// Nothing spoils no write.
	Nothing Effect = iota
	// CrashBefore fails the write unsent and stops the process.
	CrashBefore
	// CrashAfter sends the write, loses the answer and stops the process.
	CrashAfter
	// TimeOut sends the write; the caller is told that it took too long.
	TimeOut
	// BadGateway sends the write; the caller is told 502.
	BadGateway
	// Conflict does not send the write; the caller is told that somebody else wrote.
	Conflict
	// TooManyRequests does not send the write; the caller is told to come again in a second.
	TooManyRequests
	// InternalError does not send the write; the caller is told that etcd has no leader.
	InternalError
)

// Fault spoils one write of a run.
type Fault struct {
	Effect Effect
	// Class of the writes that are counted.
	Class Class
	// Number of the write, from 1. Zero spoils, of every object, the first update of
	// each kind.
	Number int
}

var errDown = errors.New("connection refused: this process is dead")

// lateError is what a caller sees whose answer did not come in time.
type lateError struct{}

func (lateError) Error() string { return "the answer did not come in time" }
func (lateError) Timeout() bool { return true }

// spoil carries out the fault on a write.
func (t *transport) spoil(effect Effect, req *http.Request) (*http.Response, error) {
	switch effect {
	case CrashBefore:
		t.line.Crash()
		return nil, errDown
	case Conflict:
		return answer(req, http.StatusConflict, "application/json", conflict), nil
	case TooManyRequests:
		resp := answer(req, http.StatusTooManyRequests, "text/plain", "Too many requests, please try again later.\n")
		resp.Header.Set("Retry-After", "1")
		return resp, nil
	case InternalError:
		return answer(req, http.StatusInternalServerError, "application/json", leaderless), nil
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("the write to be spoiled failed by itself: %w", err)
	}
	// The answer must be read to its end, so that the server is known to be done.
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	switch effect {
	case CrashAfter:
		t.line.Crash()
		return nil, errDown
	case BadGateway:
		return answer(req, http.StatusBadGateway, "text/plain", "bad gateway"), nil
	default:
		return nil, lateError{}
	}
}

// conflict is what the API server says to who read the object too early.
const conflict = `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","code":409,"reason":"Conflict",` +
	`"message":"Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again"}`

// leaderless is what it says while etcd elects.
const leaderless = `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","code":500,"reason":"InternalError",` +
	`"message":"etcdserver: no leader"}`

func answer(req *http.Request, code int, contentType, body string) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), StatusCode: code,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {contentType}},
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       req,
	}
}
