package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tocsin-dev/tocsin/internal/ingest/auth/authtest"
)

const (
	key    = "0123456789abcdef"
	oldKey = "fedcba9876543210"
	event  = `{"rule":"shell"}`
)

var now = time.Unix(1_700_000_000, 0)

// signature is as Tocsin's defaults have it, with a timestamp.
func signature(change func(*Signature)) Method {
	s := Signature{
		Keys: [][]byte{[]byte(oldKey), []byte(key)}, Header: "X-Signature", Prefix: "sha256=",
		TimestampHeader: "X-Timestamp", Separator: ".", Tolerance: 5 * time.Minute, Clock: clocktesting.NewFakePassiveClock(now),
	}
	change(&s)
	return NewHMAC(s)
}

func signedRequest(headers ...string) *http.Request {
	r := httptest.NewRequest("POST", "/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestHMAC(t *testing.T) {
	const stamp = "1700000000"
	at := func(stamp string) []string {
		return []string{"X-Timestamp", stamp, "X-Signature", "sha256=" + authtest.Sign(key, stamp+"."+event)}
	}
	bodyOnly := func(s *Signature) { s.TimestampHeader = "" }
	grafana := func(s *Signature) {
		s.Header, s.Prefix, s.TimestampHeader, s.Separator = "X-Grafana-Alerting-Signature", "", "X-Grafana-Alerting-Timestamp", ":"
	}
	keys := func(keys ...string) func(*Signature) {
		return func(s *Signature) {
			s.Keys = nil
			for _, key := range keys {
				s.Keys = append(s.Keys, []byte(key))
			}
		}
	}
	right := at(stamp)
	for name, tc := range map[string]struct {
		reason  string
		change  func(*Signature)
		headers []string
		open    bool
		// read says that the body had to be read to tell.
		read bool
	}{
		"right":                     {headers: right, open: true, read: true},
		"upper case":                {headers: []string{"X-Timestamp", stamp, "X-Signature", "sha256=" + strings.ToUpper(right[3][7:])}, open: true, read: true},
		"the old key in rotation":   {headers: []string{"X-Timestamp", stamp, "X-Signature", "sha256=" + authtest.Sign(oldKey, stamp+"."+event)}, open: true, read: true},
		"as old as it may be":       {headers: at("1699999700"), open: true, read: true},
		"as early as it may be":     {headers: at("1700000300"), open: true, read: true},
		"body alone":                {change: bodyOnly, headers: []string{"X-Signature", "sha256=" + authtest.Sign(key, event)}, open: true, read: true},
		"Grafana's way":             {change: grafana, headers: []string{"X-Grafana-Alerting-Timestamp", stamp, "X-Grafana-Alerting-Signature", authtest.Sign(key, stamp+":"+event)}, open: true, read: true},
		"another key":               {headers: []string{"X-Timestamp", stamp, "X-Signature", "sha256=" + authtest.Sign("another key that is long", stamp+"."+event)}, read: true},
		"an empty key":              {headers: []string{"X-Timestamp", stamp, "X-Signature", "sha256=" + authtest.Sign("", stamp+"."+event)}, read: true},
		"another body":              {headers: []string{"X-Timestamp", stamp, "X-Signature", "sha256=" + authtest.Sign(key, stamp+"."+event+" ")}, read: true},
		"another timestamp":         {reason: "it is signed", headers: []string{"X-Timestamp", "1700000001", "X-Signature", right[3]}, read: true},
		"another separator":         {headers: []string{"X-Timestamp", stamp, "X-Signature", "sha256=" + authtest.Sign(key, stamp+":"+event)}, read: true},
		"signed without timestamp":  {headers: []string{"X-Timestamp", stamp, "X-Signature", "sha256=" + authtest.Sign(key, event)}, read: true},
		"no headers":                {},
		"no signature":              {headers: right[:2]},
		"no timestamp":              {headers: right[2:]},
		"two signatures":            {headers: append([]string{"X-Signature", "sha256=00"}, right...)},
		"two timestamps":            {headers: append([]string{"X-Timestamp", stamp}, right...)},
		"wrong prefix":              {headers: []string{"X-Timestamp", stamp, "X-Signature", "sha512=" + right[3][7:]}},
		"no prefix":                 {headers: []string{"X-Timestamp", stamp, "X-Signature", right[3][7:]}},
		"empty signature":           {headers: []string{"X-Timestamp", stamp, "X-Signature", "sha256="}},
		"cut off":                   {headers: []string{"X-Timestamp", stamp, "X-Signature", right[3][:len(right[3])-2]}},
		"not hexadecimal":           {headers: []string{"X-Timestamp", stamp, "X-Signature", "sha256=" + strings.Repeat("z", 64)}},
		"stale":                     {headers: at("1699999699")},
		"from the future":           {headers: at("1700000301")},
		"in milliseconds":           {headers: at("1700000000000")},
		"an empty timestamp":        {headers: at("")},
		"a timestamp with a sign":   {headers: at("+1700000000")},
		"a negative timestamp":      {headers: at("-1700000000")},
		"a date":                    {headers: at("2023-11-14T22:13:20Z")},
		"a timestamp that is huge":  {headers: at("99999999999999999999999")},
		"no keys":                   {change: keys(), headers: right},
		"empty keys only":           {change: keys("", ""), headers: []string{"X-Timestamp", stamp, "X-Signature", "sha256=" + authtest.Sign("", stamp+"."+event)}},
		"a key that is too short":   {change: keys("short"), headers: []string{"X-Timestamp", stamp, "X-Signature", "sha256=" + authtest.Sign("short", stamp+"."+event)}},
		"body alone, no signature":  {change: bodyOnly},
		"body alone, with an empty": {change: bodyOnly, headers: []string{"X-Signature", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.change == nil {
				tc.change = func(*Signature) {}
			}
			read := false
			err := signature(tc.change).Verify(signedRequest(tc.headers...), func() ([]byte, error) { read = true; return []byte(event), nil })
			if (err == nil) != tc.open || err != nil && !errors.Is(err, ErrDenied) {
				t.Errorf("err = %v, want open %v %s", err, tc.open, tc.reason)
			}
			if read != tc.read {
				t.Errorf("the body was read: %v, want %v", read, tc.read)
			}
		})
	}
}

func body() ([]byte, error) { return []byte(event), nil }

func TestReplay(t *testing.T) {
	const stamp = "1700000000"
	digest := authtest.Sign(key, stamp+"."+event)
	seen := &Seen{}
	method := signature(func(s *Signature) { s.Seen = seen })
	request := func(digest string) *http.Request {
		return signedRequest("X-Timestamp", stamp, "X-Signature", "sha256="+digest)
	}
	if err := method.Verify(request(digest), body); err != nil {
		t.Fatal(err)
	}
	if err := method.Verify(request(strings.ToUpper(digest)), body); !errors.Is(err, ErrDenied) {
		t.Errorf("a replay in other letters: %v", err)
	}
	again := signature(func(s *Signature) { s.Seen, s.Keys = seen, [][]byte{[]byte(key)} })
	if err := again.Verify(request(digest), body); !errors.Is(err, ErrDenied) {
		t.Errorf("a replay after a key was withdrawn: %v", err)
	}
	Forget(again, request(digest))
	if err := again.Verify(request(digest), body); err != nil {
		t.Errorf("what was asked for again is not let in: %v", err)
	}
	Forget(NewBearer(nil), request(digest)) // A method that lets in again and again has nothing to forget.
}

// TestReplayAtOnce: of many that come at the same time, one is let in.
func TestReplayAtOnce(t *testing.T) {
	method := signature(func(*Signature) {})
	headers := []string{"X-Timestamp", "1700000000", "X-Signature", "sha256=" + authtest.Sign(key, "1700000000."+event)}
	var open atomic.Int32
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if method.Verify(signedRequest(headers...), body) == nil {
				open.Add(1)
			}
		})
	}
	wait.Wait()
	if open.Load() != 1 {
		t.Errorf("%d were let in", open.Load())
	}
}

