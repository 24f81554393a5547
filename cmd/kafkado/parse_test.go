package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

// FuzzDump: whatever is in a file, its batches are printed, or an error says where they stop.
func FuzzDump(f *testing.F) {
	for c := record.None; c <= record.Zstd; c++ {
		var b record.Builder
		b.Reset(record.Plain(c))
		require.NoError(f, b.Append(1, []byte("key"), []byte("value"), []record.Header{{Key: "h", Value: []byte{0xff}}}))
		batch, err := b.Finish()
		require.NoError(f, err)
		f.Add([]byte(batch))
		f.Add([]byte(batch[:len(batch)-1]))
	}
	f.Add([]byte(record.EndTxnMarker(true, 1, 2, 3, 4)))
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(t.TempDir(), "00000000000000000000.log")
		require.NoError(t, os.WriteFile(name, data, 0o600))
		for _, flags := range []dumpFlags{{show: showBatch}, {records: true, show: showBatch}} {
			_ = flags.dump(io.Discard, name)
		}
	})
}

// FuzzFlags: places and formats that people type are taken or refused.
func FuzzFlags(f *testing.F) {
	for _, s := range []string{"start", "end", "@2026-01-31T12:00:00Z", "@1", "-5", "7", "-9223372036854775808", `%k\t%v\n%%`, "%", `\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := parsePlace("from", s); err == nil {
			require.GreaterOrEqual(t, p.offset, int64(0))
		}
		_, _ = parseFormat(s)
	})
}
