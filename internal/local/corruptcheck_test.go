package local_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// probe makes a failed requirement an error, so that a hundred thousand cases need no subtest each.
type probe struct{ failed string }

func (p *probe) Errorf(format string, args ...any) { p.failed = fmt.Sprintf(format, args...) }
func (p *probe) FailNow()                          { panic(p) }

// try runs a check. It returns what failed in it, also when that is a panic.
func try(check func(t require.TestingT)) (err error) {
	p := &probe{}
	defer func() {
		switch r := recover(); {
		case r == p:
			err = errors.New(p.failed)
		case r != nil:
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	check(p)
	return nil
}

// frozen fails everything that would change a file.
func frozen(f vfs.FS) vfs.FS {
	return vfs.Faulty(f, func(op vfs.Op) error {
		switch op.Kind {
		case vfs.OpWrite, vfs.OpTruncate, vfs.OpMkdir, vfs.OpRemove, vfs.OpRemoveAll, vfs.OpRename, vfs.OpSync, vfs.OpSyncDir:
			return fmt.Errorf("%v of %s", op.Kind, op.Name)
		}
		return nil
	})
}

// check goes through everything that can be done with a damaged copy of the template. touched are the files that were
// changed in it.
func (w *template) check(t require.TestingT, ctx context.Context, mem *vfs.Mem, touched []string) {
	report, verifyErr := local.Verify(frozen(mem))
	if verifyErr != nil {
		refusal(t, verifyErr)
	}
	sound := verifyErr == nil && report.OK()
	before := mem.KillClone()
	e, err := local.Open(unattended(mem))
	if err != nil {
		refusal(t, err)
		require.False(t, sound && !slices.Contains(touched, "LOCK"), "Verify finds nothing: %v", err)
		if errors.Is(err, engine.ErrCorrupt) {
			require.Empty(t, changes(before, mem), "an open that fails for damage changes nothing: %v", err)
		}
	} else {
		w.checkOpen(t, ctx, e, sound, touched)
		require.NoError(t, e.Close())
		if after, err := local.Verify(frozen(mem)); sound {
			require.NoError(t, err)
			require.True(t, after.OK(), "%+v", after)
		}
	}
	w.checkRepair(t, ctx, before)
}

// changes lists the files that differ, but for the lock, which is taken before damage is met.
func changes(before, after vfs.FS) (names []string) {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(append(files(before, "."), files(after, ".")...)))) {
		a, aErr := vfs.ReadFile(before, name, 1<<20)
		b, bErr := vfs.ReadFile(after, name, 1<<20)
		if name != "LOCK" && (!bytes.Equal(a, b) || (aErr == nil) != (bErr == nil)) {
			names = append(names, name)
		}
	}
	return names
}

func (w *template) checkOpen(t require.TestingT, ctx context.Context, e *local.Engine, sound bool, touched []string) {
	whole := true // all that was promised could be read
	infos, err := e.ListTopics(ctx)
	require.NoError(t, err)
	require.Len(t, infos, 3)
	for p, o := range w.parts {
		info := must(e.DescribeTopic(ctx, p.Topic)).Partitions[p.Partition]
		all := collect(t, ctx, e, p.Topic, engine.ReadUncommitted)[p.Partition]
		committed := collect(t, ctx, e, p.Topic, engine.ReadCommitted)[p.Partition]
		o.checkRecords(t, all)
		o.checkRecords(t, committed)
		for offset := range committed.records {
			require.False(t, slices.Contains(o.all, offset) && !slices.Contains(o.committed, offset),
				"%v: the record at %d belongs to an aborted transaction", p, offset)
		}
		lost := o.lost(o.all, all) || info.LastStable >= o.durable && o.lost(o.committed, committed)
		require.False(t, lost && !w.excused(e, p, touched), "%v: records are missing and nothing says so: %+v, %+v", p, info, e.Health())
		whole = whole && !lost && len(all.damage)+len(committed.damage) == 0
		if w.excused(e, p, touched) {
			continue
		}
		if len(info.Damage) == 0 || info.End > 0 {
			require.GreaterOrEqual(t, info.End, o.durable, "%v", p)
		}
	}
	if h := e.Health(); sound || h.OK {
		require.True(t, whole || w.excusedAll(e, touched), "Verify: %v, Health: %+v", sound, h)
	}
	w.checkOffsets(t, ctx, e, touched)
	for p, o := range w.parts {
		if info := must(e.DescribeTopic(ctx, p.Topic)).Partitions[p.Partition]; !w.excused(e, p, touched) {
			w.checkAppend(t, ctx, e, p, info, o)
		}
	}
}

