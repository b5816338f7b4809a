package auth

import (
	"bytes"
	"net/http"
	"strings"
)

type bearer struct{ tokens []sum }

// NewBearer takes a token in the Authorization header. The value of a Secret holds
// one or several, with blanks or line feeds between them.
func NewBearer(tokens []byte) Method { return bearer{sums(bytes.Fields(tokens))} }

func (b bearer) Verify(r *http.Request, _ Body) error {
	token, ok := bearerToken(r)
	if among(token, b.tokens) != 1 || !ok {
		return ErrDenied
	}
	return nil
}

// bearerToken returns the token of the only Authorization header.
func bearerToken(r *http.Request) (string, bool) {
	header, ok := only(r, "Authorization")
	scheme, token, found := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, ok && found && strings.EqualFold(scheme, "Bearer") && token != ""
}
