package spool

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// The file has the bucket meta, in the bucket tenants one for each queue, and in
// notes what was noted about batches, with a checksum.
var (
	metaBucket   = []byte("meta")
	tenantBucket = []byte("tenants")
	layoutKey    = []byte("layout")
	idKey        = []byte("id")
	nextKey      = []byte("next")
)

const (
	// layout names the arrangement of the buckets and of what is in them.
	layout = "3"
	// layoutBefore is the same, but for the notes: they have no checksum.
	layoutBefore = "2"
)

// initialise makes the buckets and the id of a new file, and brings one of the
// layout before to this one, all or nothing. A file that was made by another
// version is left as it is: it may hold events that are nowhere else.
func initialise(tx *bolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	switch {
	case meta == nil:
		return create(tx)
	case string(meta.Get(layoutKey)) == layoutBefore:
		return errors.Join(sumNotes(tx), meta.Put(layoutKey, []byte(layout)))
	}
	return checkLayout(meta)
}

func create(tx *bolt.Tx) error {
	meta, err := tx.CreateBucket(metaBucket)
	if err != nil {
		return err
	}
	if _, err := tx.CreateBucket(tenantBucket); err != nil {
		return err
	}
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	return errors.Join(
		meta.Put(layoutKey, []byte(layout)), meta.Put(idKey, []byte(hex.EncodeToString(id[:]))), meta.Put(nextKey, key(1)))
}

func checkLayout(meta *bolt.Bucket) error {
	if found := string(meta.Get(layoutKey)); found != layout && found != layoutBefore {
		return fmt.Errorf("%w: its layout is %q, this version reads %q and %q: let the version that wrote it deliver what is in it, or move the file away", ErrLayout, found, layoutBefore, layout)
	}
	return nil
}
