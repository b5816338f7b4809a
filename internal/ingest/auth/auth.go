// Package auth tells whether a request comes from whom it says. It is closed by
// default: what is missing, empty or unknown is refused.
package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
)

// Body returns the body of a request as it was sent. A method that does not
// sign bodies never calls it, so that strangers' bodies are not read.
type Body func() ([]byte, error)

// Method decides whether a request is let in.
type Method interface {
	Verify(r *http.Request, body Body) error
}

// Settings are what a source says about its senders.
type Settings struct {
	// Secrets are the values that are valid now: two while one is replaced.
	Secrets [][]byte
}

// The names of the methods.
const (
	// BearerToken is a token in the Authorization header.
	BearerToken = "BearerToken"
)

// methods has a constructor for each method.
var methods = map[string]func(Settings) Method{
	BearerToken: newBearer,
}

// New returns a method. One that is unknown lets nobody in.
func New(name string, settings Settings) Method {
	if construct, ok := methods[name]; ok {
		return construct(settings)
	}
	return Closed{}
}

// ErrDenied is the one answer to everybody who is not let in: it does not say
// whether the source exists or what was wrong.
var ErrDenied = errors.New("the credentials are missing or not valid for this source")

// Closed lets nobody in.
type Closed struct{}

// Verify refuses.
func (Closed) Verify(*http.Request, Body) error { return ErrDenied }

// bearer holds hashes: they have one length, so that a comparison in constant
// time does not give away the length of the token either.
type bearer struct{ sums [][sha256.Size]byte }

func newBearer(settings Settings) Method {
	b := bearer{}
	for _, secret := range settings.Secrets {
		// Files and kubectl leave a line feed at the end of a token.
		if token := strings.TrimSpace(string(secret)); token != "" {
			b.sums = append(b.sums, sha256.Sum256([]byte(token)))
		}
	}
	return b
}

func (b bearer) Verify(r *http.Request, _ Body) error {
	token, ok := bearerToken(r)
	sum, match := sha256.Sum256([]byte(token)), 0
	for _, valid := range b.sums {
		match |= subtle.ConstantTimeCompare(sum[:], valid[:])
	}
	if !ok || match != 1 {
		return ErrDenied
	}
	return nil
}

// bearerToken returns the token of the only Authorization header.
func bearerToken(r *http.Request) (string, bool) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return "", false
	}
	scheme, token, found := strings.Cut(headers[0], " ")
	token = strings.TrimSpace(token)
	return token, found && strings.EqualFold(scheme, "Bearer") && token != ""
}
