package journal

import (
	"log/slog"
	"slices"
	"sync"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// DefaultMinGeneration is the size below which a generation is not replaced, in bytes.
const DefaultMinGeneration = 4 << 20

// Options says where a journal is and how it behaves.
type Options struct {
	FS  vfs.FS   // the data directory
	Dir string   // the journal's directory in FS; its parent must exist
	ID  [16]byte // the data directory's UUID: entries of another directory do not fit
	// MinGeneration is the size in bytes below which a generation is not replaced by a fresh one; 0 means
	// DefaultMinGeneration.
	MinGeneration int64
	// Logger gets what no caller can be told; nil is silent.
	Logger *slog.Logger
	// ReleaseSpace, if set, is called when even a fresh generation finds no room, once for each such commit. If it
	// returns true, because it made room, a fresh generation is tried again. It must not use the journal.
	ReleaseSpace func() bool
}

// Journal is a durable map from keys to values. All methods may be called concurrently, except that nothing may be
// committed from within the function given to CommitFunc or from ReleaseSpace.
//
// There are three locks, taken in this order and each for one purpose:
//
//  1. write orders the commits: who holds it appends to the generation, replaces it and changes the live map. It is not
//     held during the fsync of a commit, but it is while a fresh generation is written.
//  2. queue holds the units that wait for write; mu, what is written and what is durable. Both are held for a moment.
//  3. live.mu lets readers in while commits are waiting for the disk.
type Journal struct {
	o    Options
	log  *slog.Logger
	live *live

	queue   sync.Mutex
	pending []*unit
	spare   []*unit // the array that pending had before

	write   sync.Mutex
	enc     *encoder
	changes []Change // of the entry being written, owned by the live map once that succeeds
	next    uint64   // number of the next generation
	refused error    // why nothing can be committed until the journal is opened again
	closed  bool
	closing error // what Close returned

	mu      sync.Mutex
	synced  *sync.Cond  // something below changed, or a generation's syncing
	current *generation // nil after a failure, until a fresh one could be made
	written uint64      // commits that are written, counted since Open
	durable uint64      // commits that are fsynced
	failed  uint64      // commits whose fsync failed, as did the fresh generation after it
	failure error       // of those

	notes   []string
	created bool
}

// Notes says what Open left out and what it could not verify.
func (j *Journal) Notes() []string { return slices.Clone(j.notes) }

// Created reports whether Open found no journal and made one. In a data directory that is not new it was lost.
func (j *Journal) Created() bool { return j.created }

// healthy is the generation to append to, or nil.
func (j *Journal) healthy() *generation {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.current == nil || j.current.err != nil {
		return nil
	}
	return j.current
}

// usable is why nothing can be committed, or nil. The caller holds write.
func (j *Journal) usable() error {
	if j.closed {
		return errClosed
	}
	return j.refused
}
