package source

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

var began = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// TestThrottle sends to a throttle of 10 a second with a burst of 20.
func TestThrottle(t *testing.T) {
	type request struct {
		at   time.Duration
		n    int
		wait time.Duration
	}
	for name, requests := range map[string][]request{
		"a burst, and then the rate": {{0, 20, 0}, {0, 1, 100 * time.Millisecond}, {100 * time.Millisecond, 1, 0}, {100 * time.Millisecond, 5, 500 * time.Millisecond}},
		"nothing of what is refused counts": {
			{0, 15, 0}, {0, 10, 500 * time.Millisecond}, {0, 10, 500 * time.Millisecond}, {500 * time.Millisecond, 10, 0},
		},
		"more than the burst, when that is whole": {
			{0, 1, 0}, {0, 50, 100 * time.Millisecond}, {100 * time.Millisecond, 50, 0},
			{time.Second, 1, 2200 * time.Millisecond}, {3200 * time.Millisecond, 1, 0}, {3200 * time.Millisecond, 50, 2 * time.Second},
		},
		"a long quiet time is one burst": {{0, 20, 0}, {time.Hour, 20, 0}, {time.Hour, 1, 100 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			throttle := NewThrottle(10, 20)
			for i, r := range requests {
				if wait := throttle.Take(r.n, began.Add(r.at)).Round(time.Millisecond); wait != r.wait {
					t.Errorf("request %d has to wait %s, want %s", i, wait, r.wait)
				}
			}
		})
	}
}

// TestNothingIsTakenAboveTheRate: over any time, whatever the sizes of requests,
// a source that insists gets no more than its rate beside one request.
func TestNothingIsTakenAboveTheRate(t *testing.T) {
	throttle, taken := NewThrottle(100, 10), 0
	const end, largest = 100 * time.Second, 37
	for at := time.Duration(0); at < end; at += 7 * time.Millisecond {
		if n := 1 + int(at/time.Millisecond)%largest; throttle.Take(n, began.Add(at)) == 0 {
			taken += n
		}
	}
	if want := int(end/time.Second) * 100; taken < want*98/100 || taken > want+largest+10 {
		t.Errorf("%d events were taken, want %d", taken, want)
	}
}

func TestReady(t *testing.T) {
	throttle := NewThrottle(10, 20)
	if wait := throttle.Ready(began); wait != 0 || !throttle.LastRefused().IsZero() {
		t.Errorf("a new throttle waits %s, refused at %s", wait, throttle.LastRefused())
	}
	throttle.Take(30, began)
	if wait := throttle.Ready(began); wait.Round(time.Millisecond) != 1100*time.Millisecond || !throttle.LastRefused().Equal(began) {
		t.Errorf("it waits %s, refused at %s", wait, throttle.LastRefused())
	}
	if none := (*Throttle)(nil); none.Ready(began) != 0 || none.Take(1_000_000, began) != 0 || !none.LastRefused().IsZero() {
		t.Error("no throttle throttles")
	}
}

// TestGiveBack: what was given back can be taken again, but no more than a burst
// gathers.
func TestGiveBack(t *testing.T) {
	throttle := NewThrottle(10, 20)
	throttle.Take(50, began)
	throttle.GiveBack(50, began)
	if wait := throttle.Take(20, began); wait != 0 {
		t.Errorf("what was given back is missing for %s", wait)
	}
	throttle.GiveBack(20, began.Add(time.Minute))
	if throttle.Take(20, began.Add(time.Minute)) != 0 || throttle.Take(1, began.Add(time.Minute)) == 0 {
		t.Error("after a quiet time it is not one burst that can be taken")
	}
	(*Throttle)(nil).GiveBack(1, began)
}

// TestThrottleOutlivesASpec: what was sent goes on to count, unless the limits change.
func TestThrottleOutlivesASpec(t *testing.T) {
	r, key := NewRegistry(), types.NamespacedName{Namespace: "shop", Name: "falco"}
	set := func(perSecond, burst int) *Throttle {
		r.Set(Source{Key: key, Throttle: NewThrottle(perSecond, burst)})
		s, _ := r.Get(key)
		return s.Throttle
	}
	set(10, 20).Take(20, began)
	if set(10, 20).Take(1, began) == 0 {
		t.Error("the same limits begin anew")
	}
	if got := r.Throttled(); len(got) != 1 || !got[key].Equal(began) {
		t.Errorf("throttled are %v", got)
	}
	for name, limits := range map[string][2]int{"rate": {11, 20}, "burst": {11, 21}} {
		if set(limits[0], limits[1]).Take(20, began) != 0 {
			t.Errorf("another %s is not in force", name)
		}
	}
	if got := r.Throttled(); len(got) != 0 {
		t.Errorf("throttled are %v", got)
	}
}
