package auth

import (
	"errors"
	"net/http/httptest"
	"testing"
)

func TestBearer(t *testing.T) {
	const token = "correct-horse-battery-staple"
	for name, tc := range map[string]struct {
		reason  string
		method  Method
		headers []string
		query   string
		open    bool
	}{
		"right token":            {method: NewBearer([]byte(token)), headers: []string{"Bearer " + token}, open: true},
		"scheme in lower case":   {reason: "schemes ignore case", method: NewBearer([]byte(token)), headers: []string{"bearer " + token}, open: true},
		"line feed in the file":  {reason: "a Secret made from a file ends with one", method: NewBearer([]byte(token + "\n")), headers: []string{"Bearer " + token}, open: true},
		"old token in rotation":  {method: NewBearer([]byte("new\n" + token)), headers: []string{"Bearer " + token}, open: true},
		"new token in rotation":  {method: NewBearer([]byte("new\n" + token)), headers: []string{"Bearer new"}, open: true},
		"no header":              {method: NewBearer([]byte(token))},
		"wrong token":            {method: NewBearer([]byte(token)), headers: []string{"Bearer wrong"}},
		"part of the token":      {method: NewBearer([]byte(token)), headers: []string{"Bearer correct"}},
		"more than the token":    {method: NewBearer([]byte(token)), headers: []string{"Bearer " + token + "x"}},
		"empty token":            {method: NewBearer([]byte(token)), headers: []string{"Bearer "}},
		"no token":               {method: NewBearer([]byte(token)), headers: []string{"Bearer"}},
		"another scheme":         {method: NewBearer([]byte(token)), headers: []string{"Basic " + token}},
		"no scheme":              {method: NewBearer([]byte(token)), headers: []string{token}},
		"two headers":            {reason: "proxies read one, we the other", method: NewBearer([]byte(token)), headers: []string{"Bearer wrong", "Bearer " + token}},
		"token in the query":     {reason: "queries end up in logs", method: NewBearer([]byte(token)), query: "?access_token=x"},
		"empty key":              {reason: "an empty Secret opens nothing", method: NewBearer([]byte("")), headers: []string{"Bearer "}},
		"blank key":              {reason: "nor does a blank one", method: NewBearer([]byte(" \n")), headers: []string{"Bearer  "}},
		"no key":                 {reason: "nor does none", method: NewBearer(nil), headers: []string{"Bearer "}},
		"no key, but a token":    {method: NewBearer(nil), headers: []string{"Bearer x"}},
		"no method":              {method: Closed{}, headers: []string{"Bearer "}},
		"hash instead of token":  {method: NewBearer([]byte(token)), headers: []string{"Bearer \x00"}},
		"another source's token": {method: NewBearer([]byte(token)), headers: []string{"Bearer battery"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/v1/sources/a/b"+tc.query, nil)
			for _, header := range tc.headers {
				r.Header.Add("Authorization", header)
			}
			err := tc.method.Verify(r, func() ([]byte, error) {
				t.Error("the body of a stranger was read")
				return nil, nil
			})
			if (err == nil) != tc.open || err != nil && !errors.Is(err, ErrDenied) {
				t.Errorf("err = %v, want open %v %s", err, tc.open, tc.reason)
			}
		})
	}
}
