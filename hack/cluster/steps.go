package main

import (
	"fmt"
	"io"
	"time"
)

// steps tells people what is done and how long it took.
type steps struct {
	out         io.Writer
	start, last time.Time
}

func newSteps(out io.Writer) *steps {
	now := time.Now()
	return &steps{out: out, start: now, last: now}
}

// done says that a step is done, and how long it took.
func (s *steps) done(what string) {
	now := time.Now()
	fmt.Fprintf(s.out, "%6.1fs  %s\n", now.Sub(s.last).Seconds(), what)
	s.last = now
}

// say says something that took no time.
func (s *steps) say(what string) { fmt.Fprintln(s.out, what) }

// total is the time since the first step began.
func (s *steps) total() time.Duration { return time.Since(s.start).Round(100 * time.Millisecond) }
