package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Problem is an answer that is no success, as RFC 9457 has it.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what is wrong with this request, and what to do.
	Detail string `json:"detail,omitempty"`
	// Errors lists events that cannot be read, by their position in the body.
	Errors []EventError `json:"errors,omitempty"`

	slug       string
	retryAfter time.Duration
}

// EventError says what is wrong with one event.
type EventError struct {
	// Position counts the events of the body from 0.
	Position int    `json:"position"`
	Reason   string `json:"reason"`
}

// problemTypes is where the types are explained; they need not resolve.
const problemTypes = "https://tocsin.dev/problems/"

func problem(status int, slug, title, detail string) *Problem {
	return &Problem{slug: slug, Type: problemTypes + slug, Title: title, Status: status, Detail: detail}
}

// retry asks the sender to come again. Alertmanager takes 429 as final, so
// pressure is always 503.
func retry(slug, detail string, after time.Duration) *Problem {
	p := problem(http.StatusServiceUnavailable, slug, "Not now", detail)
	p.retryAfter = after
	return p
}

// Error makes a Problem an error, to pass through those who know no answers.
func (p *Problem) Error() string { return p.Detail }

func (p *Problem) write(w http.ResponseWriter) {
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.retryAfter.Seconds())))
	}
	switch p.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="tocsin", Basic realm="tocsin"`)
	case http.StatusUnsupportedMediaType:
		w.Header().Set("Accept-Encoding", "gzip, identity")
	}
	writeJSON(w, p.Status, "application/problem+json", p)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, value any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A sender that is gone cannot be told so.
	_ = json.NewEncoder(w).Encode(value)
}
