package decode

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// Lenient reads the members of a JSON object that into has. One of another type
// than into wants stays empty: the caller then asks for what must be there.
func Lenient(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	if partial(err) {
		return nil
	}
	return Explain(err)
}

// partial holds for an error about a member: the others were read all the same.
func partial(err error) bool {
	var wrongType *json.UnmarshalTypeError
	return err == nil || errors.As(err, &wrongType) && wrongType.Field != ""
}

// Scalar is a string, or a number or a truth value as it was written; anything
// else is empty.
type Scalar string

// UnmarshalJSON never fails: see Scalar.
func (s *Scalar) UnmarshalJSON(data []byte) error {
	*s = ""
	switch data[0] {
	case '"':
		return json.Unmarshal(data, (*string)(s))
	case '{', '[', 'n':
	default:
		*s = Scalar(data)
	}
	return nil
}

// MaxItems bounds a List: well above what a detector lists of one kind.
const MaxItems = 100

// List holds the first elements of a JSON array, without those that are no T;
// what is no array is empty.
type List[T any] []T

// UnmarshalJSON never fails: see List.
func (l *List[T]) UnmarshalJSON(data []byte) error {
	*l = nil
	if data[0] != '[' {
		return nil
	}
	elements := json.NewDecoder(bytes.NewReader(data))
	_, _ = elements.Token() // The bracket. The array was scanned already: it is valid.
	for i := 0; i < MaxItems && elements.More(); i++ {
		var element T
		if err := elements.Decode(&element); partial(err) {
			*l = append(*l, element)
		}
	}
	return nil
}

// Description cleans a text of many lines and hides what looks like a secret.
func Description(s string) string {
	// Cut first: a redaction looks at no more than what is kept.
	s = text.Block(s, MaxDescription)
	return text.Block(text.Redact(s), MaxDescription)
}

// Title cleans a line and hides what looks like a secret.
func Title(s string) string {
	s = text.Line(s, MaxTitle)
	return text.Line(text.Redact(s), MaxTitle)
}
