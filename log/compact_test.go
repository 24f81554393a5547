package log

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

const deleteRetention = time.Hour

// compacted is a log under test, whose steps are written as text:
//
//	a=1 b=2 c     a batch: keys with values, c with a null value, =3 without a key
//	|             a new segment
//	tx 7 a=1      a batch of producer 7's transaction
//	p 7 a=1       a batch of producer 7, without a transaction
//	commit 7, abort 7
//	later         the delete retention passes
//	compact
type compacted struct {
	*Log
	tb    testingT
	opts  Options
	clock *clock.Manual
	seq   map[int64]int32
}

func openCompacted(tb testing.TB, fs vfs.FS) *compacted { return openCompactedIn(tb, fs, 64) }

// openCompactedIn keeps few files open, so that others are closed and opened again by their names.
func openCompactedIn(tb testing.TB, fs vfs.FS, files int) *compacted {
	c := &compacted{tb: tb, clock: clock.NewManual(time.UnixMilli(1_700_000_000_000)), seq: map[int64]int32{}}
	c.opts = options(fs)
	c.opts.Pool = vfs.NewPool(fs, files)
	c.opts.Clock = c.clock
	c.opts.Config = Config{Compact: true, SegmentBytes: 1 << 20, DeleteRetention: deleteRetention}
	c.Log = create(tb, c.opts)
	require.NoError(tb, fs.SyncDir("."))
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func (c *compacted) reopen() {
	c.tb.Helper()
	require.NoError(c.tb, c.Close())
	c.opts.Epoch++
	l, err := Open(c.opts)
	require.NoError(c.tb, err)
	c.Log = l
}

func (c *compacted) do(steps string) {
	c.tb.Helper()
	for step := range strings.SplitSeq(strings.TrimSpace(steps), "\n") {
		c.step(strings.Fields(step))
	}
}

func (c *compacted) step(words []string) {
	c.tb.Helper()
	var id int64 = record.NoProducer
	switch words[0] {
	case "|":
		c.mu.Lock()
		if c.active.Size() > 0 {
			require.NoError(c.tb, c.roll())
		}
		c.mu.Unlock()
		require.NoError(c.tb, c.syncAll())
	case "later":
		c.clock.Advance(deleteRetention)
	case "compact":
		_, err := c.Compact(context.Background())
		require.NoError(c.tb, err)
	case "commit", "abort":
		_, err := fmt.Sscan(words[1], &id)
		require.NoError(c.tb, err)
		c.append(record.EndTxnMarker(words[0] == "commit", id, 0, 0, c.now()))
	case "tx", "p":
		_, err := fmt.Sscan(words[1], &id)
		require.NoError(c.tb, err)
		o := record.Options{ProducerID: id, BaseSequence: c.seq[id], Transactional: words[0] == "tx"}
		c.append(build(c.tb, o, c.now(), words[2:]))
		c.seq[id] += int32(len(words) - 2)
	default:
		c.append(build(c.tb, record.Plain(record.None), c.now(), words))
	}
}

func (c *compacted) now() int64 { return c.clock.Now().UnixMilli() }

func (c *compacted) append(b record.Batch) {
	c.tb.Helper()
	_, err := c.Append(b, c.now())
	require.NoError(c.tb, err)
}

// testingT is what *testing.T and *rapid.T have in common.
type testingT interface {
	require.TestingT
	Helper()
}

func build(tb testingT, o record.Options, ts int64, words []string) record.Batch {
	tb.Helper()
	var b record.Builder
	b.Reset(o)
	for _, w := range words {
		k, v, hasValue := strings.Cut(w, "=")
		var key, value []byte
		if k != "" {
			key = []byte(k)
		}
		if hasValue {
			value = []byte(v)
		}
		require.NoError(tb, b.Append(ts, key, value, nil))
	}
	out, err := b.Finish()
	require.NoError(tb, err)
	return out
}

// batches reads the log, batch by batch.
func batches(tb testingT, l *Log) (all []record.Batch) {
	tb.Helper()
	for from := l.Start(); from < l.End(); {
		data, next, err := l.Read(from, l.End(), 1000)
		require.NoError(tb, err)
		require.Greater(tb, next, from)
		for len(data) > 0 {
			n, err := record.Peek(data)
			require.NoError(tb, err)
			all = append(all, data[:n])
			data = data[n:]
		}
		from = next
	}
	return all
}

// show writes what a log holds as text: offset, key and value of each record, C and A for markers, [] for a batch
// without records, and ! behind a batch with a delete horizon. With committed, only what a reader of committed
// transactions gets.
func show(tb testingT, l *Log, committed bool) string {
	tb.Helper()
	var out []string
	for _, b := range batches(tb, l) {
		if committed && (b.IsControl() || isAborted(tb, l, b)) {
			continue
		}
		var r record.Reader
		require.NoError(tb, r.Reset(b, 1<<20))
		var rec record.Record
		for r.Next(&rec) {
			switch {
			case b.IsControl():
				commit, err := record.ParseControl(rec)
				require.NoError(tb, err)
				out = append(out, fmt.Sprintf("%d:%s", rec.Offset, map[bool]string{true: "C", false: "A"}[commit]))
			case rec.Value == nil:
				out = append(out, fmt.Sprintf("%d:%s", rec.Offset, rec.Key))
			default:
				out = append(out, fmt.Sprintf("%d:%s=%s", rec.Offset, rec.Key, rec.Value))
			}
		}
		require.NoError(tb, r.Err())
		if b.Count() == 0 && !committed {
			out = append(out, fmt.Sprintf("%d:[]", b.BaseOffset()))
		}
		if b.HasDeleteHorizon() && !committed {
			out[len(out)-1] += "!"
		}
	}
	return strings.Join(out, " ")
}

func isAborted(tb testingT, l *Log, b record.Batch) bool {
	tb.Helper()
	all, err := l.Aborted(b.BaseOffset(), b.LastOffset()+1)
	require.NoError(tb, err)
	return newAbortedTxns(all).hold(b)
}

func TestCompact(t *testing.T) {
	for _, c := range []struct{ name, steps, want string }{
		{"the last record of each key", "a=1 b=1 a=2\n|\na=3 c=1\n|\ncompact", "1:b=1 3:a=3 4:c=1"},
		{"never the active segment", "a=1\n|\na=2\ncompact", "0:a=1 1:a=2"},
		{"never against the active segment", "a=1 a=2\n|\na=3\ncompact", "1:a=2 2:a=3"},
		{"records without a key stay", "=1 a=1\n|\n=2 a=2\n|\ncompact", "0:=1 2:=2 3:a=2"},
		{"a tombstone hides what was before it, for a time", "a=1\n|\na\n|\ncompact", "1:a!"},
		{"a tombstone goes after its time", "a=1 b=1\n|\na b=2\n|\ncompact\nlater\ncompact", "3:b=2"},
		{"a tombstone stays until then", "a=1\n|\na\n|\nlater\ncompact\ncompact", "1:a!"},
		{"a value after a tombstone", "a=1\n|\na\n|\na=2\n|\ncompact\nlater\ncompact", "2:a=2"},
		{"twice is once", "a=1 b=1\n|\na=2\n|\ncompact\ncompact", "1:b=1 2:a=2"},
		{"what came later", "a=1\n|\na=2\n|\ncompact\na=3\n|\ncompact", "2:a=3"},
		{"nothing left of a segment", "a=1\n|\na=2\n|\na=3\n|\nb=1\ncompact", "2:a=3 3:b=1"},
		{"committed transaction", "tx 7 a=1\n|\ntx 7 a=2\ncommit 7\n|\ncompact", "1:a=2 2:C"},
		{"aborted transaction", "a=1\n|\ntx 7 a=2\nabort 7\n|\ncompact", "0:a=1 1:[] 2:A"},
		{
			"marker of an aborted transaction", // a newer batch lets the emptied one go
			"a=1\n|\ntx 7 a=2\nabort 7\n|\ntx 7 b=1\ncommit 7\n|\ncompact", "0:a=1 2:A 3:b=1 4:C",
		},
		{
			"marker gets its horizon when nothing is left",
			"a=1\n|\ntx 7 a=2\nabort 7\n|\ntx 7 b=1\ncommit 7\n|\ncompact\ncompact", "0:a=1 2:A! 3:b=1 4:C",
		},
		{
			"marker goes after its time",
			"a=1\n|\ntx 7 a=2\nabort 7\n|\ntx 7 b=1\ncommit 7\n|\ncompact\ncompact\nlater\ncompact", "0:a=1 3:b=1 4:C",
		},
		{
			"an aborted record hides nothing, an aborted tombstone neither",
			"a=1 b=1\n|\ntx 7 a b=2\nabort 7\n|\ncompact\nlater\ncompact", "0:a=1 1:b=1 2:[] 4:A",
		},
		{"only below the last stable offset", "a=1\n|\na=2\ntx 7 a=3\n|\na=4\n|\ncompact", "0:a=1 1:a=2 2:a=3 3:a=4"},
		{
			"up to the last stable offset",
			"a=1\n|\na=2\n|\ntx 7 a=3\n|\na=4\n|\ncompact", "1:a=2 2:a=3 3:a=4",
		},
		{"the newest batch of a producer stays, empty", "p 7 a=1\np 7 a=2\n|\na=3\n|\ncompact", "1:[] 2:a=3"},
		{
			"the marker by which alone a producer is known stays",
			"abort 9\na=1\n|\na=2\n|\ncompact\nlater\ncompact", "0:A 2:a=2",
		},
		{
			"an empty marker of a known producer goes", "abort 9\np 9 a=1\n|\na=2\n|\ncompact\nlater\ncompact", "1:[] 2:a=2",
		},
		{
			"a transaction over several segments",
			"tx 7 a=1\n|\ntx 7 b=1\n|\ntx 7 a=2\n|\nabort 7\np 8 b=2\n|\na=3\n|\ncompact", "2:[] 3:A 4:b=2 5:a=3",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := openCompacted(t, vfs.NewMem())
			l.do(c.steps)
			end := l.End()
			require.Equal(t, c.want, show(t, l.Log, false))
			l.reopen()
			require.Empty(t, l.Damage())
			require.Equal(t, end, l.End())
			require.Equal(t, c.want, show(t, l.Log, false))
			l.do("z=1\n|") // still takes appends
		})
	}
}

