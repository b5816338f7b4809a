package auth

import (
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"testing"
)

func TestBasic(t *testing.T) {
	encode := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	method := NewBasic([]byte("falco\n"), []byte("old secret\nnew\r\n\n"))
	for name, tc := range map[string]struct {
		reason  string
		method  Method
		headers []string
		open    bool
	}{
		"right":                  {headers: []string{encode("falco:old secret")}, open: true},
		"the second password":    {headers: []string{encode("falco:new")}, open: true},
		"scheme in lower case":   {headers: []string{"b" + encode("falco:new")[1:]}, open: true},
		"wrong password":         {headers: []string{encode("falco:wrong")}},
		"wrong user":             {headers: []string{encode("tetragon:new")}},
		"both swapped":           {headers: []string{encode("new:falco")}},
		"user in another case":   {headers: []string{encode("Falco:new")}},
		"all passwords at once":  {headers: []string{encode("falco:old secret\nnew")}},
		"empty password":         {headers: []string{encode("falco:")}},
		"nothing":                {headers: []string{encode(":")}},
		"no colon":               {headers: []string{encode("falco")}},
		"not Base64":             {headers: []string{"Basic falco:new"}},
		"as a token":             {headers: []string{"Bearer new"}},
		"no header":              {},
		"two headers":            {reason: "proxies read one, we the other", headers: []string{encode("falco:new"), encode("falco:wrong")}},
		"empty Secret":           {reason: "an empty Secret opens nothing", method: NewBasic(nil, nil), headers: []string{encode(":")}},
		"blank Secret":           {method: NewBasic([]byte(" "), []byte("\n \n")), headers: []string{encode(" : ")}},
		"no user in the Secret":  {method: NewBasic([]byte("\n"), []byte("new")), headers: []string{encode(":new")}},
		"no password in Secret":  {method: NewBasic([]byte("falco"), nil), headers: []string{encode("falco:")}},
		"password with a colon":  {method: NewBasic([]byte("falco"), []byte("a:b")), headers: []string{encode("falco:a:b")}, open: true},
		"password with a blank ": {method: NewBasic([]byte("falco"), []byte("a ")), headers: []string{encode("falco:a")}},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", nil)
			for _, header := range tc.headers {
				r.Header.Add("Authorization", header)
			}
			if tc.method == nil {
				tc.method = method
			}
			if err := tc.method.Verify(r, nil); (err == nil) != tc.open || err != nil && !errors.Is(err, ErrDenied) {
				t.Errorf("err = %v, want open %v %s", err, tc.open, tc.reason)
			}
		})
	}
}
