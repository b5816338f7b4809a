package text

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for name, tc := range map[string]struct {
		reason   string
		in, want string
		limit    int
	}{
		"plain":          {reason: "ordinary text is kept", in: "a b", want: "a b", limit: 10},
		"escape":         {reason: "a terminal must not be driven", in: "a\x1b[31mred", want: "a[31mred", limit: 20},
		"lines":          {reason: "a line stays a line", in: "a\r\nb\tc", want: "a  b c", limit: 20},
		"right to left":  {reason: "text must read as it is", in: "a\u202egpj.exe", want: "agpj.exe", limit: 20},
		"zero width":     {reason: "two names must not look alike", in: "ad\u200bmin", want: "admin", limit: 20},
		"invalid":        {reason: "the API server refuses invalid UTF-8", in: "a\xff\xfeb", want: "a??b", limit: 20},
		"cut":            {reason: "a cut is visible", in: "abcdefgh", want: "abcd…", limit: 7},
		"cut in a rune":  {reason: "no half rune remains", in: "aééééé", want: "aéé…", limit: 9},
		"no room at all": {reason: "the limit holds even for the mark", in: "abcdef", want: "", limit: 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Line(tc.in, tc.limit); got != tc.want {
				t.Errorf("Line(%q, %d) = %q, want %q: %s", tc.in, tc.limit, got, tc.want, tc.reason)
			}
		})
	}
}

func TestBlockKeepsLines(t *testing.T) {
	if got := Block("a\n\tb\x00\x1b", 20); got != "a\n\tb" {
		t.Errorf("got %q", got)
	}
}

func TestRedact(t *testing.T) {
	const canary = "CANARYcanary12345"
	for name, in := range map[string]string{
		"bearer":        "curl -H 'Authorization: Bearer " + canary + "' https://x",
		"token flag":    "kubectl --token " + canary + " get pods",
		"password":      "mysql --password=" + canary,
		"password flag": "mysql --db-password " + canary,
		"json password": `{"password": "` + canary + `"}`,
		"environment":   "AWS_SECRET_ACCESS_KEY=" + canary + " aws s3 ls",
		"upper case":    "MYSQL_PASSWORD=" + canary,
		"long s":        "pa\u017f\u017fword=" + canary,
		"kelvin sign":   "my api_\u212aey: " + canary,
		"basic":         "authorization: BASIC " + canary,
		"url":           "git clone https://me:" + canary + "@example.com/x",
		"jwt":           "echo eyJhbGciOiJS." + canary + ".sig",
	} {
		t.Run(name, func(t *testing.T) {
			if got := Redact(in); strings.Contains(got, canary) {
				t.Errorf("the secret is still there: %q", got)
			}
		})
	}
	for _, id := range []string{"AKIA" + "CANARYCANARY1234", "ASIA" + "CANARYCANARY1234"} {
		if got := Redact("aws configure set " + id); strings.Contains(got, "CANARY") {
			t.Errorf("the access key is still there: %q", got)
		}
	}
	for _, harmless := range []string{"cat /etc/passwd; sh -c clear; token count 3", "Password spray attack: an API key leaked"} {
		if got := Redact(harmless); got != harmless {
			t.Errorf("harmless text was changed: %q", got)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("plain", 5)
	f.Add("\xff\u202e\x1b[0m", 8)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit &= 0xfff
		got := Line(Redact(s), limit)
		if !utf8.ValidString(got) || len(got) > limit || strings.ContainsAny(got, "\n\x00\x1b") {
			t.Errorf("Line(%q, %d) = %q", s, limit, got)
		}
	})
}