func TestCompactNeedsConfiguration(t *testing.T) {
	l := create(t, options(vfs.NewMem()))
	defer l.Close()
	_, err := l.Compact(t.Context())
	require.ErrorIs(t, err, engine.ErrInvalidArgument)
}

func TestCompactDue(t *testing.T) {
	l := openCompacted(t, vfs.NewMem())
	require.False(t, l.CompactDue())
	l.do("a=1 a=2\n|\n")
	require.True(t, l.CompactDue())
	l.do("compact")
	require.False(t, l.CompactDue())
	l.do("a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1\n|\ncompact\nx=1\n|")
	require.False(t, l.CompactDue(), "little is new")
	l.reopen()
	require.False(t, l.CompactDue())
	l.do("a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1\n|\n")
	require.True(t, l.CompactDue())
}

func TestCompactInSeveralPasses(t *testing.T) {
	l := openCompacted(t, vfs.NewMem())
	want := map[string]string{}
	for i := range 300 {
		k, v := fmt.Sprint("key", i*7%60), fmt.Sprint(i)
		l.do(k + "=" + v)
		want[k] = v
		if i%40 == 39 {
			l.do("|")
		}
	}
	l.do("|")
	stats, err := l.compact(t.Context(), 16)
	require.NoError(t, err)
	require.Greater(t, stats.Passes, 3)
	got := map[string]string{}
	for _, w := range strings.Fields(show(t, l.Log, false)) {
		_, kv, _ := strings.Cut(w, ":")
		k, v, _ := strings.Cut(kv, "=")
		require.NotContains(t, got, k)
		got[k] = v
	}
	require.Equal(t, want, got)
}

