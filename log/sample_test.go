package log

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

// sample is a log of three sealed segments and an active one, of which the last batches were not synced when the
// process was killed. Each batch has one record with its offset as value.
type sample struct {
	*world
	mem    *vfs.Mem
	bases  []int64 // of the files
	synced int64
	mark   int64 // bytes of the active file that are below the watermark
	size   int64 // bytes of the active file's batches
	end    int64
}

const sampleBatch = 61 + 309

func newSample(t testing.TB) *sample {
	mem := vfs.NewMem()
	w := newWorld(mem)
	require.NoError(t, w.create())
	s := &sample{world: w, mem: mem}
	add := func(n int) {
		for range n {
			require.NoError(t, w.append(plain, -1, fmt.Sprintf("%300d", w.acked)))
		}
	}
	add(18)
	require.NoError(t, w.sync())
	s.synced, s.mark = w.acked, w.l.active.Size()
	add(2)
	s.size, s.end = w.l.active.Size(), w.acked
	for _, seg := range *w.l.segments.Load() {
		s.bases = append(s.bases, seg.Base())
	}
	require.Len(t, s.bases, 4)
	require.Less(t, s.mark, s.size)
	return s
}

func (s *sample) active() string { return s.path(s.bases[3], segment.LogExt) }

func (s *sample) path(base int64, ext string) string { return s.o.Dir + "/" + segment.Name(base) + ext }

// disk is what is left when the process is killed.
func (s *sample) disk() *vfs.Mem { return s.mem.KillClone() }

// closedDisk is what is left after a clean close.
func (s *sample) closedDisk(t testing.TB) *vfs.Mem {
	c := s.disk()
	l := s.openOn(t, c)
	require.NoError(t, l.Close())
	return c
}

func (s *sample) openOn(t testing.TB, fs vfs.FS) *Log {
	l, err := s.tryOpen(fs)
	require.NoError(t, err)
	return l
}

func (s *sample) tryOpen(fs vfs.FS) (*Log, error) {
	o := s.o
	o.FS, o.Pool = fs, vfs.NewPool(fs, 64)
	o.Epoch++
	return Open(o)
}

// edit changes the contents of a file.
func edit(t testing.TB, fs vfs.FS, name string, change func([]byte) []byte) {
	b, err := vfs.ReadFile(fs, name, 1<<20)
	require.NoError(t, err)
	b = change(b)
	f, err := fs.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	require.NoError(t, err)
	_, err = f.WriteAt(b, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func flip(at int64) func([]byte) []byte {
	return func(b []byte) []byte { b[at] ^= 0x10; return b }
}

// readable reads the whole log, going on behind damage. It returns the offsets that could be read, the values of which
// are checked, and the damage.
func readable(t require.TestingT, l *Log) (offsets []int64, damage []engine.CorruptionError) {
	for from := l.Start(); from < l.End(); {
		data, next, err := l.Read(from, l.End(), 1000)
		var c *engine.CorruptionError
		if errors.As(err, &c) {
			require.LessOrEqual(t, c.First, from)
			require.Greater(t, c.Next, from, "reading must go on: %v", c)
			damage = append(damage, *c)
			from = c.Next
			continue
		}
		require.NoError(t, err)
		require.Greater(t, next, from)
		for _, v := range recordsOf(t, data, from) {
			var offset, value int64
			_, err := fmt.Sscan(v[:strings.Index(v, "!")], &offset)
			require.NoError(t, err)
			_, err = fmt.Sscan(v[strings.Index(v, "!")+1:], &value)
			require.NoError(t, err)
			require.Equal(t, offset, value, "the value of a record is its offset")
			offsets = append(offsets, offset)
		}
		from = next
	}
	return offsets, damage
}

// upTo lists the offsets below end but for some.
func upTo(end int64, without ...int64) (offsets []int64) {
next:
	for o := range end {
		for _, w := range without {
			if o == w {
				continue next
			}
		}
		offsets = append(offsets, o)
	}
	return offsets
}
