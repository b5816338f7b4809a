package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// reviewHolds is how long an answer of the API server holds: a token that is
	// withdrawn or expires is let in that long.
	reviewHolds = time.Minute
	// reviewTimeout is how long one is waited for. Nothing is asked twice.
	reviewTimeout = 5 * time.Second
	// maxReviewed bounds the tokens that are remembered. One too many costs another
	// forgotten one a question.
	maxReviewed = 1024
)

// Creator sends a review to the API server.
type Creator interface {
	Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error
}

// TokenReviewer asks the API server whose token it is. It is safe for use by many.
type TokenReviewer struct {
	api   Creator
	clock clock.PassiveClock

	mu       sync.Mutex
	reviewed map[sum]reviewed
}

// reviewed is whose token it is, and until when that is known.
type reviewed struct {
	user    string
	expires time.Time
}

// NewTokenReviewer makes one that knows no token yet.
func NewTokenReviewer(api Creator, clock clock.PassiveClock) *TokenReviewer {
	return &TokenReviewer{api: api, clock: clock, reviewed: map[sum]reviewed{}}
}

// Review tells whose token it is. It remembers only tokens that are valid, so that
// strangers cannot fill its memory.
func (t *TokenReviewer) Review(ctx context.Context, token string, pace flowcontrol.PassiveRateLimiter) (string, error) {
	key := sum(sha256.Sum256([]byte(token)))
	if user, known := t.known(key); known {
		return user, nil
	}
	if !pace.TryAccept() {
		return "", fmt.Errorf("%w: too many unknown tokens", ErrUnavailable)
	}
	user, err := t.ask(ctx, token)
	if err != nil {
		return "", err
	}
	t.remember(key, user)
	return user, nil
}

// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create

func (t *TokenReviewer) ask(ctx context.Context, token string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{Audience}}}
	if err := t.api.Create(ctx, review); err != nil {
		logf.FromContext(ctx).Error(err, "Reviewing a sender's token failed")
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	// An API server that knows no audiences returns none, and has not checked ours.
	if !review.Status.Authenticated || review.Status.User.Username == "" || !slices.Contains(review.Status.Audiences, Audience) {
		return "", ErrDenied
	}
	return review.Status.User.Username, nil
}

func (t *TokenReviewer) known(key sum) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.reviewed[key]
	if !ok || !t.clock.Now().Before(found.expires) {
		return "", false
	}
	return found.user, true
}

func (t *TokenReviewer) remember(key sum, user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	if len(t.reviewed) >= maxReviewed {
		t.makeRoom(now)
	}
	t.reviewed[key] = reviewed{user: user, expires: now.Add(reviewHolds)}
}

// makeRoom forgets the tokens that expired, or any one if none has.
func (t *TokenReviewer) makeRoom(now time.Time) {
	for key, r := range t.reviewed {
		if !now.Before(r.expires) {
			delete(t.reviewed, key)
		}
	}
	for key := range t.reviewed {
		if len(t.reviewed) < maxReviewed {
			return
		}
		delete(t.reviewed, key)
	}
}
