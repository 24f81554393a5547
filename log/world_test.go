package log

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// runs multiplies the sizes of the tests over random crashes and faults, for a run at night.
var runs = flag.Int("log.runs", 1, "how many times as many crashes and faults to try")

// world is a partition under test and what it must hold: the oracle. It is driven by one goroutine.
type world struct {
	o     Options
	clock *clock.Manual
	l     *Log

	batches  []entry // in the order of their offsets; the last may be one whose append has not returned
	acked    int64   // end of what was appended
	synced   int64   // end of what is durable
	start    int64   // of the log
	starting int64   // start that a DeleteRecords under way asks for

	sequences map[int64]int32
}

// entry is a batch in the oracle.
type entry struct {
	first, next int64
	producer    int64 // -1 for none
	kind        kind
	values      []string
}

type kind int

const (
	plain kind = iota
	transactional
	commit
	abort
)

func newWorld(fs vfs.FS) *world {
	c := clock.NewManual(time.UnixMilli(1_000_000))
	o := options(fs)
	o.Clock = c
	o.Config = Config{SegmentBytes: 2 << 10, Delete: true}
	return &world{o: o, clock: c, sequences: map[int64]int32{}}
}

// create makes and opens the partition.
func (w *world) create() error {
	if err := w.o.FS.Mkdir(w.o.Dir); err != nil {
		return err
	}
	if err := Create(w.o); err != nil {
		return err
	}
	if err := w.o.FS.SyncDir("."); err != nil {
		return err
	}
	return w.open()
}

func (w *world) open() (err error) {
	w.o.Epoch++
	w.o.Pool = vfs.NewPool(w.o.FS, 64)
	w.l, err = Open(w.o)
	return err
}

// append writes a batch and waits for what it starts in the background, so that everything happens in one order.
func (w *world) append(k kind, producer int64, values ...string) error {
	w.batches = slices.DeleteFunc(w.batches, func(e entry) bool { return e.next > w.acked })
	e := entry{first: w.acked, next: w.acked + int64(max(len(values), 1)), producer: producer, kind: k, values: values}
	w.batches = append(w.batches, e)
	now := w.clock.Now().UnixMilli()
	a, err := w.l.Append(w.batch(e, now), now)
	w.l.background.Wait()
	if err != nil {
		return err
	}
	if a.First != e.first || a.Next != e.next || a.Duplicate {
		return fmt.Errorf("batch %+v went to %+v", e, a)
	}
	if k == plain || k == transactional {
		w.sequences[producer] += int32(len(values))
	}
	w.acked = e.next
	return nil
}

// together appends batches of one record that wait for the same sync. Where they do not fit with one write, one may fail
// and the next succeed: those that failed come last in the oracle.
func (w *world) together(values ...string) (err error) {
	w.batches = slices.DeleteFunc(w.batches, func(e entry) bool { return e.next > w.acked })
	now := w.clock.Now().UnixMilli()
	next := func(v string) entry {
		end := w.acked
		if n := len(w.batches); n > 0 {
			end = max(end, w.batches[n-1].next)
		}
		return entry{first: end, next: end + 1, producer: -1, kind: plain, values: []string{v}}
	}
	before := w.batches
	var list []*pending
	for _, v := range values {
		e := next(v)
		w.batches = append(w.batches, e)
		p := &pending{batch: w.batch(e, now), nowMs: now}
		w.l.queue.add(p)
		list = append(list, p)
	}
	_, _ = w.l.sync.lead(w.l.gatherAndSync)
	w.batches = slices.Clip(before)
	var failed []string
	for i, p := range list {
		err = errors.Join(err, p.err)
		if p.appended.Next == 0 {
			failed = append(failed, values[i])
			continue
		}
		w.batches = append(w.batches, next(values[i]))
		w.acked = p.appended.Next
	}
	for _, v := range failed {
		w.batches = append(w.batches, next(v))
	}
	if err == nil {
		w.synced = w.acked
	}
	w.l.background.Wait()
	return err
}

func (w *world) batch(e entry, now int64) record.Batch {
	if e.kind == commit || e.kind == abort {
		return record.EndTxnMarker(e.kind == commit, e.producer, 0, 0, now)
	}
	o := record.Plain(record.None)
	if e.producer >= 0 {
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = e.producer, 0, w.sequences[e.producer]
		o.Transactional = e.kind == transactional
	}
	var b record.Builder
	b.Reset(o)
	for _, v := range e.values {
		if err := b.Append(now, nil, []byte(v), nil); err != nil {
			panic(err)
		}
	}
	out, err := b.Finish()
	if err != nil {
		panic(err)
	}
	return out
}

func (w *world) sync() error {
	err := w.l.Sync(w.acked)
	if err == nil {
		w.synced = w.acked
	}
	return err
}

func (w *world) deleteRecords(before int64) error {
	w.starting = before
	err := w.l.DeleteRecords(before)
	if err == nil {
		w.start, w.synced = before, max(w.synced, before)
	}
	return err
}

func (w *world) close() error {
	err := w.l.Close()
	if err == nil {
		w.synced = w.acked
	}
	return err
}

// work is what most tests do to a partition: batches of all sizes and kinds, rolls, syncs, deletion, a clean close in
// the middle. It stops at the first error, which the caller may expect.
func (w *world) work() error {
	if err := w.create(); err != nil {
		return err
	}
	for i := range 40 {
		if err := w.step(i); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return w.close()
}

func (w *world) step(i int) error {
	w.clock.Advance(time.Second)
	values := make([]string, i%4+1)
	for j := range values {
		values[j] = fmt.Sprintf("%d.%d%s", i, j, strings.Repeat("x", i*37%600))
	}
	var errs []error
	do := func(err error) { errs = append(errs, err) }
	switch i % 8 {
	case 1:
		do(w.append(transactional, 1, values...))
		do(w.append(transactional, 2, "of another transaction"))
	case 2:
		do(w.together(values[0], "together with it", strings.Repeat("a third", i)))
	case 3:
		do(w.append(transactional, 1, values...))
		do(w.append([]kind{commit, abort}[i/8%2], 1))
	case 5:
		do(w.append(plain, 3, values...))
		do(w.sync())
	case 6:
		do(w.append([]kind{abort, commit}[i/8%2], 2))
	case 7:
		if i > 16 {
			do(w.deleteRecords(w.acked / 2))
		}
		do(w.sync())
	default:
		do(w.append(plain, -1, values...))
	}
	if i == 20 && errors.Join(errs...) == nil {
		do(w.close())
		do(w.open())
	}
	return errors.Join(errs...)
}
