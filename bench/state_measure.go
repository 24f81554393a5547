package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

func runStateUniform(r *Run, keys int64) error {
	random := rand.New(rand.NewPCG(1, 2))
	return r.countKnown(keys, func() int64 { return random.Int64N(keys) })
}

func runStateZipf(r *Run, keys int64) error {
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), stateZipf, 1, uint64(keys-1))
	return r.countKnown(keys, func() int64 { return int64(zipf.Uint64()) })
}

// countKnown counts elements of keys that the store has. Which ones they are is drawn before.
func (r *Run) countKnown(keys int64, draw func() int64) error {
	drawn := make([]int32, 1<<20)
	for i := range drawn {
		drawn[i] = int32(draw())
	}
	store, err := r.filledState(keys)
	if err != nil {
		return err
	}
	var over atomic.Bool
	var n int64
	r.meter.Start()
	timer := clock.Real.AfterFunc(r.Sizes.Budget, func() { over.Store(true) })
	defer timer.Stop()
	err = countState(store, func(i int64) (int64, bool) {
		n = i
		return int64(drawn[i%int64(len(drawn))]), !over.Load()
	})
	r.meter.Stop(n)
	if err != nil {
		return err
	}
	r.value = r.meter.NsPerRecord()
	return store.Close()
}

func runStateHeap(r *Run, keys int64) error {
	before := heapAndStacks()
	r.meter.Start()
	store, err := r.filledState(keys)
	r.meter.Stop(keys)
	if err != nil {
		return err
	}
	r.value = max(heapAndStacks()-before, 0) / float64(keys)
	return store.Close()
}

// runStateOpen opens a store that was closed and reads a key. A map has nothing but the changelog to begin with.
func runStateOpen(r *Run, keys int64) error {
	if r.Contender.Name == clientName {
		return runStateRebuild(r, keys)
	}
	store, err := r.filledState(keys)
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	r.meter.Start()
	if store, err = r.openState(); err != nil {
		return err
	}
	n, err := store.add(stateKey(nil, keys-1), 0)
	r.meter.Stop(1)
	if err != nil {
		return err
	}
	if n != 2 {
		return fmt.Errorf("the last key has a count of %d after an element more, want 2", n)
	}
	r.value = r.meter.NsPerRecord() / 1e6
	return store.Close()
}

// runStateRebuild reads the state from a changelog that has each key once, as one that was just compacted.
func runStateRebuild(r *Run, keys int64) error {
	dir := filepath.Join(r.Dir, "changelog")
	if err := writeChangelog(dir, keys); err != nil {
		return err
	}
	store, err := r.openState()
	if err != nil {
		return err
	}
	r.meter.Start()
	if err := readChangelog(dir, store); err != nil {
		return err
	}
	r.meter.Stop(keys)
	r.value = float64(r.meter.Elapsed.Microseconds()) / 1e3
	n, err := store.add(stateKey(nil, keys-1), 0)
	if err == nil && n != 2 {
		err = fmt.Errorf("the last key has a count of %d after an element more, want 2", n)
	}
	return errors.Join(err, store.Close())
}

// writeChangelog makes a topic with a change of each key. Its records are values that begin with the key.
func writeChangelog(dir string, keys int64) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	log, err := embeddedClient.Open(dir, OpenOptions{Level: System, Batch: batchSize, Goroutines: 1})
	if err != nil {
		return err
	}
	var records [][]byte
	for i := range keys {
		record := stateValue{count: 1, time: i}.append(stateKey(make([]byte, 0, stateKeyBytes+stateValueBytes), i))
		if records = append(records, record); len(records) == batchSize || i == keys-1 {
			if err := log.Append(records); err != nil {
				return err
			}
			records = records[:0]
		}
	}
	return log.Close()
}

func readChangelog(dir string, store stateStore) error {
	log, err := embeddedClient.Open(dir, OpenOptions{Level: System, Batch: batchSize, Goroutines: 1})
	if err != nil {
		return err
	}
	var failed error
	n := 0
	err = log.(walker).walk(func(record []byte) {
		store.restore(record[:stateKeyBytes], decodeState(record[stateKeyBytes:]))
		if n++; n%stateRestored == 0 {
			failed = errors.Join(failed, store.commit())
		}
	})
	return errors.Join(err, failed, store.commit(), log.Close())
}
