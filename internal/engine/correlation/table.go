package correlation

import "hash/maphash"

// id is a place in one of the engine's tables.
type id = int32

const none id = -1

// table holds rows that are found by a key and keep their place until they are
// removed. Keys and rows lie in plain slices, apart from each other because a
// decision looks at many rows and few keys; the slots hold places only. A map
// would hold keys and places a second time.
type table[K comparable, R any] struct {
	keys  []K
	rows  []R
	free  []id
	slots []slot // a power of two, at most three quarters in use
}

// slot is where a key's hash leads. Who looks for it goes on to the next until an empty one.
type slot struct {
	hash  uint32
	place id // plus one; zero is empty
}

// seed keeps others from choosing keys that share a slot. No decision depends on it.
var seed = maphash.MakeSeed()

func hashOf[K comparable](key K) uint32 { return uint32(maphash.Comparable(seed, key)) }

// len is how many rows there are.
func (t *table[K, R]) len() int { return len(t.rows) - len(t.free) }

// find is the place of a key.
func (t *table[K, R]) find(key K) (id, bool) {
	if len(t.slots) == 0 {
		return none, false
	}
	hash := hashOf(key)
	for at := t.home(hash); t.slots[at].place != 0; at = t.next(at) {
		if s := t.slots[at]; s.hash == hash && t.keys[s.place-1] == key {
			return s.place - 1, true
		}
	}
	return none, false
}

// add makes an empty row for a key that has none.
func (t *table[K, R]) add(key K) id {
	if 4*(t.len()+1) > 3*len(t.slots) {
		t.grow()
	}
	var row R
	var i id
	if n := len(t.free); n > 0 {
		i, t.free = t.free[n-1], t.free[:n-1]
		t.keys[i], t.rows[i] = key, row
	} else {
		i = id(len(t.rows))
		t.keys, t.rows = append(t.keys, key), append(t.rows, row)
	}
	t.occupy(slot{hashOf(key), i + 1})
	return i
}

// remove frees a row. Those that had to go past it move up.
func (t *table[K, R]) remove(i id) {
	at := t.home(hashOf(t.keys[i]))
	for t.slots[at].place != i+1 {
		at = t.next(at)
	}
	for then := t.next(at); t.slots[then].place != 0; then = t.next(then) {
		if home := t.home(t.slots[then].hash); (then-home)&(len(t.slots)-1) >= (then-at)&(len(t.slots)-1) {
			t.slots[at], at = t.slots[then], then
		}
	}
	t.slots[at] = slot{}
	var key K
	var row R
	t.keys[i], t.rows[i] = key, row
	t.free = append(t.free, i)
}

func (t *table[K, R]) home(hash uint32) int { return int(hash) & (len(t.slots) - 1) }

func (t *table[K, R]) next(at int) int { return (at + 1) & (len(t.slots) - 1) }

func (t *table[K, R]) occupy(s slot) {
	at := t.home(s.hash)
	for t.slots[at].place != 0 {
		at = t.next(at)
	}
	t.slots[at] = s
}

func (t *table[K, R]) grow() {
	old := t.slots
	t.slots = make([]slot, max(8, 2*len(old)))
	for _, s := range old {
		if s.place != 0 {
			t.occupy(s)
		}
	}
}

// lists holds short lists of ids in one slice: a list costs its ids and no allocation.
type lists struct {
	ids  []id
	free [maxListed + 1][]uint32 // where lists of a length were
}

// maxListed is the longest list.
const maxListed = 128

// add keeps a list and says where.
func (l *lists) add(list []id) uint32 {
	if free := l.free[len(list)]; len(free) > 0 {
		at := free[len(free)-1]
		l.free[len(list)] = free[:len(free)-1]
		copy(l.ids[at:], list)
		return at
	}
	l.ids = append(l.ids, list...)
	return uint32(len(l.ids) - len(list))
}

// at is the list of a length at a place.
func (l *lists) at(place uint32, length int) []id { return l.ids[place : int(place)+length] }

func (l *lists) remove(place uint32, length int) {
	l.free[length] = append(l.free[length], place)
}
