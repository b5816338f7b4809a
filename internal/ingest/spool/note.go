package spool

import (
	"bytes"
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
			if err := bucket.Put(key(first), note); err != nil {
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

func noteOf(tx *bolt.Tx, batch []byte) []byte {
	if bucket := tx.Bucket(noteBucket); bucket != nil {
		return bytes.Clone(bucket.Get(batch))
	}
	return nil
}

func deleteNote(tx *bolt.Tx, batch []byte) error {
	if bucket := tx.Bucket(noteBucket); bucket != nil {
		return bucket.Delete(batch)
	}
	return nil
}
