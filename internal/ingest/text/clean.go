// Package text makes strings that a stranger wrote safe to keep and to show.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ellipsis marks, visibly, where a text was cut.
const ellipsis = "…"

// Line returns s as one line of valid UTF-8 without control characters, at most
// limit bytes long.
func Line(s string, limit int) string {
	return cut(strings.TrimSpace(clean(s, limit, false)), limit)
}

// Block is Line for texts of many lines: it keeps line feeds and tabs.
func Block(s string, limit int) string {
	return cut(strings.TrimSpace(clean(s, limit, true)), limit)
}

// clean looks at no more of s than can end up in the result, so that a text of
// ten megabytes costs no more than a short one.
func clean(s string, limit int, multiline bool) string {
	if longest := 4 * (limit + 1); len(s) > longest {
		s = s[:longest]
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case multiline && (r == '\n' || r == '\t'):
			return r
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1 // Cf holds the marks that reverse or hide text on a screen.
		}
		return r
	}, s)
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	if limit < len(ellipsis) {
		return ""
	}
	end := limit - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}
