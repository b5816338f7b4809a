package generic

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/tocsin-dev/tocsin/internal/ingest/body"
)

// maxGrowth is how many times larger than their record the events in it may be
// together: each may repeat what stands around the list, but no expression may
// make gigabytes of a small record.
const (
	maxGrowth   = 4
	growthFloor = 64 << 10
)

var errGrowth = fmt.Errorf("the events are more than %d times as large as the record: leave out what they repeat", maxGrowth)

// objects returns the JSON of the objects in the list that an expression gives.
func (v *evaluation) objects(x *expression, size int) ([][]byte, error) {
	list, ok := v.value(x, aList).(traits.Lister)
	if v.err != nil || !ok {
		return nil, v.err
	}
	w := writer{left: maxGrowth*size + growthFloor}
	var events [][]byte
	for it := list.Iterator(); it.HasNext() == types.True; {
		item, ok := it.Next().(traits.Mapper)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s: item %d is no object", x.field, len(events))
		case len(events) == body.MaxRecords:
			return nil, fmt.Errorf("%s: gives more than %d events", x.field, body.MaxRecords)
		}
		event, err := w.value(nil, item, 0)
		if err != nil {
			return nil, fmt.Errorf("%s: item %d: %w", x.field, len(events), err)
		}
		events = append(events, event)
	}
	return events, nil
}

// writer writes values as JSON, with the keys of objects in order.
type writer struct{ left int }

var errDepth = errors.New("it is nested too deep")

// maxDepth is more than a record may have, with room for what an expression
// builds around it.
const maxDepth = 128

func (w *writer) value(out []byte, v ref.Val, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch v := v.(type) {
	case traits.Mapper:
		return w.object(out, v, depth)
	case traits.Lister:
		return w.list(out, v, depth)
	}
	native, err := plain(v)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(native)
	if err != nil {
		return nil, err
	}
	return w.raw(out, data)
}

func (w *writer) raw(out, data []byte) ([]byte, error) {
	if w.left -= len(data); w.left < 0 {
		return nil, errGrowth
	}
	return append(out, data...), nil
}

func (w *writer) object(out []byte, m traits.Mapper, depth int) ([]byte, error) {
	var keys []string
	for it := m.Iterator(); it.HasNext() == types.True; {
		key, ok := it.Next().(types.String)
		if !ok {
			return nil, errors.New("the keys of an object must be strings")
		}
		keys = append(keys, string(key))
	}
	slices.Sort(keys)
	for i, key := range keys {
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		if out, err = w.raw(out, append(append([]byte{opener('{', i)}, name...), ':')); err != nil {
			return nil, err
		}
		if out, err = w.value(out, m.Get(types.String(key)), depth+1); err != nil {
			return nil, err
		}
	}
	if len(keys) == 0 {
		return w.raw(out, []byte("{}"))
	}
	return append(out, '}'), nil
}

func (w *writer) list(out []byte, l traits.Lister, depth int) ([]byte, error) {
	i := 0
	for it := l.Iterator(); it.HasNext() == types.True; i++ {
		var err error
		if out, err = w.raw(out, []byte{opener('[', i)}); err != nil {
			return nil, err
		}
		if out, err = w.value(out, it.Next(), depth+1); err != nil {
			return nil, err
		}
	}
	if i == 0 {
		return w.raw(out, []byte("[]"))
	}
	return append(out, ']'), nil
}

// opener is what stands before the item of that number.
func opener(first byte, i int) byte {
	if i == 0 {
		return first
	}
	return ','
}

// plain is the value of what is neither a list nor an object.
func plain(v ref.Val) (any, error) {
	switch v := v.(type) {
	case types.String, types.Int, types.Uint, types.Double, types.Bool, types.Bytes:
		return v.Value(), nil
	case types.Null:
		return nil, nil
	case types.Timestamp:
		return v.UTC().Format(time.RFC3339Nano), nil
	case types.Duration:
		return v.Duration.String(), nil
	}
	return nil, fmt.Errorf("a %s cannot be part of an event", v.Type().TypeName())
}
