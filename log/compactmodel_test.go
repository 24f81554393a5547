package log

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// TestCompactModel appends, compacts, crashes and opens a log in any order, and compares it with a list of records.
//
// What must be there: of every key the newest committed record, unless that is a tombstone and its time may have come;
// every record without a key; and nothing that was not appended, at its offset. Key k0 to k5 are few, so that they
// meet often.
func TestCompactModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mem := vfs.NewMem()
		m := &compactModel{mem: mem, l: openCompacted(t, mem)}
		rt.Repeat(map[string]func(*rapid.T){
			"":        m.check,
			"append":  m.append,
			"tx":      m.transaction,
			"roll":    func(rt *rapid.T) { m.do(rt, "|") },
			"compact": m.compact,
			"later":   func(*rapid.T) { m.l.clock.Advance(deleteRetention / 2) },
			"reopen":  func(*rapid.T) { m.l.reopen() },
			"crash":   m.crash,
		})
		require.NoError(rt, m.l.Close())
	})
}

type compactModel struct {
	mem     *vfs.Mem
	l       *compacted
	records []modelRecord
}

type modelRecord struct {
	text     string // as show writes it
	key      string
	deletes  bool
	observed bool // by a reader of committed transactions
}

func (m *compactModel) do(rt *rapid.T, steps string) {
	m.l.tb = rt
	m.l.do(steps)
}

func (m *compactModel) words(rt *rapid.T) []string {
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) string {
		switch key := rapid.IntRange(0, 6).Draw(rt, "key"); rapid.IntRange(0, 3).Draw(rt, "kind") {
		case 0:
			return fmt.Sprintf("k%d", key)
		case 1:
			return fmt.Sprintf("=%d", key)
		default:
			return fmt.Sprintf("k%d=%d", key, rapid.IntRange(0, 9).Draw(rt, "value"))
		}
	}), 1, 4).Draw(rt, "records")
}

func (m *compactModel) note(words []string, observed bool) {
	for _, w := range words {
		key, _, hasValue := strings.Cut(w, "=")
		text := fmt.Sprintf("%d:%s", len(m.records), w)
		m.records = append(m.records, modelRecord{text, key, !hasValue, observed})
	}
}

func (m *compactModel) append(rt *rapid.T) {
	words := m.words(rt)
	m.l.tb = rt
	m.l.append(build(rt, record.Plain(record.Compression(rapid.IntRange(0, 4).Draw(rt, "codec"))), m.l.now(), words))
	m.note(words, true)
}

func (m *compactModel) transaction(rt *rapid.T) {
	id := rapid.Int64Range(1, 3).Draw(rt, "producer")
	commit := rapid.Bool().Draw(rt, "commit")
	for i := range rapid.IntRange(1, 3).Draw(rt, "batches") {
		if i > 0 && rapid.Bool().Draw(rt, "roll") {
			m.do(rt, "|")
		}
		words := m.words(rt)
		m.do(rt, fmt.Sprintf("tx %d %s", id, strings.Join(words, " ")))
		m.note(words, commit)
	}
	m.do(rt, fmt.Sprintf("%s %d", map[bool]string{true: "commit", false: "abort"}[commit], id))
	m.records = append(m.records, modelRecord{})
}

func (m *compactModel) compact(rt *rapid.T) {
	_, err := m.l.compact(rt.Context(), rapid.IntRange(1, 20).Draw(rt, "most keys"))
	require.NoError(rt, err)
	if sources := m.l.compactable(); len(sources) > 0 {
		require.Equal(rt, sources[len(sources)-1].Next(), m.l.compared())
	}
}

// crash loses power; everything was durable before.
func (m *compactModel) crash(rt *rapid.T) {
	require.NoError(rt, m.l.Sync(m.l.End()))
	clone := m.mem.CrashClone(rapid.Uint64().Draw(rt, "seed"))
	require.NoError(rt, m.l.Close())
	m.mem = clone
	m.l.opts.FS, m.l.opts.Pool = clone, vfs.NewPool(clone, 64)
	m.l.opts.Epoch++
	l, err := Open(m.l.opts)
	require.NoError(rt, err)
	require.Empty(rt, l.Damage())
	m.l.Log = l
}

func (m *compactModel) check(rt *rapid.T) {
	require.Equal(rt, int64(len(m.records)), m.l.End())
	require.Equal(rt, m.l.End(), m.l.LastStable())
	got := strings.Fields(show(rt, m.l.Log, true))
	newest := map[string]int{}
	for i, r := range m.records {
		if r.observed && r.key != "" {
			newest[r.key] = i
		}
	}
	for i, r := range m.records {
		there := slices.Contains(got, r.text)
		switch {
		case !r.observed:
			require.False(rt, there, "%s was never committed", r.text)
		case r.key == "" || newest[r.key] == i && !r.deletes:
			require.True(rt, there, "%s is lost", r.text)
		case there && r.deletes:
		case there:
			// Older values may still be there, but never behind a tombstone that is gone.
			require.Contains(rt, got, m.records[newest[r.key]].text, "%s has come back", r.text)
		}
	}
	for _, text := range got {
		require.True(rt, slices.ContainsFunc(m.records, func(r modelRecord) bool { return r.text == text }), text)
	}
}

// compared is the offset up to which the log is clean.
func (c *compacted) compared() int64 {
	end := int64(0)
	for _, s := range c.compactable() {
		if !s.Sealed().Clean {
			break
		}
		end = s.Next()
	}
	return end
}

func BenchmarkCompact(b *testing.B) {
	fs, err := vfs.OS(b.TempDir())
	require.NoError(b, err)
	for _, bench := range []struct {
		name  string
		keys  int
		codec record.Compression
	}{
		{"all superseded", 1_000, record.None}, {"half superseded", 400_000, record.None}, {"nothing superseded", 1 << 30, record.None},
		{"zstd, half superseded", 400_000, record.Zstd},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				l := fillForCompaction(b, fs, fmt.Sprintf("%s-%d-%d", strings.Fields(bench.name)[0], b.N, i), bench.keys, bench.codec)
				before, _ := l.Bytes()
				b.SetBytes(before)
				b.StartTimer()
				_, err := l.Compact(b.Context())
				require.NoError(b, err)
				b.StopTimer()
				require.NoError(b, l.Close())
				require.NoError(b, fs.RemoveAll(l.opts.Dir))
				b.StartTimer()
			}
		})
	}
}

// fillForCompaction appends 800,000 records of about 100 bytes in 4 segments.
func fillForCompaction(b *testing.B, fs vfs.FS, dir string, keys int, codec record.Compression) *Log {
	o := options(fs)
	o.Dir, o.Config = dir, Config{Compact: true, SegmentBytes: 24 << 20}
	l := create(b, o)
	var bl record.Builder
	value := []byte(strings.Repeat("0123456789", 8))
	for i := 0; i < 800_000; {
		bl.Reset(record.Plain(codec))
		for range 100 {
			require.NoError(b, bl.Append(int64(i), fmt.Appendf(nil, "key-%08d", i%keys), value, nil))
			i++
		}
		batch, err := bl.Finish()
		require.NoError(b, err)
		_, err = l.Append(batch, int64(i))
		require.NoError(b, err)
	}
	l.mu.Lock()
	require.NoError(b, l.roll())
	l.mu.Unlock()
	require.NoError(b, l.syncAll())
	return l
}
