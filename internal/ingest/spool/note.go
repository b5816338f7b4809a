package spool

import (
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// noteBucket is made with the first note.
var noteBucket = []byte("notes")

// Note keeps something about batches, by their first positions, for whoever reads
// them again. It is durable when Note returns, and deleted with the batch.
func (s *Spool) Note(notes map[Position][]byte) error {
	err := s.db.Update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(noteBucket)
		if err != nil {
			return err
		}
		for first, note := range notes {
			if err := bucket.Put(key(first), encodeNote(key(first), note)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("noting in the spool: %w", err)
	}
	return nil
}

// encodeNote puts a checksum over the position and the note before it.
func encodeNote(batch, note []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, checksum(batch, note)), note...)
}

func decodeNote(batch, v []byte) ([]byte, error) {
	if len(v) < 4 || checksum(batch, v[4:]) != binary.BigEndian.Uint32(v) {
		return nil, fmt.Errorf("%w: the note at position %x is cut off or has a wrong checksum", errEntry, batch)
	}
	return append([]byte(nil), v[4:]...), nil // v ends with the transaction.
}

// noteOf returns the note about a batch, nil where there is none.
func noteOf(tx *bolt.Tx, batch []byte) ([]byte, error) {
	bucket := tx.Bucket(noteBucket)
	if bucket == nil {
		return nil, nil
	}
	v := bucket.Get(batch)
	if v == nil {
		return nil, nil
	}
	return decodeNote(batch, v)
}

// checkNotes reads every note there is. Those of the layout before have nothing to
// check.
func checkNotes(tx *bolt.Tx) error {
	bucket := tx.Bucket(noteBucket)
	if bucket == nil || string(tx.Bucket(metaBucket).Get(layoutKey)) == layoutBefore {
		return nil
	}
	return bucket.ForEach(func(batch, v []byte) error {
		_, err := decodeNote(batch, v)
		return err
	})
}

// sumNotes puts its checksum before every note.
func sumNotes(tx *bolt.Tx) error {
	bucket := tx.Bucket(noteBucket)
	if bucket == nil {
		return nil
	}
	summed := map[string][]byte{} // A bucket must not change while it is read.
	err := bucket.ForEach(func(batch, note []byte) error {
		summed[string(batch)] = encodeNote(batch, note)
		return nil
	})
	for batch, v := range summed {
		err = errors.Join(err, bucket.Put([]byte(batch), v))
	}
	return err
}

func deleteNote(tx *bolt.Tx, batch []byte) error {
	if bucket := tx.Bucket(noteBucket); bucket != nil {
		return bucket.Delete(batch)
	}
	return nil
}
