package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	sigsjson "sigs.k8s.io/json"
	sigsyaml "sigs.k8s.io/yaml"
)

// DecodeStrict reads the first document of YAML as an API server does that is
// asked to be strict. A field that nobody knows is an error: it would be without
// effect.
func DecodeStrict(document []byte, into any) error {
	data, err := sigsyaml.YAMLToJSONStrict(document)
	if err != nil {
		return err
	}
	unknown, err := sigsjson.UnmarshalStrict(data, into)
	if err != nil {
		return inWords(err)
	}
	if len(unknown) == 0 {
		return nil
	}
	texts := make([]string, len(unknown))
	for i, field := range unknown {
		texts[i] = field.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

// inWords says of a value of the wrong type what it must be, to somebody who
// does not know the types of Go.
func inWords(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	is, number := strings.CutPrefix(wrong.Value, "number ")
	switch {
	case number:
	case is == "bool":
		is = "true or false"
	case is == "object", is == "array":
		is = "an " + is
	default:
		is = "a " + is
	}
	text := fmt.Sprintf("must be %s, is %s", typeInWords(wrong.Type), is)
	if field := fieldInFile(wrong.Field); field != "" {
		text = field + ": " + text
	}
	return errors.New(text)
}

// fieldInFile leaves the names of embedded structs out of a path: they are in no
// file. All fields of a file begin with a small letter.
func fieldInFile(path string) string {
	parts := slices.DeleteFunc(strings.Split(path, "."), func(part string) bool { return part != "" && unicode.IsUpper(rune(part[0])) })
	return strings.Join(parts, ".")
}

func typeInWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeInWords(t.Elem())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a " + t.Kind().String()
}
