package local_test

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"log/slog"
	"path"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// mostAllocated bounds what opening, reading, verifying and repairing a directory of 100 KiB may allocate, whatever its
// files claim.
const mostAllocated = 128 << 20

// FuzzDirectory changes the files of a directory as the input says, checksums of batches set right where it says so, and
// does everything with what it gets.
func FuzzDirectory(f *testing.F) {
	templates := []*template{newTemplate(f, f.Context(), false), newTemplate(f, f.Context(), true)}
	f.Add([]byte{0})
	f.Add([]byte{1})
	for i := range templates[0].names {
		for kind := range byte(editKinds) {
			f.Add([]byte{byte(i) % 2, byte(i), kind, 0, 70, 0x5a, byte(i), mendKind, 0, 0, 0})
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) == 0 || len(input) > 200 {
			return
		}
		w := templates[input[0]%2]
		mem := w.mem.KillClone()
		for edits := input[1:]; len(edits) >= editSize; edits = edits[editSize:] {
			w.edit(mem, edits)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		useAll(t, mem)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(mostAllocated))
	})
}

// An edit is a file u8, a kind u8, a position u16 and a value u8.
const (
	editSize  = 5
	editKinds = 8
	mendKind  = 7
)

func (w *template) edit(f *vfs.Mem, b []byte) {
	name, kind, at, value := w.names[int(b[0])%len(w.names)], b[1]%editKinds, int(binary.BigEndian.Uint16(b[2:])), b[4]
	data, err := vfs.ReadFile(f, name, 1<<20)
	if err != nil {
		return // removed before
	}
	at = min(at, len(data))
	switch kind {
	case 0:
		data = data[:at]
	case 1:
		data = append(data, strings.Repeat(string(rune(value)), at)...)
	case 2:
		clear(data[at:min(at+int(value), len(data))])
	case 3:
		data = contentsOf(w.mem, w.names[int(value)%len(w.names)])
	case 4:
		mustDo(f.Remove(name))
		return
	case 5:
		name = path.Join(path.Dir(name), path.Base(w.names[int(value)%len(w.names)]))
		if info, err := f.Stat(name); err == nil && info.IsDir() {
			return
		}
	case 6:
		if at < len(data) {
			data[at] ^= value
		}
	case mendKind:
		mend(data)
	}
	put(f, name, data)
}

// mend sets the checksums of batches right, as far as their lengths lead.
func mend(data []byte) {
	for len(data) > 0 {
		n, err := record.Peek(data)
		if err != nil || n > len(data) {
			return
		}
		binary.BigEndian.PutUint32(data[17:], crc32.Checksum(data[21:n], crc32.MakeTable(crc32.Castagnoli)))
		data = data[n:]
	}
}

// useAll opens, reads, verifies and repairs. There is an error with a type, or there is none.
func useAll(t *testing.T, mem *vfs.Mem) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := local.Verify(frozen(mem)); err != nil {
		refusal(t, err)
	}
	repaired := mem.KillClone()
	open := func(f vfs.FS) {
		e, err := local.Open(unattended(f))
		if err != nil {
			refusal(t, err)
			return
		}
		for _, info := range must(e.ListTopics(ctx)) {
			readOn(t, ctx, e, info)
		}
		require.NoError(t, e.Close())
	}
	open(mem)
	if _, err := local.Repair(repaired, clock.NewManual(epoch), slog.New(slog.DiscardHandler)); err != nil {
		refusal(t, err)
	}
	open(repaired)
}

// readOn reads a topic, on behind damage.
func readOn(t *testing.T, ctx context.Context, e *local.Engine, info engine.TopicInfo) {
	k, err := e.OpenConsumer(ctx, engine.ConsumerConfig{Topics: []string{info.Name}, UntilEnd: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, k.Close(ctx)) }()
	read := make([]reading, len(info.Partitions))
	for errs := 0; ; {
		_, err := k.Poll(ctx, 100)
		if err == io.EOF {
			return
		}
		if err != nil {
			require.Less(t, errs, 100, "%v", err)
			errs++
			n := place(t, info.Name, err)
			require.Less(t, n, len(read))
			read[n].around(t, ctx, k, info.Name, err, info.Partitions[n])
		}
	}
}
