package spool

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"k8s.io/utils/clock"
)

// Damage tells of a spool that could not be read and was put aside.
type Damage struct {
	// MovedTo is where the damaged file is now.
	MovedTo string
	// Cause is what is wrong with it.
	Cause error
}

// Error says it to an operator.
func (d *Damage) Error() string {
	return fmt.Sprintf("the spool was damaged and is now at %s, with the events that were not yet delivered; a new spool is in use: %v", d.MovedTo, d.Cause)
}

// Unwrap returns the cause.
func (d *Damage) Unwrap() error { return d.Cause }

// lockTimeout is how long to wait for another process to let go of the file:
// the one before us, as it shuts down.
const lockTimeout = 10 * time.Second

// Open opens a spool or makes a new one. A damaged file is put aside, never
// deleted; the new spool that takes its place comes together with a *Damage.
func Open(options Options) (*Spool, error) {
	options.MaxBytes = cmp.Or(options.MaxBytes, int64(DefaultMaxBytes))
	options.MaxAge = cmp.Or(options.MaxAge, DefaultMaxAge)
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	defer func() { tellPutAside(options.Path) }()
	s, err := open(options)
	if err == nil {
		return s, nil
	}
	if !errors.Is(err, errEntry) {
		return nil, fmt.Errorf("opening the spool %s: %w", options.Path, err)
	}
	damage := &Damage{Cause: err}
	if damage.MovedTo, err = putAside(options); err != nil {
		return nil, errors.Join(damage.Cause, err)
	}
	if s, err = open(options); err != nil {
		return nil, errors.Join(damage, err)
	}
	return s, damage
}

func putAside(options Options) (string, error) {
	aside := fmt.Sprintf("%s%s%d", options.Path, asideMark, options.Clock.Now().UnixNano())
	return aside, os.Rename(options.Path, aside)
}

// open turns everything that a damaged file can do, down to a fault on reading
// its memory map behind the end of the file, into errEntry.
func open(options Options) (_ *Spool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	s := &Spool{
		options: options, queues: map[string]Usage{},
		appends: make(chan *appending, maxGroup), closing: make(chan struct{}), stopped: make(chan struct{}), news: make(chan struct{}, 1),
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", errEntry, cause)
		}
		if err != nil && s.db != nil {
			_ = s.db.Close()
		}
	}()
	if err = verify(options); err != nil {
		return nil, err
	}
	s.db, err = bolt.Open(options.Path, 0o600, &bolt.Options{
		Timeout: lockTimeout, FreelistType: bolt.FreelistMapType,
		// A list of free pages in the file would have no checksum, and a wrong one
		// lets the next append overwrite what was acknowledged.
		NoFreelistSync: true,
	})
	if err != nil {
		return nil, openError(err)
	}
	if err = s.db.Update(initialise); err != nil {
		return nil, err
	}
	if err = s.load(); err != nil {
		return nil, err
	}
	go s.write()
	return s, nil
}

// verify reads a file as it is. To open it for writing would make one that was cut
// off whole again, and would end the process where its pages are damaged.
func verify(options Options) error {
	if isNew, err := headIsWhole(options.Path); isNew || err != nil {
		return err
	}
	db, err := bolt.Open(options.Path, 0o600, &bolt.Options{Timeout: lockTimeout, ReadOnly: true})
	if err != nil {
		return openError(err)
	}
	defer func() { _ = db.Close() }()
	if err := sizeIsRight(db); err != nil {
		return err
	}
	if err := checkPages(db); err != nil {
		return err
	}
	found := true
	err = db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		if found = meta != nil; !found {
			return nil // A process ended right after it made the file.
		}
		return checkLayout(meta)
	})
	if err != nil || !found {
		return err
	}
	return (&Spool{db: db, queues: map[string]Usage{}}).load()
}

// openError tells damage from what has nothing to do with the file's content.
func openError(err error) error {
	var path *os.PathError
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%w: another process has the file open; give each replica a folder of its own", err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: let the user that Tocsin runs as read and write it, such as by securityContext.fsGroup", err)
	case errors.As(err, &path):
		return err
	}
	return fmt.Errorf("%w: %w", errEntry, err)
}

// headIsWhole refuses a file that is shorter than its first pages: the library
// would read behind its end. One that is not there or is empty is new.
func headIsWhole(path string) (isNew bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		return true, nil
	}
	if err == nil && info.Size() < int64(2*os.Getpagesize()) {
		return false, fmt.Errorf("%w: it has only %d bytes", errEntry, info.Size())
	}
	return false, err
}

func sizeIsRight(db *bolt.DB) error {
	return db.View(func(tx *bolt.Tx) error {
		info, err := os.Stat(db.Path())
		if err == nil && info.Size() < tx.Size() {
			return fmt.Errorf("%w: it has %d of %d bytes", errEntry, info.Size(), tx.Size())
		}
		return err
	})
}

// load reads the whole spool once: it checks every entry and note, and adds the
// entries up.
func (s *Spool) load() error {
	return s.db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		s.id = string(meta.Get(idKey))
		next := meta.Get(nextKey)
		if len(next) != 8 {
			return fmt.Errorf("%w: its next position is missing", errEntry)
		}
		return s.loadEntries(tx, Position(binary.BigEndian.Uint64(next)))
	})
}

func (s *Spool) loadEntries(tx *bolt.Tx, next Position) error {
	tenants := tx.Bucket(tenantBucket)
	if tenants == nil {
		return fmt.Errorf("%w: its queues are missing", errEntry)
	}
	if err := checkNotes(tx); err != nil {
		return err
	}
	return tenants.ForEachBucket(func(name []byte) error {
		tenant, last := string(name), Position(0)
		cursor := tenants.Bucket(name).Cursor()
		for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
			e, err := decodeEntry(k, v)
			if err != nil {
				return err
			}
			if e.first <= last || e.batch().Last >= next {
				return fmt.Errorf("%w: position %d is out of order", errEntry, e.first)
			}
			last = e.batch().Last
			s.add(tenant, int64(len(v)))
		}
		return s.loadOldest(tx, tenant)
	})
}
