package drain

import "k8s.io/client-go/util/workqueue"

// turns is the order in which fingerprints are worked on: tenants take turns,
// each with the one that waits longest.
type turns struct {
	// waiting are the fingerprints of each tenant that has any, order is who comes
	// next.
	waiting map[string]workqueue.Queue[key]
	order   []string
	length  int
}

func newTurns() *turns { return &turns{waiting: map[string]workqueue.Queue[key]{}} }

// Touch does nothing: what is added again keeps its place.
func (*turns) Touch(key) {}

// Push adds a fingerprint behind those of its tenant.
func (t *turns) Push(k key) {
	if t.waiting[k.tenant] == nil {
		t.waiting[k.tenant] = workqueue.DefaultQueue[key]()
		t.order = append(t.order, k.tenant)
	}
	t.waiting[k.tenant].Push(k)
	t.length++
}

// Len is how many wait in all.
func (t *turns) Len() int { return t.length }

// Pop takes the next fingerprint of the next tenant, who is then the last.
func (t *turns) Pop() key {
	tenant := t.order[0]
	t.order = t.order[1:]
	k := t.waiting[tenant].Pop()
	if t.waiting[tenant].Len() == 0 {
		delete(t.waiting, tenant)
	} else {
		t.order = append(t.order, tenant)
	}
	t.length--
	return k
}
