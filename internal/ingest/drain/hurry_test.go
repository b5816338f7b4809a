package drain

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/tocsin-dev/tocsin/internal/ingest/envelope"
	"github.com/tocsin-dev/tocsin/internal/ingest/spool"
)

// TestWaitingCountHoldsNoSpool: behind a count that waits, what is counted already
// stays in the spool. It is written before another sender is refused for that.
func TestWaitingCountHoldsNoSpool(t *testing.T) {
	before := manyWaiting
	manyWaiting = 50 // so that what makes up the bulk is written each second
	defer func() { manyWaiting = before }()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s, err := spool.Open(spool.Options{Path: filepath.Join(t.TempDir(), "spool.db"), MaxBytes: 8 << 20, Clock: clock.RealClock{}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithCancel(t.Context())
		d := New(Deps{Client: w.api, Reader: w.api, Spool: s, Sources: w.sources, Clock: clock.RealClock{}, Grace: 5 * time.Second})
		ended := make(chan error, 1)
		go func() { ended <- d.Start(ctx) }()
		send := func(at int, rule string, n int, filler string) {
			now := w.now.Add(time.Duration(at) * time.Second)
			e := envelope.Envelope{Tenant: tenant, Source: "falco", Format: "Falco", Received: now}
			for range n {
				e.Events = append(e.Events, fmt.Appendf(nil, `{"rule": %q, "time": %q, "output": %q}`, rule, now.Format(time.RFC3339Nano), filler))
			}
			p, err := e.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Append(ctx, tenant, p, e.Positions()); err != nil {
				t.Errorf("second %d: %s: %v", at, rule, err)
			}
		}
		filler, slow := strings.Repeat("x", 2000), 0.0
		for at := range 380 {
			if at < 320 || at%10 == 0 {
				send(at, "slow", 1, "")
			}
			if at >= 320 {
				send(at, "bulk", 100, filler)
			}
			<-clock.RealClock{}.After(time.Second)
			slow = max(slow, s.Filled(tenant))
		}
		if slow > 2*hurryFilled {
			t.Errorf("%.2f of the room was used, want not much more than %.2f", slow, hurryFilled)
		}
		cancel()
		<-ended
	})
}
