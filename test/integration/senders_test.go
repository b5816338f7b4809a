package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tocsin-dev/tocsin/test/builders"
)

const (
	senders = 6
	// quietRule is of events that are no alert, brokenRule of those that nobody can read.
	quietRule, brokenRule = "Falco internal: quiet", "broken"
	senderToken           = "a-token-for-tests"
)

// prepareSender makes the source that the senders send to.
func prepareSender(t *testing.T, c client.Client, ns string) {
	t.Helper()
	from := builders.AlertSource(ns, "falco")
	token := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: string(from.Spec.Auth.BearerToken.Name)},
		StringData: map[string]string{from.Spec.Auth.BearerToken.Key: senderToken},
	}
	for _, object := range []client.Object{from, token} {
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// fate is what the senders know of the events of one rule.
type fate struct{ acknowledged, unsure int64 }

// sent is what several senders sent, and what came back. Nothing is sent twice.
type sent struct {
	mu       sync.Mutex
	events   map[string]fate
	answered int
	running  sync.WaitGroup
}

func newSent() *sent { return &sent{events: map[string]fate{}} }

// begin starts the senders; end waits until they have stopped, as they do when
// ctx ends or nobody answers any more.
func (s *sent) begin(ctx context.Context, url string, round int) {
	for sender := range senders {
		s.running.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if s.send(ctx, url, request(sender, round, i)) != nil {
					return
				}
			}
		})
	}
}

func (s *sent) end() { s.running.Wait() }

// request are the rules of the events of one request: half of the senders send
// events that are all different, the others repeat some.
func request(sender, round, i int) []string {
	var rules []string
	for n := range 1 + i%5 {
		switch {
		case n == 3:
			rules = append(rules, quietRule)
		case n == 4:
			rules = append(rules, brokenRule)
		case sender%2 == 0 && n < 1:
			rules = append(rules, fmt.Sprintf("once %d/%d/%d", sender, round, i))
		default:
			rules = append(rules, fmt.Sprintf("again %d", (sender+i)%7))
		}
	}
	return rules
}

func (s *sent) send(ctx context.Context, url string, rules []string) error {
	var body bytes.Buffer
	for _, rule := range rules {
		if rule == brokenRule {
			body.WriteString("{\"priority\": 7}\n")
			continue
		}
		fmt.Fprintf(&body, "{\"rule\": %q, \"time\": %q}\n", rule, clock.RealClock{}.Now().UTC().Format(time.RFC3339Nano))
	}
	answer, err := post(ctx, url, body.Bytes())
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
		return err // Nothing was sent.
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered++
	for _, rule := range rules {
		f := s.events[rule]
		switch {
		case err != nil:
			f.unsure++
		case answer.status == http.StatusAccepted:
			f.acknowledged++
		}
		s.events[rule] = f
	}
	if err == nil && answer.status != http.StatusAccepted && answer.status != http.StatusServiceUnavailable {
		err = fmt.Errorf("the gateway says %d: %s", answer.status, answer.body)
	}
	return err
}

// acknowledged counts the events.
func (s *sent) acknowledged() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.events {
		n += f.acknowledged
	}
	return n
}

func (s *sent) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answered
}

// await waits until so many requests were sent in all.
func (s *sent) await(t *testing.T, requests int) {
	t.Helper()
	poll(t, "senders send", func() error {
		if now := s.requests(); now < requests {
			return fmt.Errorf("%d requests, want %d", now, requests)
		}
		return nil
	})
}

type answer struct {
	status int
	body   string
}

// post sends a body. An error means that there was no whole answer.
func post(ctx context.Context, url string, body []byte) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+senderToken)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err == nil && !json.Valid(said) {
		err = errors.New("the answer is cut off")
	}
	return answer{response.StatusCode, string(said)}, err
}
