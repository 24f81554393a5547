package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func TestMalformedOperations(t *testing.T) {
	for name, body := range map[string][]byte{
		"no value":           {0xa1, 'k'},
		"empty key":          {0xa0, 0xc0},
		"key is binary":      {0xc4, 1, 'k', 0xc0},
		"key is nil":         {0xc0, 0xc0},
		"key is cut":         {0xa5, 'k', 0xc0},
		"value is a string":  {0xa1, 'k', 0xa1, 'v'},
		"value is a number":  {0xa1, 'k', 1},
		"value is an array":  {0xa1, 'k', 0xdd, 0xff, 0xff, 0xff, 0xff},
		"value is too long":  {0xa1, 'k', 0xc6, 0xff, 0xff, 0xff, 0xff, 1},
		"key is too long":    {0xdb, 0xff, 0xff, 0xff, 0xff, 1},
		"length is cut":      {0xa1, 'k', 0xc6, 0, 0},
		"key above limit":    append([]byte{0xda, 0x10, 0x01}, make([]byte, 5000)...),
		"unused code":        {0xc1},
		"good, then garbage": {0xa1, 'k', 0xc0, 0xff},
	} {
		_, err := decodeOps(body)
		require.ErrorIs(t, err, errOps, name)
	}
}

func TestOperationsRoundTrip(t *testing.T) {
	e := newEncoder()
	for _, cs := range [][]Change{
		nil,
		{{"k", nil}},
		{{"k", []byte{}}},
		{{"k", []byte("v")}, {string(make([]byte, maxKey)), make([]byte, 70_000)}, {"k", nil}},
	} {
		e.reset()
		e.add(cs...)
		require.NoError(t, checkChanges(cs))
		got, err := decodeOps(e.entry()[headerSize:])
		require.NoError(t, err)
		require.Equal(t, cs, got)
	}
}

func FuzzOperations(f *testing.F) {
	e := newEncoder()
	e.reset()
	e.add(Change{"topic/orders", []byte("value")}, Change{"epoch", nil}, Change{"empty", []byte{}})
	f.Add(e.entry()[headerSize:])
	f.Add([]byte{0xa1, 'k', 0xc6, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		cs, err := decodeOps(body)
		if err != nil {
			return
		}
		e.reset()
		e.add(cs...)
		again, err := decodeOps(e.entry()[headerSize:])
		require.NoError(t, err)
		require.Equal(t, cs, again)
	})
}

// fuzzFile is the file of a small journal, ended by a closing entry.
func fuzzFile(f testing.TB) []byte {
	mem := vfs.NewMem()
	j, err := Open(Options{FS: mem, Dir: "j"})
	require.NoError(f, err)
	require.NoError(f, j.Commit(true, Change{"a", []byte("1")}))
	require.NoError(f, j.Commit(false, Change{"b", []byte("2")}, Change{"a", nil}))
	require.NoError(f, j.Close())
	data, err := vfs.ReadFile(mem, "j/"+generationName(1)+"/"+segmentName, 1<<20)
	require.NoError(f, err)
	return data
}

// mend makes the checksums right again, so that the fuzzer gets behind them.
func mend(data []byte) {
	for rest := data; ; {
		n, k := binary.Uvarint(rest)
		if k <= 0 || n < headerSize || n > uint64(len(rest)-k) {
			return
		}
		entry := rest[k : k+int(n)]
		binary.BigEndian.PutUint32(entry[48:], uint32(n-headerSize))
		binary.BigEndian.PutUint32(entry[52:], checksum(entry[headerSize:]))
		binary.BigEndian.PutUint32(entry[60:], checksum(entry[:60]))
		rest = rest[k+int(n):]
	}
}

func FuzzScanner(f *testing.F) {
	whole := fuzzFile(f)
	f.Add(whole, false)
	f.Add(whole[:100], true)
	f.Add(append(bytes.Clone(whole), make([]byte, 100)...), true)
	f.Fuzz(func(t *testing.T, data []byte, mended bool) {
		if mended {
			data = bytes.Clone(data)
			mend(data)
		}
		s := newScanner(bytes.NewReader(data), int64(len(data)), [16]byte{}, 1)
		for {
			before := s.pos
			_, err := s.next()
			if err == nil {
				require.Greater(t, s.pos, before)
				continue
			}
			var bad *invalid
			if errors.As(err, &bad) {
				require.Equal(t, s.pos, bad.position)
			} else {
				require.Equal(t, io.EOF, err)
			}
			break
		}
		_, err := s.syncedBehind()
		require.NoError(t, err)
	})
}

// Whatever is in the files, Open refuses or ends up with a journal that works.
func FuzzOpen(f *testing.F) {
	whole := fuzzFile(f)
	slot := encodeSlot([16]byte{}, 1, 2)
	f.Add(whole, slot[:], []byte(formatCurrent(1)), false)
	f.Add(whole[:150], []byte{}, []byte(formatCurrent(2)), true)
	f.Fuzz(func(t *testing.T, entries, slots, current []byte, mended bool) {
		if mended {
			entries = bytes.Clone(entries)
			mend(entries)
		}
		mem := vfs.NewMem()
		require.NoError(t, mem.Mkdir("j"))
		require.NoError(t, mem.Mkdir("j/"+generationName(1)))
		for name, data := range map[string][]byte{
			"j/CURRENT": current, "j/" + generationName(1) + "/" + segmentName: entries,
			"j/" + generationName(1) + "/" + watermarkName: slots,
		} {
			file, err := mem.OpenFile(name, os.O_RDWR|os.O_CREATE)
			require.NoError(t, err)
			_, err = file.WriteAt(data, 0)
			require.NoError(t, err)
		}
		j, err := Open(Options{FS: mem, Dir: "j"})
		if err != nil {
			return
		}
		require.NoError(t, j.Commit(true, Change{"k", []byte("v")}))
		require.NoError(t, j.Close())
	})
}
