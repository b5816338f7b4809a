package text

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// redacted stands where a secret stood.
const redacted = "[redacted]"

// names are what secrets are called.
const names = `passw(?:or)?d|passwd|secret[_-]?(?:access[_-]?)?key|client[_-]?secret|api[_-]?key|access[_-]?token|auth[_-]?token`

// nameWords are parts of names, of which each name has one.
var nameWords = []string{"passw", "secret", "key", "token"}

// secrets recognises what people and tools put on command lines and in
// messages. Each expression keeps its first group and hides the rest.
// RE2 runs in linear time, so hostile text cannot stall it. A look for the words,
// in lower case, of which one must be there spares most texts the expression.
var secrets = []struct {
	*regexp.Regexp
	words []string
}{
	// JSON Web Tokens: service account and OIDC tokens.
	{regexp.MustCompile(`()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?`), []string{"eyj"}},
	// "Authorization: Bearer x", "Bearer x", "Basic x".
	{regexp.MustCompile(`(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}`), []string{"bearer", "basic"}},
	// password=x, api_key: x, AWS_SECRET_ACCESS_KEY=x. Without a sign between
	// them, as in "password spray", they are words like any other.
	{regexp.MustCompile(`(?i)((?:` + names + `|--token)["']?\s*[=:]\s*["']?)[^\s"'&,;]{3,}`), nameWords},
	// --token x, --db-password x
	{regexp.MustCompile(`(?i)(--?[a-z0-9_-]*(?:` + names + `|token)["']?\s+["']?)[^\s"'&,;]{3,}`), nameWords},
	// user:password@host in a URL.
	{regexp.MustCompile(`(://[^/\s:@]+:)[^/\s@]+@`), []string{"://"}},
	// AWS access key identifiers.
	{regexp.MustCompile(`()\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`), []string{"akia", "asia"}},
}

// Redact hides what looks like a secret in s.
func Redact(s string) string {
	lower := strings.ToLower(s)
	there := func(word string) bool { return strings.Contains(lower, word) }
	// An expression takes some other letters for the ASCII ones, such as the long s.
	spare := isASCII(s)
	for _, secret := range secrets {
		if spare && !slices.ContainsFunc(secret.words, there) {
			continue
		}
		s = secret.ReplaceAllString(s, "${1}"+redacted)
	}
	return s
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}
