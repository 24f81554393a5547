package log

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

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
