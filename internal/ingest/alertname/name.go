// Package alertname names alerts, so that whoever makes one comes to the same
// name: every replica, every attempt, and a replay without a cluster.
package alertname

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxSlug keeps names short enough for a table.
const maxSlug = 40

// Next is the name of the alert that follows a predecessor of the same
// fingerprint, or that comes first where there is none. Every replica, and every
// attempt, comes to the same name, so that the API server lets one of them win.
func Next(rule, fingerprint, predecessor string) string {
	sum := sha256.Sum256([]byte(fingerprint + "\x00" + predecessor))
	return slug(rule) + "-" + hex.EncodeToString(sum[:])[:10]
}

func slug(rule string) string {
	mapped := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(rule))
	words := strings.FieldsFunc(mapped, func(r rune) bool { return r == '-' })
	short := strings.Join(words, "-")
	if len(short) > maxSlug {
		short = short[:maxSlug]
	}
	if short = strings.Trim(short, "-"); short == "" {
		return "alert"
	}
	return short
}
