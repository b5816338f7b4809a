package document

import (
	"strings"
	"unicode"
)

// Printable replaces what could deceive the eye or drive a terminal: control
// characters, bidirectional and other invisible marks.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// Truncate keeps the first limit characters, the last one an ellipsis where
// something was cut off.
func Truncate(s string, limit int) string {
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}
