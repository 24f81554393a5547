package vfs

import (
	"encoding/binary"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestClonesShowOneInstant: what was written to one file after another is never in a clone without it.
func TestClonesShowOneInstant(t *testing.T) {
	m := NewMem()
	var files [8]File
	for i := range files {
		f, err := m.OpenFile(string(rune('a'+i)), os.O_RDWR|os.O_CREATE)
		require.NoError(t, err)
		files[i] = f
	}
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := uint64(1); ; n++ {
			for _, f := range files {
				_, _ = f.WriteAt(binary.BigEndian.AppendUint64(nil, n), 0)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 2000 {
		clone, before := m.KillClone(), uint64(1<<63)
		for i := range files {
			b, err := ReadFile(clone, string(rune('a'+i)), 8)
			require.NoError(t, err)
			n := uint64(0)
			if len(b) == 8 {
				n = binary.BigEndian.Uint64(b)
			}
			require.LessOrEqual(t, n, before)
			require.True(t, before == 1<<63 || before-n <= 1, "%d after %d", n, before)
			before = n
		}
	}
	close(stop)
	writer.Wait()
}
