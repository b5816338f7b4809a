package spool

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// crashPath is set in the child process that is killed.
const crashPath = "TOCSIN_SPOOL_CRASH_PATH"

// TestMain becomes the child: it appends without end and says what was acknowledged.
func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		appendForever(context.Background(), path) //nolint:forbidigo // This is the main of the child, not a test.
		return
	}
	os.Exit(m.Run())
}

func appendForever(ctx context.Context, path string) {
	s, err := Open(Options{Path: path})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for worker := range 16 {
		go func() {
			for i := 0; ; i++ {
				payload := fmt.Sprintf("%d/%d/%d", os.Getpid(), worker, i)
				p, err := s.Append(ctx, tenant, []byte(payload), 1)
				if err != nil {
					fmt.Println("error", err)
					return
				}
				// One write to a pipe of less than 4 KiB is whole or not there.
				fmt.Printf("%d %s\n", p, payload)
				if i%50 == 49 && worker == 0 {
					_ = s.Delete(tenant, p/2)
				}
			}
		}()
	}
	select {}
}

// TestKilledUnderLoad kills the process again and again: what it acknowledged
// is in the file, at the position that it said, and nothing is there twice.
func TestKilledUnderLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	acknowledged := map[string]Position{}
	for round := range 5 {
		for payload, p := range runAndKill(t, path, 300+100*round) {
			acknowledged[payload] = p
		}
		checkAcknowledged(t, path, acknowledged)
	}
}

func runAndKill(t *testing.T, path string, acks int) map[string]Position {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashPath+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[string]Position{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var p Position
		var payload string
		if n, _ := fmt.Sscanf(lines.Text(), "%d %s", &p, &payload); n != 2 {
			t.Errorf("the child says %q", lines.Text())
			break
		}
		acknowledged[payload] = p
		if len(acknowledged) == acks {
			_ = child.Process.Signal(syscall.SIGKILL)
		}
	}
	_ = child.Wait()
	return acknowledged
}

func checkAcknowledged(t *testing.T, path string, acknowledged map[string]Position) {
	t.Helper()
	s := newSpool(t, Options{Path: path})
	defer s.Close()
	batches, err := s.Read(t.Context(), tenant, 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]Position{}
	for _, b := range batches {
		if _, twice := there[string(b.Payload)]; twice {
			t.Errorf("%s is there twice", b.Payload)
		}
		there[string(b.Payload)] = b.First
	}
	missing := []string{}
	for payload, p := range acknowledged {
		if there[payload] != p && p >= batches[0].First {
			missing = append(missing, fmt.Sprintf("%s at %d", payload, p))
		}
	}
	if len(missing) > 0 {
		t.Errorf("%d of %d acknowledged are lost: %s", len(missing), len(acknowledged), strings.Join(missing[:1], ""))
	}
}
