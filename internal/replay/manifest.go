package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsjson "sigs.k8s.io/json"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/tocsin-dev/tocsin/api/v1alpha1"
	"github.com/tocsin-dev/tocsin/internal/replay/schema"
)

// Documents takes YAML apart into the documents that say something.
func Documents(data []byte) ([][]byte, error) {
	var documents [][]byte
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		var content any
		if err := sigsyaml.Unmarshal(document, &content); err != nil {
			return nil, fmt.Errorf("document %d: %w", len(documents)+1, err)
		}
		if content != nil { // It is more than a comment.
			documents = append(documents, document)
		}
	}
}

// eachObject reads the objects of one of our kinds in a file: documents, and the
// items of a List. Those of other kinds are passed over: who builds manifests out of
// parts gets more than these. An error says where the object is and its name.
func eachObject[T any, P interface {
	*T
	metav1.Object
}](data []byte, name string, take func(P) error) error {
	documents, err := Documents(data)
	if err != nil {
		return err
	}
	found := false
	for i, document := range documents {
		items, inList, err := itemsOf(document)
		if err != nil {
			return fmt.Errorf("document %d: %w", i+1, err)
		}
		for j, item := range items {
			ours, err := takeObject(item, name, take)
			found = found || ours
			switch {
			case err != nil && inList:
				return fmt.Errorf("document %d, item %d: %w", i+1, j+1, err)
			case err != nil:
				return fmt.Errorf("document %d: %w", i+1, err)
			}
		}
	}
	if !found {
		return fmt.Errorf("no %s is there", name)
	}
	return nil
}

// takeObject reads an object, if it is ours: of the kind, or of none.
func takeObject[T any, P interface {
	*T
	metav1.Object
}](item []byte, name string, take func(P) error) (ours bool, err error) {
	if is, err := kindOf(item); err == nil && is.Kind != "" && is.Kind != name {
		return false, is.check()
	}
	object := P(new(T))
	if err := declared(item, name, object); err != nil {
		return true, err
	}
	return true, named(name, object, take(object))
}

// itemsOf is the document itself, or the objects in it where it is a List.
func itemsOf(document []byte) (items [][]byte, inList bool, err error) {
	if is, err := kindOf(document); err != nil || is.Kind != "List" {
		return [][]byte{document}, false, nil //nolint:nilerr // What is wrong is told by who reads it.
	}
	data, err := sigsyaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, true, err
	}
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, true, inWords(err)
	}
	for _, item := range list.Items {
		items = append(items, item)
	}
	return items, true, nil
}

// kind is what an object says that it is.
type kind struct{ APIVersion, Kind string }

// check says that an object is of our group, and of no kind in it: one that is
// misspelt would have no effect.
func (k kind) check() error {
	group, err := runtimeschema.ParseGroupVersion(k.APIVersion)
	if err != nil || group.Group != v1alpha1.GroupVersion.Group {
		return nil //nolint:nilerr // It is of somebody else, who tells what is wrong.
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	if !scheme.Recognizes(v1alpha1.GroupVersion.WithKind(k.Kind)) {
		return fmt.Errorf("it is %s %s, and there is no such kind", k.APIVersion, k.Kind)
	}
	return nil
}

func kindOf(document []byte) (kind, error) {
	var k kind
	err := sigsyaml.Unmarshal(document, &k)
	return k, err
}

// declared reads an object of one of our kinds, which an API server would take as
// far as its schema goes.
func declared(document []byte, name string, into metav1.Object) error {
	is, err := kindOf(document)
	if err != nil {
		return err
	}
	want := v1alpha1.GroupVersion.String()
	switch {
	case is.Kind == "":
		return fmt.Errorf("it has no kind, and must be %s %s", want, name)
	case is.APIVersion != want:
		return fmt.Errorf("it is %s %s, and must be %s %s", is.APIVersion, is.Kind, want, name)
	}
	if err := DecodeStrict(document, into); err != nil {
		return err
	}
	if into.GetName() == "" {
		return fmt.Errorf("%s: metadata.name: is missing", name)
	}
	// With a namespace or without.
	problems := validation.ValidateObjectMetaAccessor(into, into.GetNamespace() != "", validation.NameIsDNSSubdomain, field.NewPath("metadata"))
	if err := schema.Told(problems); err != nil {
		return named(name, into, err)
	}
	return named(name, into, checkSchema(document, name))
}

func named(kind string, object metav1.Object, err error) error {
	if err != nil {
		err = fmt.Errorf("%s %s: %w", kind, object.GetName(), err)
	}
	return err
}

// checkSchema holds what people may declare of an object against the schema of its
// kind.
func checkSchema(document []byte, name string) error {
	data, err := sigsyaml.YAMLToJSON(document)
	if err != nil {
		return err
	}
	var object map[string]any
	if err := sigsjson.UnmarshalCaseSensitivePreserveInts(data, &object); err != nil {
		return err
	}
	delete(object, "status") // Nobody declares it; an API server drops it too.
	if name == "AlertSource" {
		letIn(object)
	}
	kind, err := schema.Of(name)
	if err != nil {
		return err
	}
	return kind.Check(object)
}

// letIn adds who may send to an AlertSource that does not say so: it is not looked
// at.
func letIn(object map[string]any) {
	spec, _ := object["spec"].(map[string]any)
	if spec != nil && spec["auth"] == nil && spec["watch"] == nil {
		spec["auth"] = map[string]any{"bearerToken": map[string]any{"name": "unknown", "key": "token"}}
	}
}
