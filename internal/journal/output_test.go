package journal

import (
	"bytes"
	"encoding/binary"
	"io"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// spy is an output that tells what is done to it.
type spy struct {
	output
	calls  []string
	fail   error         // of write
	block  chan struct{} // sync waits for it, if it is not nil
	inSync bool
}

func (s *spy) write(index uint64, entry []byte) error {
	if s.fail != nil {
		return s.fail
	}
	return s.output.write(index, entry)
}

func (s *spy) sync() error {
	s.calls = append(s.calls, "sync")
	if s.block != nil {
		s.inSync = true
		<-s.block
		s.inSync = false
	}
	return s.output.sync()
}

func (s *spy) note(call string) {
	if s.inSync {
		call += " during sync"
	}
	s.calls = append(s.calls, call)
}

func (s *spy) close() error   { s.note("close"); return s.output.close() }
func (s *spy) discard() error { s.note("discard"); return s.output.discard() }
func (s *spy) abandon()       { s.note("abandon"); s.output.abandon() }

func spied(t *testing.T, minGeneration int64) (*Journal, *spy) {
	j, err := Open(Options{FS: vfs.NewMem(), Dir: "j", MinGeneration: minGeneration})
	require.NoError(t, err)
	s := &spy{output: j.current.out}
	j.current.out = s
	return j, s
}

func TestFailedOutputIsAbandoned(t *testing.T) {
	j, s := spied(t, 0)
	require.NoError(t, j.Commit(false, Change{"a", []byte("1")}))
	s.fail = syscall.EIO
	require.NoError(t, j.Commit(true, Change{"b", []byte("2")}))
	require.Equal(t, []string{"abandon"}, s.calls)
	require.NoError(t, j.Close())
}

func TestOutputIsNotReleasedDuringAnFsync(t *testing.T) {
	for name, release := range map[string]func(*Journal, *spy) error{
		"switch": func(j *Journal, _ *spy) error {
			return j.Commit(false, Change{"a", make([]byte, 5000)}, Change{"a", nil})
		},
		"failed write": func(j *Journal, s *spy) error {
			s.fail = syscall.EIO
			return j.Commit(false, Change{"a", nil})
		},
		"close": func(j *Journal, _ *spy) error { return j.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, s := spied(t, 1000)
				s.block = make(chan struct{})
				committed, released := make(chan error, 1), make(chan error, 1)
				go func() { committed <- j.Commit(true, Change{"a", []byte("1")}) }()
				synctest.Wait()
				require.Equal(t, []string{"sync"}, s.calls)
				go func() { released <- release(j, s) }()
				synctest.Wait()
				require.Equal(t, []string{"sync"}, s.calls)
				close(s.block)
				require.NoError(t, <-committed)
				require.NoError(t, <-released)
				require.Contains(t, []string{"discard", "abandon", "close"}, s.calls[len(s.calls)-1])
				require.NoError(t, j.Close())
			})
		})
	}
}

// Each row is an entry with good checksums that has one thing wrong, after a snapshot and two entries.
func TestEntriesThatDoNotFit(t *testing.T) {
	good := header{kind: kindOps, generation: 7, index: 4, synced: 2}
	for _, c := range []struct {
		name  string
		spoil func(h *header, entry []byte)
		fits  bool
	}{
		{"good", func(*header, []byte) {}, true},
		{"index repeats", func(h *header, _ []byte) { h.index-- }, false},
		{"index skips", func(h *header, _ []byte) { h.index++ }, false},
		{"chain", func(h *header, _ []byte) { h.previous++ }, false},
		{"directory", func(h *header, _ []byte) { h.id[3] = 1 }, false},
		{"generation", func(h *header, _ []byte) { h.generation++ }, false},
		{"watermark", func(h *header, _ []byte) { h.synced = 4 }, false},
		{"snapshot again", func(h *header, _ []byte) { h.kind = kindSnapshot }, false},
		{"snapshot ends again", func(h *header, _ []byte) { h.kind = kindSnapshotEnd }, false},
		{"unknown kind", func(h *header, _ []byte) { h.kind = 9 }, false},
		{"closing entry with a body", func(h *header, _ []byte) { h.kind, h.synced = kindClosed, 3 }, false},
		{"operations", func(_ *header, entry []byte) { entry[headerSize] = 0xc1 }, false},
		{"version", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var file []byte
			var crc uint32
			add := func(h header, body []byte, spoil func(*header, []byte)) {
				entry := append(make([]byte, headerSize), body...)
				h.previous = crc
				if spoil != nil {
					spoil(&h, entry)
				}
				crc = h.seal(entry)
				if spoil == nil {
					entry[4]++
					binary.BigEndian.PutUint32(entry[60:], checksum(entry[:60]))
				}
				file = append(binary.AppendUvarint(file, uint64(len(entry))), entry...)
			}
			none := func(*header, []byte) {}
			put := []byte{0xa1, 'k', 0xc0}
			add(header{kind: kindSnapshotEnd, generation: 7, index: 1}, nil, none)
			add(header{kind: kindOps, generation: 7, index: 2}, put, none)
			add(header{kind: kindOps, generation: 7, index: 3, synced: 1}, put, none)
			size := int64(len(file))
			add(good, put, c.spoil)
			s := newScanner(bytes.NewReader(file), int64(len(file)), [16]byte{}, 7)
			for range 3 {
				_, err := s.next()
				require.NoError(t, err)
			}
			_, err := s.next()
			if c.fits {
				require.NoError(t, err)
				_, err = s.next()
				require.Equal(t, io.EOF, err)
				return
			}
			var bad *invalid
			require.ErrorAs(t, err, &bad)
			require.Equal(t, size, bad.position)
			require.NotEmpty(t, bad.Error())
		})
	}
}
