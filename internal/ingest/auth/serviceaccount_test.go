package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/flowcontrol"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// apiServer answers reviews; answer is what it says of every token.
type apiServer struct {
	answer authenticationv1.TokenReviewStatus
	err    error
	asked  []authenticationv1.TokenReviewSpec
}

func (a *apiServer) Create(ctx context.Context, object client.Object, _ ...client.CreateOption) error {
	review := object.(*authenticationv1.TokenReview)
	a.asked = append(a.asked, review.Spec)
	if _, bounded := ctx.Deadline(); !bounded {
		return errors.New("the question has no deadline")
	}
	review.Status = a.answer
	return a.err
}

func says(user string, audiences ...string) authenticationv1.TokenReviewStatus {
	return authenticationv1.TokenReviewStatus{Authenticated: true, User: authenticationv1.UserInfo{Username: user}, Audiences: audiences}
}

const falco = "system:serviceaccount:shop:falco"

func TestServiceAccount(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		api    apiServer
		header string
		names  []string
		want   error
		asked  bool
	}{
		"right":                   {api: apiServer{answer: says(falco, Audience)}, asked: true},
		"another audience":        {reason: "a token for another service is not for us", api: apiServer{answer: says(falco, "https://kubernetes.default.svc")}, want: ErrDenied, asked: true},
		"no audience":             {reason: "the authenticator did not check ours", api: apiServer{answer: says(falco)}, want: ErrDenied, asked: true},
		"expired":                 {api: apiServer{answer: authenticationv1.TokenReviewStatus{Error: "token has expired"}}, want: ErrDenied, asked: true},
		"refused with a name":     {api: apiServer{answer: authenticationv1.TokenReviewStatus{User: authenticationv1.UserInfo{Username: falco}, Audiences: []string{Audience}}}, want: ErrDenied, asked: true},
		"another namespace":       {api: apiServer{answer: says("system:serviceaccount:bank:falco", Audience)}, want: ErrDenied, asked: true},
		"another service account": {api: apiServer{answer: says("system:serviceaccount:shop:default", Audience)}, want: ErrDenied, asked: true},
		"a person of that name":   {api: apiServer{answer: says("falco", Audience)}, want: ErrDenied, asked: true},
		"nobody":                  {api: apiServer{answer: says("", Audience)}, want: ErrDenied, asked: true},
		"the API server is away":  {api: apiServer{err: apierrors.NewServiceUnavailable("away")}, want: ErrUnavailable, asked: true},
		"no right to ask":         {api: apiServer{err: apierrors.NewForbidden(authenticationv1.Resource("tokenreviews"), "", nil)}, want: ErrUnavailable, asked: true},
		"no token":                {header: "Bearer ", want: ErrDenied},
		"another scheme":          {header: "Basic x", want: ErrDenied},
		"nobody is allowed":       {api: apiServer{answer: says(falco, Audience)}, names: []string{""}, want: ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.header == "" {
				tc.header = "Bearer token"
			}
			if tc.names == nil {
				tc.names = []string{"trivy", "falco"}
			}
			clock := clocktesting.NewFakePassiveClock(now)
			method := NewServiceAccount("shop", tc.names, NewTokenReviewer(&tc.api, clock), NewMemory(clock).Pace)
			r := httptest.NewRequest("POST", "/", nil)
			r.Header.Set("Authorization", tc.header)
			if err := method.Verify(r, nil); !errors.Is(err, tc.want) {
				t.Errorf("err = %v, want %v %s", err, tc.want, tc.reason)
			}
			if len(tc.api.asked) > 0 != tc.asked {
				t.Fatalf("asked: %v", tc.api.asked)
			}
			for _, question := range tc.api.asked {
				if question.Token != "token" || len(question.Audiences) != 1 || question.Audiences[0] != Audience {
					t.Errorf("asked: %v", question)
				}
			}
		})
	}
}

// TestReviewsAreRemembered for a minute, if they were good.
func TestReviewsAreRemembered(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(now)
	api := &apiServer{answer: says(falco, Audience)}
	reviewer := NewTokenReviewer(api, clock)
	pace := flowcontrol.NewFakeAlwaysRateLimiter()
	review := func(want error, asked int) {
		t.Helper()
		if user, err := reviewer.Review(t.Context(), "token", pace); !errors.Is(err, want) || err == nil && user != falco || len(api.asked) != asked {
			t.Errorf("%s, %v; asked %d times, want %v, %d times", user, err, len(api.asked), want, asked)
		}
	}
	review(nil, 1)
	api.answer = authenticationv1.TokenReviewStatus{Error: "token has expired"}
	clock.SetTime(now.Add(reviewHolds - time.Nanosecond))
	review(nil, 1)
	clock.SetTime(now.Add(reviewHolds))
	review(ErrDenied, 2)
	review(ErrDenied, 3)
	api.answer, api.err = says(falco, Audience), apierrors.NewServiceUnavailable("away")
	review(ErrUnavailable, 4)
	api.err = nil
	review(nil, 5)
}

// TestReviewedIsBounded: many valid tokens do not fill the memory.
func TestReviewedIsBounded(t *testing.T) {
	reviewer := NewTokenReviewer(&apiServer{answer: says(falco, Audience)}, clocktesting.NewFakePassiveClock(now))
	for i := range maxReviewed + 10 {
		if _, err := reviewer.Review(t.Context(), fmt.Sprint(i), flowcontrol.NewFakeAlwaysRateLimiter()); err != nil {
			t.Fatal(err)
		}
	}
	if len(reviewer.reviewed) != maxReviewed {
		t.Errorf("%d are remembered", len(reviewer.reviewed))
	}
}

// TestQuestionsArePaced: a stranger who tries tokens does not make the gateway
// flood the API server, and does not keep those out whose token is known.
func TestQuestionsArePaced(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(now)
	api := &apiServer{answer: says(falco, Audience)}
	reviewer, memory := NewTokenReviewer(api, clock), NewMemory(clock)
	verify := func(token string) error {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		return NewServiceAccount("shop", []string{"falco"}, reviewer, memory.Pace).Verify(r, nil)
	}
	if err := verify("right"); err != nil {
		t.Fatal(err)
	}
	api.answer = authenticationv1.TokenReviewStatus{}
	var last error
	for i := range 100 {
		last = verify(fmt.Sprint("wrong", i))
	}
	if !errors.Is(last, ErrUnavailable) || len(api.asked) != reviewsBurst {
		t.Errorf("%v, asked %d times", last, len(api.asked))
	}
	if err := verify("right"); err != nil {
		t.Error(err)
	}
}
