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

func TestFlippedByteInSealedSegment(t *testing.T) {
	s := newSample(t)
	for at := range int64(sampleBatch) {
		disk := s.closedDisk(t)
		edit(t, disk, s.path(s.bases[1], segment.LogExt), flip(sampleBatch+at))
		l := s.openOn(t, disk)
		bad := s.bases[1] + 1
		offsets, damage := readable(t, l)
		if at >= 12 && at < 16 { // the epoch concerns only recovery; verify finds it
			require.Equal(t, upTo(s.end), offsets)
			require.NoError(t, l.Close())
			continue
		}
		require.Equal(t, upTo(s.end, bad), offsets, "byte %d", at)
		require.Len(t, damage, 1)
		require.Equal(t, s.path(s.bases[1], segment.LogExt), damage[0].File)
		require.Equal(t, []int64{sampleBatch, bad, bad + 1}, []int64{damage[0].Position, damage[0].First, damage[0].Next})
		require.Len(t, l.Damage(), 1)
		require.NoError(t, l.Close())
	}
}

// Below the watermark but not sealed: opening does not read it, a read reports it, and nothing is changed.
func TestFlippedByteBelowWatermark(t *testing.T) {
	s := newSample(t)
	for _, at := range []int64{0, 8, 17, 30, 100} {
		disk := s.disk()
		edit(t, disk, s.active(), flip(at))
		l := s.openOn(t, disk)
		offsets, damage := readable(t, l)
		require.Equal(t, upTo(s.end, s.bases[3]), offsets)
		require.Len(t, damage, 1)
		require.NoError(t, l.Close())
		l = s.openOn(t, disk)
		offsets, _ = readable(t, l)
		require.Equal(t, upTo(s.end, s.bases[3]), offsets)
		require.NoError(t, l.Close())
	}
}

// Above the watermark nothing was promised: the log is cut there, the bytes are kept aside, appends go on.
func TestFlippedByteAboveWatermark(t *testing.T) {
	s := newSample(t)
	for at := range int64(sampleBatch) {
		if at >= 12 && at < 16 {
			continue // a higher epoch in the last but one batch makes the last one stale
		}
		disk := s.disk()
		edit(t, disk, s.active(), flip(s.mark+at))
		s.reopen(t, disk.KillClone(), s.synced)
		l := s.openOn(t, disk)
		require.Equal(t, s.synced, l.End(), "byte %d", at)
		require.Len(t, l.Notes(), 1)
		require.NoError(t, l.Close())
		broken := fmt.Sprintf("%s.%d.broken", s.active(), s.mark)
		kept, err := vfs.ReadFile(disk, broken, 1<<20)
		require.NoError(t, err)
		was, err := vfs.ReadFile(s.mem, s.active(), 1<<20)
		require.NoError(t, err)
		require.Len(t, kept, len(was)-int(s.mark))
	}
}

// The tail is cut off at every byte: what is below the watermark cannot be missing, the rest may.
func TestCutTail(t *testing.T) {
	s := newSample(t)
	for size := range s.size + 1 {
		disk := s.disk()
		edit(t, disk, s.active(), func(b []byte) []byte { return b[:size] })
		if size >= s.mark {
			s.reopen(t, disk, s.synced)
			continue
		}
		l := s.openOn(t, disk)
		require.NotEmpty(t, l.Damage())
		require.Equal(t, s.synced, l.End(), "offsets are not given twice")
		_, err := l.Append(s.batch(entry{kind: plain, producer: -1, values: []string{"x"}}, 1), 1)
		require.ErrorIs(t, err, engine.ErrReadOnly)
		require.ErrorIs(t, l.DeleteRecords(1), engine.ErrReadOnly)
		offsets, damage := readable(t, l)
		require.Equal(t, upTo(s.bases[3]+size/sampleBatch), offsets, "cut to %d", size)
		require.Len(t, damage, 1)
		require.NoError(t, l.Close())
		after, err := vfs.ReadFile(disk, s.active(), 1<<20)
		require.NoError(t, err)
		require.Len(t, after, int(size), "nothing is changed")
	}
}

