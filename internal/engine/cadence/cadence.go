// Package cadence says how far apart a count is written that keeps growing: the
// news of something new are the next second's, those of an old noise can wait.
package cadence

import "time"

const (
	// Shortest is the least time between two writes of one object.
	Shortest = time.Second
	// Longest is how late a count is at most. It is half of what a source may be
	// late before it says so.
	Longest = time.Minute
)

// Next is how long to wait after a write of nothing but a count, where before it
// was waited for so long and the write before was so long ago: twice as long, up to
// Longest. What was quiet for twice Longest begins anew.
func Next(before, ago time.Duration) time.Duration {
	if before < Shortest || ago >= 2*Longest {
		return Shortest
	}
	return min(2*before, Longest)
}
