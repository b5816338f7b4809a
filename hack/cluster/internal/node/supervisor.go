package node

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/tocsin-dev/tocsin/hack/cluster/internal/state"
)

// restartDelay keeps a process that cannot run from taking the whole machine.
const restartDelay = time.Second

// supervisor keeps the cluster's processes running. As the init process it
// also collects the processes that others leave behind.
type supervisor struct {
	dir      state.Dir
	children chan os.Signal

	mu      sync.Mutex
	running map[int]Process
}

func newSupervisor(dir state.Dir) *supervisor {
	s := &supervisor{dir: dir, running: map[int]Process{}, children: make(chan os.Signal, 1)}
	signal.Notify(s.children, syscall.SIGCHLD)
	return s
}

// startAll starts the processes stage by stage.
func (s *supervisor) startAll(ctx context.Context, spec Spec) {
	for _, stage := range spec.Stages {
		for _, process := range stage {
			s.start(process)
		}
		for _, process := range stage {
			if err := awaitReady(ctx, process.Ready, spec.Dir.Path("pki/ca.crt")); err != nil {
				log.Printf("%s: %v; starting the others all the same", process.Name, err)
			}
		}
	}
}

func (s *supervisor) start(process Process) {
	// The lock is held until the process is known, so that its end, however
	// soon, finds it.
	s.mu.Lock()
	defer s.mu.Unlock()
	pid, err := s.launch(process)
	if err != nil {
		log.Printf("%s: %v", process.Name, err)
		time.AfterFunc(restartDelay, func() { s.start(process) })
		return
	}
	log.Printf("%s: started", process.Name)
	s.running[pid] = process
}

func (s *supervisor) launch(process Process) (int, error) {
	path, err := exec.LookPath(process.Arguments[0])
	if err != nil {
		return 0, err
	}
	out, err := os.OpenFile(s.dir.Log(process.Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("opening its log: %w", err)
	}
	defer out.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	// Not os/exec: it would wait for the process itself, against reap.
	return syscall.ForkExec(path, process.Arguments, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), out.Fd(), out.Fd()},
	})
}

// reap waits for processes to end, and starts the cluster's own again.
func (s *supervisor) reap(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.children:
		}
		for {
			var status syscall.WaitStatus
			// One signal may stand for several children.
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || pid <= 0 {
				break
			}
			s.ended(pid, status)
		}
	}
}

func (s *supervisor) ended(pid int, status syscall.WaitStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	process, ours := s.running[pid]
	if !ours {
		return
	}
	delete(s.running, pid)
	log.Printf("%s: ended (exit code %d, signal %d), see %s; starting it again", process.Name, status.ExitStatus(), status.Signal(), s.dir.Log(process.Name))
	time.AfterFunc(restartDelay, func() { s.start(process) })
}
