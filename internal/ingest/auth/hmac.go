package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/utils/clock"
)

// MinKeyBytes is the least that a key of signatures needs: 128 bits, as guesses can
// be checked by who has seen a signed request.
const MinKeyBytes = 16

// Signature says how requests are signed.
type Signature struct {
	// Keys are the keys that are valid now: two while one is replaced. Those that
	// are too short are left out.
	Keys [][]byte
	// Header is the header with the signature, after Prefix.
	Header, Prefix string
	// TimestampHeader is the header with the time, in seconds since 1970; it is
	// signed before the body, with Separator between them. Without it, the body
	// alone is signed, and a request can be sent again at any time.
	TimestampHeader, Separator string
	// Tolerance is how far the timestamp may be from Clock, either way.
	Tolerance time.Duration
	Clock     clock.PassiveClock
	// Seen remembers what was let in.
	Seen *Seen
}

type signed struct{ Signature }

// NewHMAC takes requests that are signed with HMAC-SHA256 in hexadecimal.
func NewHMAC(s Signature) Method {
	var long [][]byte
	for _, key := range s.Keys {
		if len(key) >= MinKeyBytes {
			long = append(long, key)
		}
	}
	s.Keys = long
	if s.Seen == nil {
		s.Seen = &Seen{}
	}
	return signed{s}
}

// Verify reads a body only if the headers could be right.
func (s signed) Verify(r *http.Request, body Body) error {
	given, ok := s.given(r)
	stamp, expires, fresh := s.timestamp(r)
	if !ok || !fresh || len(s.Keys) == 0 {
		return ErrDenied
	}
	data, err := body()
	if err != nil {
		return err
	}
	match := false
	for _, key := range s.Keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(stamp))
		mac.Write(data)
		match = hmac.Equal(mac.Sum(nil), given[:]) || match
	}
	if !match {
		return ErrDenied
	}
	if s.TimestampHeader == "" {
		return nil
	}
	return s.Seen.claim(given, s.Clock.Now(), expires)
}

// given is the signature of a request.
func (s signed) given(r *http.Request) (signature sum, ok bool) {
	header, _ := only(r, s.Header)
	digits, found := strings.CutPrefix(header, s.Prefix)
	if !found || len(digits) != hex.EncodedLen(len(signature)) {
		return signature, false
	}
	_, err := hex.Decode(signature[:], []byte(digits))
	return signature, err == nil
}

// timestamp returns what is signed before the body, and until when it is fresh.
// Digits alone make it clear where the body begins.
func (s signed) timestamp(r *http.Request) (stamp string, expires time.Time, fresh bool) {
	if s.TimestampHeader == "" {
		return "", time.Time{}, true
	}
	value, _ := only(r, s.TimestampHeader)
	if strings.Trim(value, "0123456789") != "" {
		return "", time.Time{}, false
	}
	seconds, err := strconv.ParseInt(value, 10, 40) // Up to the year 19391: sums do not overflow.
	if err != nil {
		return "", time.Time{}, false
	}
	sent, now := time.Unix(seconds, 0), s.Clock.Now()
	expires = sent.Add(s.Tolerance)
	return value + s.Separator, expires, !now.After(expires) && !now.Before(sent.Add(-s.Tolerance))
}

func (s signed) forget(r *http.Request) {
	if given, ok := s.given(r); ok && s.TimestampHeader != "" {
		s.Seen.forget(given)
	}
}