func TestSealedSegmentIsCutOrMissing(t *testing.T) {
	s := newSample(t)
	cases := map[string]func(fs vfs.FS, name string){
		"cut":     func(fs vfs.FS, name string) { edit(t, fs, name, func(b []byte) []byte { return b[:2*sampleBatch] }) },
		"longer":  func(fs vfs.FS, name string) { edit(t, fs, name, func(b []byte) []byte { return append(b, 0) }) },
		"empty":   func(fs vfs.FS, name string) { edit(t, fs, name, func(b []byte) []byte { return nil }) },
		"missing": func(fs vfs.FS, name string) { require.NoError(t, fs.Remove(name)) },
	}
	left := map[string]int64{"cut": 2, "longer": s.bases[2] - s.bases[1]}
	for name, damageFile := range cases {
		t.Run(name, func(t *testing.T) {
			for _, disk := range []*vfs.Mem{s.disk(), s.closedDisk(t)} {
				damageFile(disk, s.path(s.bases[1], segment.LogExt))
				for range 2 {
					l := s.openOn(t, disk)
					require.Len(t, l.Damage(), 1)
					require.Equal(t, s.bases[1], l.Damage()[0].First)
					require.Equal(t, s.bases[2], l.Damage()[0].Next)
					require.Equal(t, s.end, l.End())
					offsets, _ := readable(t, l)
					var without []int64
					for o := s.bases[1] + left[name]; o < s.bases[2]; o++ {
						without = append(without, o)
					}
					require.Equal(t, upTo(s.end, without...), offsets)
					require.NoError(t, l.Close())
				}
			}
		})
	}
}

// A file that was taken from elsewhere does not fit.
func TestSwappedFiles(t *testing.T) {
	s := newSample(t)
	disk := s.closedDisk(t)
	a, b := s.path(s.bases[0], segment.LogExt), s.path(s.bases[1], segment.LogExt)
	for _, names := range [][2]string{{a, "x"}, {b, a}, {"x", b}} {
		require.NoError(t, disk.Rename(names[0], names[1]))
	}
	l := s.openOn(t, disk)
	offsets, damage := readable(t, l)
	require.Equal(t, upTo(s.end, upTo(s.bases[2])...), offsets)
	require.Len(t, damage, 2)
	require.NoError(t, l.Close())
}

// The manifest and the checkpoint of another partition are not believed.
func TestFilesOfAnotherPartition(t *testing.T) {
	s := newSample(t)
	for _, name := range []string{manifestName, checkpointName} {
		disk := s.disk()
		other := newSample(t)
		b, err := vfs.ReadFile(other.mem, other.o.Dir+"/"+name, 1<<20)
		require.NoError(t, err)
		edit(t, disk, s.o.Dir+"/"+name, func([]byte) []byte { return b })
		s.o.ID = []byte("another-partition-0")
		l := s.openOn(t, disk)
		require.NotEmpty(t, l.Notes())
		require.NoError(t, l.Close())
	}
}

// Files that are derived are rebuilt, or were never needed.
func TestDeletedFile(t *testing.T) {
	s := newSample(t)
	for _, disk := range []*vfs.Mem{s.disk(), s.closedDisk(t)} {
		entries, err := disk.ReadDir(s.o.Dir)
		require.NoError(t, err)
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), segment.LogExt) {
				continue
			}
			c := disk.KillClone()
			require.NoError(t, c.Remove(s.o.Dir+"/"+e.Name()))
			l := s.openOn(t, c)
			noted := e.Name() == manifestName || e.Name() == checkpointName
			require.Equal(t, noted, len(l.Notes()) > 0, e.Name())
			s.verify(t, l, s.end)
			require.NoError(t, l.Close())
			l = s.openOn(t, c)
			require.Empty(t, l.Notes(), e.Name())
			s.verify(t, l, s.end)
			require.NoError(t, l.Close())
		}
	}
}

// Each byte of the manifest is flipped, and it is cut at each byte. Nothing is lost; what cannot be told from a write
// that was cut short is scanned again, and the rest is reported.
func TestDamagedManifest(t *testing.T) {
	s := newSample(t)
	name := s.o.Dir + "/" + manifestName
	b, err := vfs.ReadFile(s.mem, name, 1<<20)
	require.NoError(t, err)
	for at := range b {
		for _, change := range []func([]byte) []byte{flip(int64(at)), func(b []byte) []byte { return b[:at] }} {
			disk := s.disk()
			edit(t, disk, name, change)
			l := s.openOn(t, disk)
			s.verify(t, l, s.end)
			require.NoError(t, l.Close())
			l = s.openOn(t, disk)
			require.Empty(t, l.Notes())
			s.verify(t, l, s.end)
			require.Len(t, l.manifest.sealed, 3)
			require.NoError(t, l.Close())
		}
	}
}

func TestDamagedCheckpoint(t *testing.T) {
	s := newSample(t)
	name := s.o.Dir + "/" + checkpointName
	b, err := vfs.ReadFile(s.mem, name, 1<<20)
	require.NoError(t, err)
	for at := range b {
		if at%slotSize > slotLen {
			continue
		}
		disk := s.disk()
		edit(t, disk, name, flip(int64(at)))
		l := s.openOn(t, disk)
		s.verify(t, l, s.end)
		require.NoError(t, l.Close())
	}
	for name, change := range map[string]func([]byte) []byte{
		"empty": func([]byte) []byte { return nil }, "zeros": func(b []byte) []byte { return make([]byte, len(b)) },
		"large": func(b []byte) []byte { return make([]byte, 100<<10) },
	} {
		disk := s.disk()
		edit(t, disk, s.o.Dir+"/"+checkpointName, change)
		l := s.openOn(t, disk)
		require.Len(t, l.Notes(), 1, name)
		s.verify(t, l, s.end)
		require.NoError(t, l.Close())
		require.Empty(t, s.openOn(t, disk).Notes(), name)
	}
}