// TestCompactHorizonWaits has a tombstone in a segment that is only in part compared when it is first rewritten: its time
// must not run before what it hides is gone.
func TestCompactHorizonWaits(t *testing.T) {
	l := openCompacted(t, vfs.NewMem())
	l.do("a=1 b=1\n|\nb=2 c=1 d=1\na e=1\n|")
	ctx, end, err := l.beginCompaction(t.Context())
	require.NoError(t, err)
	defer end()
	var stats CompactStats
	c := compaction{Log: l.Log, ctx: ctx, config: l.config.Load(), mostKeys: 5, stats: &stats, now: 1, horizon: 2}
	more, err := c.pass()
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, "0:a=1 2:b=2 3:c=1 4:d=1 5:a 6:e=1", show(t, l.Log, false))
	more, err = c.pass()
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, "2:b=2 3:c=1 4:d=1 5:a 6:e=1!", show(t, l.Log, false))
}

// TestCompactThenLoseIndexes deletes every index after a compaction.
func TestCompactThenLoseIndexes(t *testing.T) {
	l := openCompacted(t, vfs.NewMem())
	l.do("a=1\n|\ntx 7 a=2\nabort 7\n|\ntx 8 b=1\n|\np 7 c=1\nabort 8\n|\ntx 8 d=1\ntx 7 e=1\nabort 7\ncommit 8\n|\ncompact")
	l.do("tx 9 x=1\nabort 9\n|")
	before, end := show(t, l.Log, true), l.End()
	require.NoError(t, l.Close())
	entries, err := l.opts.FS.ReadDir(l.opts.Dir)
	require.NoError(t, err)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "index") || strings.HasSuffix(e.Name(), snapshotExt) {
			require.NoError(t, l.opts.FS.Remove(l.opts.Dir+"/"+e.Name()))
		}
	}
	l.opts.Epoch++
	l.Log, err = Open(l.opts)
	require.NoError(t, err)
	require.Equal(t, end, l.LastStable())
	require.Equal(t, before, show(t, l.Log, true))
}

