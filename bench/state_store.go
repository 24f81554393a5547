package main

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// What a stream's state is made of here: a count, and the time of the newest element, for each key of one open window.
const (
	stateKeyBytes    = 50
	stateValueBytes  = 16
	stateCommitEvery = 100 * time.Millisecond // as a stream does by default
	stateZipf        = 1.1
	stateRestored    = 100_000 // changes between two commits while state is rebuilt
)

// stateStore is where a keyed count keeps its state. One goroutine uses it.
type stateStore interface {
	// add counts one more element of a key, and returns how many there are now. It does not keep the slice.
	add(key []byte, time int64) (int64, error)

	// restore takes a change from the changelog. It does not keep the key.
	restore(key []byte, value stateValue)

	// commit ends a transaction of the stream. Nothing is fsynced: the changelog is the durable copy, and what it costs
	// is the same for every store, so that it is left out.
	commit() error

	Close() error
}

// stateValue is what the store keeps for a key.
type stateValue struct{ count, time int64 }

// stateStores are those that are compared, by the contender whose row they stand in. The client's is the map of package
// stream.
var stateStores = map[string]func(dir string) (stateStore, error){
	clientName:    func(string) (stateStore, error) { return newMapState(), nil },
	bboltDB.Name:  openBboltState,
	pebbleDB.Name: openPebbleState,
}

// stateScenarios are what the decision stands on whether a stream's state may lie on disk.
func stateScenarios() (all []Scenario) {
	for _, size := range []struct {
		name string
		keys int64
	}{{"10k", 10_000}, {"100k", 100_000}, {"1m", 1_000_000}} {
		add := func(name, title string, unit Unit, run func(r *Run, keys int64) error) {
			by := map[string]func(*Run) error{}
			for contender := range stateStores {
				by[contender] = func(r *Run) error { return run(r, min(size.keys, r.Sizes.StateKeys)) }
			}
			all = append(all, Scenario{
				Name: "state-store-" + name + "-" + size.name, Title: title + ", " + grouped(size.keys) + " keys", Unit: unit,
				Goal: "decides where state lies", Apart: true, By: by,
			})
		}
		add("uniform", "count by key, any key as likely", NsPerRecord, runStateUniform)
		add("zipf", fmt.Sprintf("count by key, zipf %v", stateZipf), NsPerRecord, runStateZipf)
		add("heap", "heap and stacks of a key", BytesEach, runStateHeap)
		add("rebuild", "state from its changelog", Milliseconds, runStateRebuild)
		add("open", "state after a clean close", Milliseconds, runStateOpen)
	}
	return all
}

func (r *Run) openState() (stateStore, error) {
	return stateStores[r.Contender.Name](filepath.Join(r.Dir, "state"))
}

// stateKey is the key of a number. Keys of neighbours lie far apart.
func stateKey(dst []byte, i int64) []byte {
	const prefix, digits = "tenant-0000/region-north/site-007/", "0123456789abcdef"
	dst = append(dst, prefix...)
	scattered := uint64(i) * 0x9e3779b97f4a7c15
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[scattered>>shift&15])
	}
	return dst
}

// filledState is a store in which each key was counted once.
func (r *Run) filledState(keys int64) (stateStore, error) {
	store, err := r.openState()
	if err != nil {
		return nil, err
	}
	return store, countState(store, func(i int64) (int64, bool) { return i, i < keys })
}

// countState adds the keys of the numbers that next yields, with a commit as often as a stream has one.
func countState(store stateStore, next func(i int64) (key int64, ok bool)) error {
	var due atomic.Bool
	timer := clock.Real.AfterFunc(stateCommitEvery, func() { due.Store(true) })
	defer timer.Stop()
	key := make([]byte, 0, stateKeyBytes)
	for i := int64(0); ; i++ {
		number, ok := next(i)
		if !ok {
			return store.commit()
		}
		if _, err := store.add(stateKey(key[:0], number), i); err != nil {
			return err
		}
		if due.Load() {
			if err := store.commit(); err != nil {
				return err
			}
			due.Store(false)
			timer.Reset(stateCommitEvery)
		}
	}
}
