package auth

import (
	"errors"
	"net/http/httptest"
	"testing"
)

func secrets(values ...string) Settings {
	var s Settings
	for _, value := range values {
		s.Secrets = append(s.Secrets, []byte(value))
	}
	return s
}

func TestVerify(t *testing.T) {
	const token = "correct horse battery staple"
	for name, tc := range map[string]struct {
		reason  string
		method  Method
		headers []string
		query   string
		open    bool
	}{
		"right token":            {method: New(BearerToken, secrets(token)), headers: []string{"Bearer " + token}, open: true},
		"scheme in lower case":   {reason: "schemes ignore case", method: New(BearerToken, secrets(token)), headers: []string{"bearer " + token}, open: true},
		"line feed in the file":  {reason: "a Secret made from a file ends with one", method: New(BearerToken, secrets(token+"\n")), headers: []string{"Bearer " + token}, open: true},
		"old token in rotation":  {method: New(BearerToken, secrets("new", token)), headers: []string{"Bearer " + token}, open: true},
		"new token in rotation":  {method: New(BearerToken, secrets("new", token)), headers: []string{"Bearer new"}, open: true},
		"no header":              {method: New(BearerToken, secrets(token))},
		"wrong token":            {method: New(BearerToken, secrets(token)), headers: []string{"Bearer wrong"}},
		"part of the token":      {method: New(BearerToken, secrets(token)), headers: []string{"Bearer correct"}},
		"more than the token":    {method: New(BearerToken, secrets(token)), headers: []string{"Bearer " + token + "x"}},
		"empty token":            {method: New(BearerToken, secrets(token)), headers: []string{"Bearer "}},
		"no token":               {method: New(BearerToken, secrets(token)), headers: []string{"Bearer"}},
		"another scheme":         {method: New(BearerToken, secrets(token)), headers: []string{"Basic " + token}},
		"no scheme":              {method: New(BearerToken, secrets(token)), headers: []string{token}},
		"two headers":            {reason: "proxies read one, we the other", method: New(BearerToken, secrets(token)), headers: []string{"Bearer wrong", "Bearer " + token}},
		"token in the query":     {reason: "queries end up in logs", method: New(BearerToken, secrets(token)), query: "?access_token=x"},
		"empty key":              {reason: "an empty Secret opens nothing", method: New(BearerToken, secrets("")), headers: []string{"Bearer "}},
		"blank key":              {reason: "nor does a blank one", method: New(BearerToken, secrets(" \n")), headers: []string{"Bearer  "}},
		"no key":                 {reason: "nor does none", method: New(BearerToken, secrets()), headers: []string{"Bearer "}},
		"no key, but a token":    {method: New(BearerToken, secrets()), headers: []string{"Bearer x"}},
		"unknown method":         {reason: "a typing error opens nothing", method: New("Bearer", secrets(token)), headers: []string{"Bearer " + token}},
		"no method":              {method: New("", Settings{}), headers: []string{"Bearer "}},
		"hash instead of token":  {method: New(BearerToken, secrets(token)), headers: []string{"Bearer \x00"}},
		"another source's token": {method: New(BearerToken, secrets(token)), headers: []string{"Bearer battery"}},
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
