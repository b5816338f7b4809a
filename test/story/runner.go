package story

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Step is one part of the story.
type Step struct {
	Title string
	// Limit is how long it may take.
	Limit time.Duration
	Run   func(context.Context, *World) error
	// Look says where to look when it fails: commands and files.
	Look func(*World) []string
}

// Steps are the story, from the beginning to its end.
func Steps() []Step {
	return []Step{
		{Title: "Tidy up after an earlier run", Limit: 90 * time.Second, Run: tidy, Look: lookSystem},
		{Title: "Install Tocsin with its charts", Limit: 90 * time.Second, Run: install, Look: lookSystem},
		{Title: "A small shop, and the tenant that looks after it", Limit: 60 * time.Second, Run: settle, Look: lookTenant},
		{Title: "The attack", Limit: 45 * time.Second, Run: attack, Look: lookShop},
		{Title: "The alerts", Limit: 60 * time.Second, Run: alerts, Look: lookSources},
		{Title: "One incident, and why each alert is in it", Limit: 30 * time.Second, Run: incident, Look: lookTenant},
		{Title: "The investigation and its verdicts", Limit: 90 * time.Second, Run: investigation, Look: lookJobs},
		{Title: "The pod is cut off, without waiting for anyone", Limit: 60 * time.Second, Run: isolation, Look: lookRemediations},
		{Title: "Deleting waits for a person, and not for just any", Limit: 60 * time.Second, Run: approval, Look: lookRemediations},
		{Title: "Nobody approves their own request", Limit: 30 * time.Second, Run: fourEyes, Look: lookRemediations},
		{Title: "The incident is resolved", Limit: 60 * time.Second, Run: resolution, Look: lookTenant},
	}
}

// Play runs one step, and says how long it took or what did not come.
func (w *World) Play(ctx context.Context, number int, step Step) error {
	w.heading(number, step.Title)
	began := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, step.Limit, fmt.Errorf("did not come within %s", step.Limit))
	defer cancel()
	err := step.Run(limited, w)
	if err == nil {
		w.note("(%.1f s)", time.Since(began).Seconds())
		return nil
	}
	w.say("\nFAILED after %.1f s: %v", time.Since(began).Seconds(), err)
	w.say("Where to look:")
	for _, line := range step.Look(w) {
		w.say("  %s", line)
	}
	return fmt.Errorf("step %d, %q: %w", number, step.Title, err)
}

// Every asks again and again until there is no error, or the step's time is up.
func Every(ctx context.Context, what string, check func(context.Context) error) error {
	last := errors.New("never asked")
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s %w; last seen: %w", what, context.Cause(ctx), last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
