package auth

import (
	"bytes"
	"net/http"
)

type basic struct{ username, passwords []sum }

// NewBasic takes a user name and a password in the Authorization header. The
// passwords stand on a line each.
func NewBasic(username, passwords []byte) Method {
	return basic{username: sums([][]byte{bytes.TrimSpace(username)}), passwords: sums(Lines(passwords))}
}

func (b basic) Verify(r *http.Request, _ Body) error {
	_, one := only(r, "Authorization")
	username, password, ok := r.BasicAuth()
	if among(username, b.username)&among(password, b.passwords) != 1 || !one || !ok {
		return ErrDenied
	}
	return nil
}

// Lines returns what stands on the lines of a Secret's value. Files and kubectl
// leave a line feed at the end.
func Lines(value []byte) [][]byte {
	var lines [][]byte
	for line := range bytes.Lines(value) {
		if line = bytes.TrimRight(line, "\r\n"); len(bytes.TrimSpace(line)) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}