// TestSeenIsBounded: a full memory asks to come again, rather than let anybody in
// twice, and has room once timestamps are stale.
func TestSeenIsBounded(t *testing.T) {
	seen := &Seen{}
	number := func(i int) (s sum) { copy(s[:], fmt.Sprint(i)); return s }
	for i := range maxSeen {
		if err := seen.claim(number(i), now, now.Add(time.Minute)); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := seen.claim(number(maxSeen), now.Add(time.Minute), now.Add(2*time.Minute)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("one too many: %v", err)
	}
	if err := seen.claim(number(0), now, now.Add(time.Minute)); !errors.Is(err, ErrDenied) {
		t.Errorf("a replay into a full memory: %v", err)
	}
	if err := seen.claim(number(maxSeen), now.Add(61*time.Second), now.Add(2*time.Minute)); err != nil || len(seen.expires) != 1 {
		t.Errorf("once the others are stale: %v, %d are remembered", err, len(seen.expires))
	}
}

// FuzzHMAC: whatever the headers are, nobody is let in without the key, and nothing
// breaks.
func FuzzHMAC(f *testing.F) {
	f.Add("1700000000", "sha256="+strings.Repeat("0", 64))
	f.Add("", "sha256=")
	f.Add("-1", "=")
	f.Fuzz(func(t *testing.T, stamp, digest string) {
		r := &http.Request{Header: http.Header{"X-Timestamp": {stamp}, "X-Signature": {digest}}}
		if err := signature(func(*Signature) {}).Verify(r, body); !errors.Is(err, ErrDenied) {
			t.Errorf("%q, %q: %v", stamp, digest, err)
		}
	})
}
