package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// stopTimeout is how long a process may take to end once it is told to.
	stopTimeout = 30 * time.Second
	// maxExits is how often a process may give up by itself in one run.
	maxExits = 3
)

// supervise keeps a process running, as a kubelet does: when it crashes or
// gives up, a fresh one follows. It ends with the context.
func (r *Run) supervise(ctx context.Context, s Scenario) error {
	for exits := 0; ctx.Err() == nil; {
		crashed, err := r.live(ctx, s)
		if err == nil || crashed {
			continue
		}
		r.logs.add("process gave up: " + err.Error())
		if exits++; exits > maxExits {
			return fmt.Errorf("the process gave up %d times: %w", exits, err)
		}
	}
	return nil
}

// live is the life of one process.
func (r *Run) live(ctx context.Context, s Scenario) (crashed bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	line := r.Wire.Line()
	r.mu.Lock()
	r.line = line
	r.mu.Unlock()
	process, err := s.Process(&Process{Config: line.Config(r.Config), Logger: r.logs.logger(), Run: r})
	if err != nil {
		return false, fmt.Errorf("making the process: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Start(ctx) }()
	select {
	case err := <-ended:
		if err == nil && ctx.Err() == nil {
			err = errors.New("ended without being told to")
		}
		return false, err
	case <-line.Crashed():
		crashed = true
	case <-ctx.Done():
	}
	cancel()
	select {
	case err := <-ended:
		line.Crash()
		return crashed, err
	case <-time.After(stopTimeout):
		return false, fmt.Errorf("the process has not ended %s after it was told to", stopTimeout)
	}
}

// Restart ends the process, and waits until a fresh one sees the cluster.
func (r *Run) Restart(ctx context.Context) error {
	r.mu.Lock()
	former := r.line
	r.mu.Unlock()
	former.Crash()
	err := wait.PollUntilContextTimeout(ctx, pollInterval, stopTimeout, true, func(context.Context) (bool, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.line != former, nil
	})
	if err != nil {
		return fmt.Errorf("no fresh process: %w", err)
	}
	return r.ready(ctx)
}

// logBuffer keeps the newest lines that were logged.
type logBuffer struct {
	mu    sync.Mutex
	lines []string
	limit int
}

func newLogBuffer(limit int) *logBuffer { return &logBuffer{limit: limit} }

func (b *logBuffer) add(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
	b.lines = b.lines[max(0, len(b.lines)-b.limit):]
}

// about returns the lines that speak of something.
func (b *logBuffer) about(word string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for _, line := range b.lines {
		if strings.Contains(line, word) {
			lines = append(lines, line)
		}
	}
	return lines
}

func (b *logBuffer) logger() logr.Logger {
	return funcr.New(func(prefix, args string) { b.add(prefix + " " + args) }, funcr.Options{LogTimestamp: true, TimestampFormat: "05.000"})
}