// checkRecords holds what was read against what was sent.
func (o *oracle) checkRecords(t require.TestingT, got reading) {
	for offset, r := range got.records {
		require.Equal(t, o.records[offset], r, "wrong bytes as good at %d", offset)
	}
}

// lost reports whether offsets that were promised are neither there nor accounted for by an error.
func (o *oracle) lost(want []int64, got reading) bool {
	return slices.ContainsFunc(want, func(offset int64) bool {
		_, there := got.records[offset]
		return offset < o.durable && !there && !got.covers(offset)
	})
}

// excused: a partition that has lost its checkpoint does not know what was promised, and takes a bad end for a tail; one
// that has lost its manifest does not know where it began. Both are noted as unverified.
func (w *template) excused(e *local.Engine, p engine.TopicPartition, touched []string) bool {
	dir := fmt.Sprintf("topics/%s-%d/", p.Topic, p.Partition)
	return slices.ContainsFunc(e.Health().Notes, func(note string) bool {
		return len(touched) > 1 && (strings.HasPrefix(note, "unverified: "+dir+"checkpoint") && slices.Contains(touched, dir+"checkpoint") ||
			strings.HasPrefix(note, "unverified: "+dir+"manifest") && slices.Contains(touched, dir+"manifest"))
	})
}

func (w *template) excusedAll(e *local.Engine, touched []string) bool {
	for p := range w.parts {
		if w.excused(e, p, touched) {
			return true
		}
	}
	return false
}

// checkAppend appends where that is possible. No offset that was promised is given again.
func (w *template) checkAppend(t require.TestingT, ctx context.Context, e *local.Engine, p engine.TopicPartition,
	info engine.PartitionInfo, o *oracle) {
	producer, err := e.OpenProducer(ctx, engine.ProducerConfig{Acks: engine.AcksLeader})
	require.NoError(t, err)
	defer func() { require.NoError(t, producer.Close()) }()
	rs := []engine.Record{recTo(p.Partition, "appended")}
	if _, err = producer.Produce(ctx, p.Topic, rs); err != nil {
		require.True(t, errors.Is(err, engine.ErrReadOnly) || errors.Is(err, engine.ErrCorrupt), "%v", err)
		require.False(t, e.Health().OK)
		return
	}
	require.Equal(t, info.End, rs[0].Offset)
	require.GreaterOrEqual(t, rs[0].Offset, o.durable)
}

// checkOffsets: a group's offsets are what was committed, or, where the journal's end was in doubt, an earlier commit.
func (w *template) checkOffsets(t require.TestingT, ctx context.Context, e *local.Engine, touched []string) {
	group, err := e.DescribeGroup(ctx, "g")
	require.NoError(t, err)
	got := map[engine.TopicPartition]int64{}
	for _, o := range group.Offsets {
		got[o.TopicPartition] = o.Committed
	}
	for p, want := range w.offsets {
		least := want
		if slices.ContainsFunc(touched, func(name string) bool { return strings.HasPrefix(name, "journal/") }) {
			least = w.promised[p]
		}
		if info, err := e.DescribeTopic(ctx, p.Topic); err == nil {
			end := info.Partitions[p.Partition].End
			least = min(least, end)
		}
		require.LessOrEqual(t, got[p], want, "%v", p)
		require.GreaterOrEqual(t, got[p], least, "%v", p)
	}
}

// checkRepair repairs a copy. Afterwards it can be opened, unless the error says why not, and no record in it is wrong.
func (w *template) checkRepair(t require.TestingT, ctx context.Context, mem *vfs.Mem) {
	report, err := local.Repair(mem, clock.NewManual(epoch), slog.New(slog.DiscardHandler))
	if err != nil {
		refusal(t, err)
		return
	}
	e, err := local.Open(unattended(mem))
	if err != nil {
		refusal(t, err)
		require.False(t, report.OK(), "%v", err)
		return
	}
	infos, err := e.ListTopics(ctx)
	require.NoError(t, err)
	for _, info := range infos {
		for n := range info.Partitions {
			p := tp(info.Name, int32(n))
			o := w.parts[p]
			require.NotNil(t, o, "%v", p)
			o.checkRecords(t, collect(t, ctx, e, p.Topic, engine.ReadUncommitted)[n])
			o.checkRecords(t, collect(t, ctx, e, p.Topic, engine.ReadCommitted)[n])
		}
	}
	require.NoError(t, e.Close())
}
