package auth

import (
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/clock"
)

// How often a source asks the API server about tokens that it does not know. A
// sender keeps its token for minutes or more; a stranger may try as many as it likes.
const (
	reviewsPerSecond = 5
	reviewsBurst     = 20
)

// Memory is what outlives a change of a source's Secrets.
type Memory struct {
	// Seen are the signatures that were let in.
	Seen Seen
	// Pace bounds the questions to the API server.
	Pace flowcontrol.PassiveRateLimiter
}

// NewMemory remembers nothing yet.
func NewMemory(clock clock.PassiveClock) *Memory {
	return &Memory{Pace: flowcontrol.NewTokenBucketPassiveRateLimiterWithClock(reviewsPerSecond, reviewsBurst, clock)}
}