// Without a checkpoint it is not known what was promised: what has a valid batch behind it is not cut off.
func TestDamageWithoutCheckpoint(t *testing.T) {
	s := newSample(t)
	for _, c := range []struct {
		name   string
		at     int64
		damage bool
		end    int64
	}{
		{"in the middle", s.mark, true, s.synced},
		{"in the last batch", s.mark + sampleBatch, false, s.synced + 1},
	} {
		disk := s.disk()
		require.NoError(t, disk.Remove(s.o.Dir+"/"+checkpointName))
		edit(t, disk, s.active(), flip(c.at+40))
		l := s.openOn(t, disk)
		require.Equal(t, c.damage, len(l.Damage()) > 0, c.name)
		require.Equal(t, c.end, l.End(), c.name)
		require.NoError(t, l.Close())
	}
}

// Without a manifest sealed segments are read in full. What the watermark covers of them is not cut off.
func TestDamageWithoutManifest(t *testing.T) {
	s := newSample(t)
	for name, damageFile := range map[string]func(fs vfs.FS, name string){
		"flipped": func(fs vfs.FS, name string) { edit(t, fs, name, flip(sampleBatch+40)) },
		"cut":     func(fs vfs.FS, name string) { edit(t, fs, name, func(b []byte) []byte { return b[:sampleBatch] }) },
		"missing": func(fs vfs.FS, name string) { require.NoError(t, fs.Remove(name)) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, base := range s.bases[1:] {
				if name == "flipped" && base == s.bases[3] {
					continue // below the watermark of the active one: not read when opening
				}
				disk := s.disk()
				require.NoError(t, disk.Remove(s.o.Dir+"/"+manifestName))
				damageFile(disk, s.path(base, segment.LogExt))
				before := contents(t, disk, s.o.Dir)
				for range 2 {
					l := s.openOn(t, disk)
					require.NotEmpty(t, l.Damage())
					_, err := l.Append(numbered(1), 1)
					require.ErrorIs(t, err, engine.ErrReadOnly)
					require.GreaterOrEqual(t, l.End(), s.synced)
					offsets, damage := readable(t, l)
					require.Subset(t, offsets, upTo(base))
					if name == "missing" {
						require.NotEmpty(t, damage)
					}
					require.NoError(t, l.Close())
				}
				require.Equal(t, before, contents(t, disk, s.o.Dir), "nothing is changed")
			}
		})
	}
}

// contents are the log files of a directory.
func contents(t *testing.T, fs vfs.FS, dir string) map[string]string {
	files := map[string]string{}
	entries, err := fs.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if strings.Contains(e.Name(), segment.LogExt) {
			b, err := vfs.ReadFile(fs, dir+"/"+e.Name(), 1<<20)
			require.NoError(t, err)
			files[e.Name()] = string(b)
		}
	}
	return files
}

func TestDirectoryInPlaceOfFile(t *testing.T) {
	s := newSample(t)
	for _, name := range []string{s.active(), s.path(s.bases[0], segment.LogExt), s.o.Dir + "/" + manifestName,
		s.o.Dir + "/" + checkpointName} {
		disk := s.disk()
		require.NoError(t, disk.Remove(name))
		require.NoError(t, disk.Mkdir(name))
		_, err := s.tryOpen(disk)
		require.Error(t, err, name)
		var e *engine.Error
		require.ErrorAs(t, err, &e)
		require.Contains(t, err.Error(), "not a regular file")
	}
}

// A clean close leaves nothing to read; closing again what was not used writes nothing.
func TestCleanOpenReadsNoData(t *testing.T) {
	s := newSample(t)
	disk := s.closedDisk(t)
	var reads, writes []string
	fs := vfs.Faulty(disk, func(op vfs.Op) error {
		switch op.Kind {
		case vfs.OpRead:
			reads = append(reads, op.Name)
		case vfs.OpWrite, vfs.OpSync, vfs.OpTruncate, vfs.OpSyncDir, vfs.OpRename, vfs.OpRemove:
			writes = append(writes, op.Name)
		}
		return nil
	})
	l := s.openOn(t, fs)
	require.NoError(t, l.Close())
	for _, name := range reads {
		require.False(t, strings.HasSuffix(name, segment.LogExt), name)
	}
	require.Empty(t, writes)
	s.verify(t, s.openOn(t, disk), s.end)
}
