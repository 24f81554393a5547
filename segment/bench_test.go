package segment

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

// benchSegment has 2000 batches of ten records of 100 bytes.
func benchSegment(b *testing.B) *made {
	m := newSegment(b, same(2000, shape{10, 100, 1})...)
	b.SetBytes(m.Size())
	b.ReportAllocs()
	return m
}

// BenchmarkRead reads a whole segment in turn, 64 KiB at a time.
func BenchmarkRead(b *testing.B) {
	m := benchSegment(b)
	buf := make([]byte, 128<<10)
	for b.Loop() {
		for offset := int64(base); offset < m.Next(); {
			data, err := m.Read(buf, offset, m.Next(), 64<<10)
			if err != nil {
				b.Fatal(err)
			}
			for len(data) > 0 {
				n, err := record.Peek(data)
				if err != nil {
					b.Fatal(err)
				}
				offset, data = record.Batch(data[:n]).LastOffset()+1, data[n:]
			}
		}
	}
}

// BenchmarkScan checks every batch, as opening does with what was not fsynced.
func BenchmarkScan(b *testing.B) {
	m := benchSegment(b)
	for b.Loop() {
		n, scanner := 0, m.Scanner(0)
		for {
			_, err := scanner.Scan()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		require.Equal(b, len(m.batches), n)
	}
}
