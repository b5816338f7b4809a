// Package auth tells whether a request comes from whom it says. It is closed by
// default: what is missing, empty or unknown is refused.
package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
)

// Body returns the body of a request as it was sent, or why it cannot be had. A
// method that does not sign bodies never calls it, so that strangers' bodies are
// not read.
type Body func() ([]byte, error)

// Method decides whether a request is let in. It returns ErrDenied, ErrUnavailable,
// or what Body returned.
type Method interface {
	Verify(r *http.Request, body Body) error
}

var (
	// ErrDenied is the one answer to everybody who is not let in: it does not say
	// whether the source exists or what was wrong.
	ErrDenied = errors.New("the credentials are missing or not valid for this source")
	// ErrUnavailable says that nobody can tell at the moment: the sender shall try
	// again.
	ErrUnavailable = errors.New("the credentials cannot be checked at the moment")
)

// Closed lets nobody in.
type Closed struct{}

// Verify refuses.
func (Closed) Verify(*http.Request, Body) error { return ErrDenied }

// Forget takes back that a request was let in, where a method lets each in only
// once: the sender was asked to send the same again.
func Forget(method Method, r *http.Request) {
	if once, ok := method.(interface{ forget(r *http.Request) }); ok {
		once.forget(r)
	}
}

// sum is a hash of a secret. Hashes have one length, so that comparing them in
// constant time does not give away the length of the secret either.
type sum [sha256.Size]byte

func sums(secrets [][]byte) []sum {
	var out []sum
	for _, secret := range secrets {
		if len(secret) > 0 {
			out = append(out, sha256.Sum256(secret))
		}
	}
	return out
}

// among is 1 if a value is one of those, and takes as long if it is not.
func among(value string, valid []sum) int {
	given, match := sha256.Sum256([]byte(value)), 0
	for i := range valid {
		match |= subtle.ConstantTimeCompare(given[:], valid[i][:])
	}
	return match
}

// only returns the one value of a header. Of two, a proxy may have read the other.
func only(r *http.Request, header string) (string, bool) {
	values := r.Header.Values(header)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}