func TestCompactCopiesWhatStays(t *testing.T) {
	l := openCompacted(t, vfs.NewMem())
	l.append(build(t, record.Plain(record.Gzip), 5, []string{"a=1", "b=1", "c=" + strings.Repeat("x", 500)}))
	l.do("d=1 e=1\n|")
	before := batches(t, l.Log)
	l.do("compact")
	require.Equal(t, before, batches(t, l.Log))
	stats, err := l.Compact(t.Context())
	require.NoError(t, err)
	require.Zero(t, stats.Written, "nothing to be done")
}

func TestCompactKeepsWhatABatchSays(t *testing.T) {
	for codec := record.None; codec <= record.Zstd; codec++ {
		t.Run(codec.String(), func(t *testing.T) {
			l := openCompacted(t, vfs.NewMem())
			o := record.Options{
				Compression: codec, ProducerID: 7, ProducerEpoch: 0, BaseSequence: 0, LogAppendTime: true,
			}
			l.append(build(t, o, 42, []string{"a=1", "b=" + strings.Repeat("x", 1000), "a=2", "c=1"}))
			l.do("|\nc=2\n|\ncompact")
			b := batches(t, l.Log)[0]
			require.NoError(t, b.Verify())
			require.Equal(t, 2, b.Count())
			require.Equal(t, [2]int64{0, 3}, [2]int64{b.BaseOffset(), b.LastOffset()})
			require.Equal(t, int32(3), b.LastSequence())
			require.Equal(t, codec, b.Compression())
			require.True(t, b.LogAppendTime())
			require.Equal(t, int64(42), b.MaxTimestamp())
		})
	}
}

func TestCompactMerges(t *testing.T) {
	l := openCompacted(t, vfs.NewMem())
	for i := range 20 {
		l.do(fmt.Sprintf("k%d=%d\n|", i, i))
	}
	before := show(t, l.Log, false)
	stats, err := l.Compact(t.Context())
	require.NoError(t, err)
	require.Equal(t, 20, stats.Replaced)
	require.Equal(t, 1, stats.Written)
	require.Equal(t, before, show(t, l.Log, false))
	entries, err := l.opts.FS.ReadDir(l.opts.Dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.NotContains(t, e.Name(), swapExt)
	}
	_, segments := l.Bytes()
	require.Equal(t, 2, segments)
	l.do("k1=x\n|\ncompact")
	l.reopen()
	require.NotContains(t, show(t, l.Log, false), "1:k1=1 ")
}

func TestCompactAtDamage(t *testing.T) {
	mem := vfs.NewMem()
	l := openCompacted(t, mem)
	l.do("a=1\n|\na=2 b=1\n|\na=3\n|")
	f, err := mem.OpenFile("orders-0/00000000000000000001.log", 2)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte{0xff}, 70)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = l.Compact(t.Context())
	var corrupt *engine.CorruptionError
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, [2]int64{1, 3}, [2]int64{corrupt.First, corrupt.Next})
	require.Len(t, l.Damage(), 1)
	_, segments := l.Bytes()
	require.Equal(t, 4, segments)
}

func TestCompactCancelled(t *testing.T) {
	l := openCompacted(t, vfs.NewMem())
	l.do("a=1\n|\na=2\n|")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Compact(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, l.Close())
	_, err = l.Compact(t.Context())
	require.ErrorIs(t, err, engine.ErrClosed)
	entries, err := l.opts.FS.ReadDir(l.opts.Dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.NotContains(t, e.Name(), swapExt)
	}
}
