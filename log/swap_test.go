package log

import (
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// bigManifest makes a log whose manifest consists of starts that no longer matter.
func bigManifest(t *testing.T, fsys vfs.FS) *compacted {
	l := openCompacted(t, fsys)
	l.do("a=1 b=1\n|\ntx 7 a=2\nabort 7\n|\nc=1\n|\ncompact")
	l.meta.Lock()
	defer l.meta.Unlock()
	frame := l.manifest.frameRecord(nil, startRecord(0))
	b := slices.Repeat(frame, smallManifest/len(frame)+1)
	_, err := l.manifest.file.WriteAt(b, l.manifest.size)
	require.NoError(t, err)
	require.NoError(t, l.manifest.file.Sync())
	l.manifest.size += int64(len(b))
	return l
}

func TestShrinkManifest(t *testing.T) {
	l := bigManifest(t, vfs.NewMem())
	require.NoError(t, l.Maintain())
	require.Less(t, l.manifest.size, int64(1000))
	l.do("d=1\n|")
	before := show(t, l.Log, false)
	sealed := slices.Clone(l.manifest.sealed)
	l.reopen()
	require.Empty(t, l.Notes())
	require.Equal(t, sealed, l.manifest.sealed)
	require.Equal(t, before, show(t, l.Log, false))
}

func TestShrinkManifestCrash(t *testing.T) {
	mem := vfs.NewMem()
	var clones []*vfs.Mem
	shrinking := false
	l := bigManifest(t, vfs.Faulty(mem, func(op vfs.Op) error {
		if shrinking {
			clones = append(clones, mem.KillClone(), mem.CrashClone(uint64(op.N)))
		}
		return nil
	}))
	want := show(t, l.Log, false)
	shrinking = true
	require.NoError(t, l.Maintain())
	shrinking = false
	require.NotEmpty(t, clones)
	for _, clone := range clones {
		again := reopenOn(t, l.opts, clone)
		require.Empty(t, again.Damage())
		require.Equal(t, want, show(t, again, false))
		require.NoError(t, again.Close())
	}
}

func TestShrinkManifestFaults(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		for n := int64(1); ; n++ {
			mem := vfs.NewMem()
			first, failed := int64(0), false
			l := bigManifest(t, vfs.Faulty(mem, func(op vfs.Op) error {
				if first < 0 {
					first = op.N
				}
				if first > 0 && op.N-first+1 == n {
					failed = true
					return fault
				}
				return nil
			}))
			want := show(t, l.Log, false)
			first = -1
			err := l.Maintain()
			first = 0
			if l.Failed() == nil {
				require.NoError(t, err)
				l.do("d=1\n|")
				want = show(t, l.Log, false)
			}
			_ = l.Close()
			again := reopenOn(t, l.opts, mem)
			require.Empty(t, again.Damage())
			require.Equal(t, want, show(t, again, false))
			require.NoError(t, again.Close())
			if !failed {
				break
			}
		}
	}
}
