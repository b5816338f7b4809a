package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"

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
	for element := range Elements[T](data, MaxItems) {
		*l = append(*l, element)
	}
	return nil
}

// MaxWrapped is one more than the gateway takes in a body, so that it sees that
// there are too many.
const MaxWrapped = 10_001

// Wrapped holds the events in a record, not yet read. It is nil where there is
// no JSON array, and empty where that is empty.
type Wrapped [][]byte

// UnmarshalJSON never fails: see Wrapped.
func (w *Wrapped) UnmarshalJSON(data []byte) error {
	*w = nil
	if data[0] == '[' {
		*w = Wrapped{}
	}
	for element := range Elements[json.RawMessage](data, MaxWrapped) {
		*w = append(*w, element)
	}
	return nil
}

// Elements reads the first elements of a JSON array one by one, and leaves out
// those that are no T, which cost most. What is no array has none.
func Elements[T any](data []byte, limit int) iter.Seq[T] {
	return func(yield func(T) bool) {
		reader := json.NewDecoder(bytes.NewReader(data))
		if bracket, err := reader.Token(); err != nil || bracket != json.Delim('[') {
			return
		}
		for i := 0; i < limit && reader.More(); i++ {
			var element T
			err := reader.Decode(&element)
			switch {
			case broken(err):
				return
			case partial(err) && !yield(element):
				return
			}
		}
	}
}

// broken holds for an error behind which nothing can be read.
func broken(err error) bool {
	var wrongType *json.UnmarshalTypeError
	return err != nil && !errors.As(err, &wrongType)
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
