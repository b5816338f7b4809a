package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/internal/operator"
	"github.com/tocsin-dev/tocsin/test/environment"
)

// TestAPIServerIsAwayForTenMinutes takes the API server away for ten minutes of
// the process's clock, with a request in each second of them: all are accepted,
// and once it is back, all are counted once.
func TestAPIServerIsAwayForTenMinutes(t *testing.T) {
	for name, takeAway := range map[string]func(*testing.T, *apiServer) (bringBack func()){
		"killed": func(t *testing.T, s *apiServer) func() {
			s.signal(t, syscall.SIGKILL)
			return func() { s.startAgain(t) }
		},
		"silent": func(t *testing.T, s *apiServer) func() {
			s.signal(t, syscall.SIGSTOP)
			return func() { s.signal(t, syscall.SIGCONT) }
		},
	} {
		t.Run(name, func(t *testing.T) { tryAway(t, takeAway) })
	}
}

func tryAway(t *testing.T, takeAway func(*testing.T, *apiServer) func()) {
	cfg, c := environment.Start(t)
	ns := environment.Namespace(t, c)
	prepareSender(t, c, ns)
	fake := clocktesting.NewFakeClock(clock.RealClock{}.Now())
	dir := t.TempDir()
	url, end := runManager(t, cfg, fake, ns, dir)
	sent, next := newSent(), 0
	sendOne := func() error {
		next++
		return sent.send(t.Context(), url, request(next%senders, 0, next))
	}
	// The clock goes on ten times as fast as outside.
	stop := beside(t, func() { fake.Step(100 * time.Millisecond) }, 10*time.Millisecond)
	for range 20 {
		if err := sendOne(); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, "the first events are counted", func() error { return allCounted(t, c, ns, sent) })
	stop()

	bringBack := takeAway(t, findAPIServer(t, cfg))
	before := sent.acknowledged()
	for second := range 600 {
		fake.Step(time.Second)
		if err := sendOne(); err != nil {
			t.Fatalf("after %d seconds: %v", second, err)
		}
	}
	if came := sent.acknowledged() - before; came < 600 {
		t.Errorf("%d events were acknowledged meanwhile", came)
	}
	bringBack()
	stop = beside(t, func() { fake.Step(100 * time.Millisecond) }, 10*time.Millisecond)
	defer stop()
	poll(t, "all events are counted", func() error { return allCounted(t, c, ns, sent) })
	end()
	if left := spoolLeft(t, dir); left != 0 {
		t.Errorf("%d bytes are left in the spool", left)
	}
	if unsure := sent.check(t, c, ns); unsure > 0 {
		t.Errorf("%d events had no answer", unsure)
	}
}

func allCounted(t *testing.T, c client.Client, ns string, s *sent) error {
	t.Helper()
	if waiting(t, c, ns, s) {
		return fmt.Errorf("the source counts %d events, %d were acknowledged", received(sourceOf(t, c, ns)), s.acknowledged())
	}
	return nil
}

// runManager runs a manager by that clock, and returns where to post once its
// gateway answers.
func runManager(t *testing.T, cfg *rest.Config, by clock.WithTicker, ns, dir string) (url string, end func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mgr, err := operator.New(cfg, operator.Options{
		Clock: by, Namespaces: []string{ns}, MetricsAddress: "0", HealthAddress: "0", Repeatable: true,
		Gateway: &operator.GatewayOptions{Listener: listener, SpoolDir: dir, DrainTimeout: 15 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	url = fmt.Sprintf("http://%s/v1/sources/%s/falco", listener.Addr(), ns)
	poll(t, "the gateway answers", func() error {
		answer, err := post(t.Context(), url, nil)
		if err == nil && answer.status != http.StatusUnprocessableEntity { // The body is empty.
			err = fmt.Errorf("the gateway says %d", answer.status)
		}
		return err
	})
	return url, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// beside does something again and again until it is stopped.
func beside(t *testing.T, do func(), every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			do()
			<-clock.RealClock{}.After(every)
		}
	}()
	return func() { cancel(); <-ended }
}

// apiServer is the process of an API server that this test started.
type apiServer struct {
	process *os.Process
	command []string
	client  *http.Client
	url     string
}

// findAPIServer finds it among the children of this process, by its port.
func findAPIServer(t *testing.T, cfg *rest.Config) *apiServer {
	t.Helper()
	address := strings.Trim(strings.TrimPrefix(cfg.Host, "https:"), "/")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", os.Getpid()))
	if err != nil || len(children) == 0 {
		t.Skip("this system does not tell the children of a process")
	}
	trusting, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range children {
		list, _ := os.ReadFile(file)
		for _, child := range strings.Fields(string(list)) {
			line, _ := os.ReadFile("/proc/" + child + "/cmdline")
			if !bytes.Contains(line, []byte("--secure-port="+port+"\x00")) {
				continue
			}
			pid, _ := strconv.Atoi(child)
			process, err := os.FindProcess(pid)
			if err != nil {
				t.Fatal(err)
			}
			return &apiServer{
				process: process, command: strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00"),
				client: trusting, url: "https://" + address + "/readyz",
			}
		}
	}
	t.Fatalf("there is no API server at %s among the children", address)
	return nil
}

func (s *apiServer) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := s.process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// startAgain starts the same API server with the same etcd.
func (s *apiServer) startAgain(t *testing.T) {
	t.Helper()
	again := exec.Command(s.command[0], s.command[1:]...)
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(again.Process.Kill(), again.Wait()) })
	poll(t, "the API server is back", func() error {
		response, err := s.client.Get(s.url)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("it says %s", response.Status)
		}
		return nil
	})
}
