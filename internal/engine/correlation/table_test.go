package correlation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTable holds a table against a map while keys come and go.
func TestTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var got table[string, int]
	want := map[string]int{}
	for n := range 50_000 {
		key := fmt.Sprint(r.IntN(700))
		i, known := got.find(key)
		if v, ok := want[key]; ok != known || ok && got.rows[i] != v {
			t.Fatalf("step %d: found %s: %v, want %v", n, key, known, ok)
		}
		switch {
		case !known:
			i = got.add(key)
			if got.rows[i] != 0 {
				t.Fatalf("step %d: a new row is not empty", n)
			}
			got.rows[i], want[key] = n+1, n+1
		case r.IntN(3) > 0:
			got.remove(i)
			delete(want, key)
		}
		if got.len() != len(want) {
			t.Fatalf("step %d: %d rows, want %d", n, got.len(), len(want))
		}
	}
	for key, v := range want {
		if i, ok := got.find(key); !ok || got.rows[i] != v || got.keys[i] != key {
			t.Errorf("%s is lost", key)
		}
	}
	if len(got.rows) > 700 || len(got.slots) > 1024 {
		t.Errorf("places are not used again: %d rows, %d slots", len(got.rows), len(got.slots))
	}
}

func TestLists(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var l lists
	type kept struct {
		at   uint32
		list []id
	}
	var all []kept
	for n := range 20_000 {
		if len(all) > 50 {
			i := r.IntN(len(all))
			k := all[i]
			if !slices.Equal(l.at(k.at, len(k.list)), k.list) {
				t.Fatalf("step %d: list is %v, want %v", n, l.at(k.at, len(k.list)), k.list)
			}
			l.remove(k.at, len(k.list))
			all = slices.Delete(all, i, i+1)
		}
		list := make([]id, r.IntN(6))
		for i := range list {
			list[i] = r.Int32()
		}
		all = append(all, kept{l.add(list), list})
	}
	if len(l.ids) > 51*6*4 {
		t.Errorf("places are not used again: %d ids", len(l.ids))
	}
}
