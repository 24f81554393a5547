package log

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

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
