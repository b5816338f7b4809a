package auth

import (
	"context"
	"net/http"

	"k8s.io/client-go/util/flowcontrol"
)

// Audience is what a service account's token must be for.
const Audience = "tocsin.dev"

// Reviewer tells whose token it is. It returns ErrDenied, or ErrUnavailable where
// nobody can tell; pace bounds how often it asks.
type Reviewer interface {
	Review(ctx context.Context, token string, pace flowcontrol.PassiveRateLimiter) (user string, err error)
}

type serviceAccount struct {
	reviewer Reviewer
	pace     flowcontrol.PassiveRateLimiter
	users    map[string]bool
}

// NewServiceAccount takes tokens of service accounts of one namespace.
func NewServiceAccount(namespace string, names []string, reviewer Reviewer, pace flowcontrol.PassiveRateLimiter) Method {
	s := serviceAccount{reviewer: reviewer, pace: pace, users: map[string]bool{}}
	for _, name := range names {
		if namespace != "" && name != "" {
			s.users["system:serviceaccount:"+namespace+":"+name] = true
		}
	}
	return s
}

func (s serviceAccount) Verify(r *http.Request, _ Body) error {
	token, ok := bearerToken(r)
	if !ok || len(s.users) == 0 || s.reviewer == nil {
		return ErrDenied
	}
	user, err := s.reviewer.Review(r.Context(), token, s.pace)
	if err != nil {
		return err
	}
	if !s.users[user] {
		return ErrDenied
	}
	return nil
}
