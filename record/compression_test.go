package record_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/record"
)

func TestCompressionNames(t *testing.T) {
	for i, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		c, err := record.ParseCompression(name)
		require.NoError(t, err)
		require.Equal(t, record.Compression(i), c)
		require.Equal(t, name, c.String())
		text, err := json.Marshal(c)
		require.NoError(t, err)
		require.Equal(t, `"`+name+`"`, string(text))
		var back record.Compression
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, c, back)
	}
	for _, name := range []string{"", "NONE", "brotli"} {
		_, err := record.ParseCompression(name)
		require.Error(t, err)
		c := record.LZ4
		require.Error(t, c.UnmarshalText([]byte(name)))
		require.Equal(t, record.LZ4, c)
	}
	for _, c := range []record.Compression{-1, 5} {
		require.Equal(t, fmt.Sprintf("codec(%d)", c), c.String())
		_, err := c.MarshalText()
		require.Error(t, err)
	}
}

func TestLevels(t *testing.T) {
	levels := map[record.Compression]int{record.Gzip: 9, record.Snappy: 9, record.LZ4: 9, record.Zstd: 22}
	for codec, largest := range levels {
		for level := range largest + 1 {
			o := record.Plain(codec)
			o.Level = level
			got, err := read(build(t, o, samples()))
			require.NoError(t, err, "%v %d", codec, level)
			require.Equal(t, samples(), got)
		}
	}
}

// The framings, byte for byte as Kafka's Java client writes them.
func TestFramings(t *testing.T) {
	for codec, prefix := range map[record.Compression]string{
		record.Gzip:   "\x1f\x8b\x08",
		record.Snappy: "\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01",
		record.LZ4:    "\x04\x22\x4d\x18\x60\x40\x82",
		record.Zstd:   "\x28\xb5\x2f\xfd",
	} {
		b := values(t, record.Plain(codec), 100)
		require.Equal(t, prefix, string(b[61:61+len(prefix)]), codec)
	}
}

// What cannot be compressed is stored in blocks, which also must fit.
func TestIncompressible(t *testing.T) {
	noise := make([]byte, 300<<10)
	x := uint64(1)
	for i := range noise {
		x = x*6364136223846793005 + 1442695040888963407
		noise[i] = byte(x >> 56)
	}
	for _, codec := range codecs {
		want := []rec{{Value: noise}, {Offset: 1, Value: make([]byte, 64<<10)}}
		b := build(t, record.Plain(codec), want)
		require.Equal(t, codec, b.Compression())
		got, err := read(b)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestOutputIsCapped(t *testing.T) {
	const size = 5 << 20
	for _, codec := range codecs[1:] {
		t.Run(codec.String(), func(t *testing.T) {
			bomb := build(t, record.Plain(codec), []rec{{Value: make([]byte, size)}})
			require.Less(t, len(bomb), size/10)
			var r record.Reader
			require.NoError(t, r.Reset(bomb, size+16))
			for _, limit := range []int{size - 1, 1 << 20, 1, 0, -1, math.MinInt} {
				require.ErrorIs(t, r.Reset(bomb, limit), record.ErrTooLarge)
				require.False(t, r.Next(&record.Record{}))
			}
		})
	}
	t.Run("exactly", func(t *testing.T) {
		for _, codec := range codecs[1:] {
			rs := []rec{{Value: make([]byte, 1000)}}
			size := len(build(t, record.Plain(record.None), rs)) - record.HeaderSize
			var r record.Reader
			require.NoError(t, r.Reset(build(t, record.Plain(codec), rs), size), codec)
			require.ErrorIs(t, r.Reset(build(t, record.Plain(codec), rs), size-1), record.ErrTooLarge, codec)
		}
	})
	t.Run("zstd stream", func(t *testing.T) { // which does not tell its size
		records := body("\x00", 0, 0, -1, 3<<20, strings.Repeat("v", 3<<20), 0)
		var out bytes.Buffer
		w, err := zstd.NewWriter(&out, zstd.WithWindowSize(8<<20))
		require.NoError(t, err)
		_, err = w.Write(records)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		b := wrap(out.Bytes(), record.Zstd, 1)
		var r record.Reader
		require.NoError(t, r.Reset(b, len(records)), "a window above the bound is no harm")
		require.ErrorIs(t, r.Reset(b, len(records)-1), record.ErrTooLarge)
	})
}

func TestCorruptCompression(t *testing.T) {
	xerial := "\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"
	length := func(n uint32, s string) string { return string(binary.BigEndian.AppendUint32(nil, n)) + s }
	block := string(snappy.Encode(nil, make([]byte, 100)))
	for _, c := range []struct {
		name  string
		codec record.Compression
		bytes string
	}{
		{"gzip: not", record.Gzip, "not gzip"},
		{"gzip: header only", record.Gzip, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"},
		{"snappy: not", record.Snappy, "\xff\xff\xff\xff\xff\xff\xff"},
		{"snappy: 4 GiB in five bytes", record.Snappy, "\xff\xff\xff\xff\x0f"},
		{"snappy: a lie within bounds", record.Snappy, "\x80\x02\x00"},
		{"snappy: header only", record.Snappy, xerial},
		{"snappy: half a header", record.Snappy, xerial[:12]},
		{"snappy: half a length", record.Snappy, xerial + "\x00\x00"},
		{"snappy: block beyond the end", record.Snappy, xerial + length(uint32(len(block)+1), block)},
		{"snappy: negative block", record.Snappy, xerial + length(math.MaxUint32, block)},
		{"snappy: bytes behind a block", record.Snappy, xerial + length(uint32(len(block)), block) + "x"},
		{"lz4: not", record.LZ4, "not lz4"},
		{"lz4: the old frame", record.LZ4, "\x02\x21\x4c\x18\x00\x00\x00\x00"},
		{"lz4: header checksum", record.LZ4, "\x04\x22\x4d\x18\x60\x40\x83\x00\x00\x00\x00"},
		{"lz4: header only", record.LZ4, "\x04\x22\x4d\x18\x60\x40\x82"},
		{"lz4: block beyond the end", record.LZ4, "\x04\x22\x4d\x18\x60\x40\x82\xff\x00\x00\x00x"},
		{"zstd: not", record.Zstd, "not zstd"},
		{"zstd: no block", record.Zstd, "\x28\xb5\x2f\xfd\x20\x05"},
		{"zstd: 2^63 bytes in one block", record.Zstd, "\x28\xb5\x2f\xfd\xe0\xff\xff\xff\xff\xff\xff\xff\x7f\x01\x00\x00"},
		{"zstd: block beyond the end", record.Zstd, "\x28\xb5\x2f\xfd\x20\x05\xff\xff\xff"},
		{"zstd: skips beyond the end", record.Zstd, "\x50\x2a\x4d\x18\xff\xff\xff\xffx"},
		{"zstd: reserved block type", record.Zstd, "\x28\xb5\x2f\xfd\x20\x00\x07\x00\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r record.Reader
			err := r.Reset(wrap([]byte(c.bytes), c.codec, 1), maxBytes)
			require.ErrorIs(t, err, record.ErrInvalid)
		})
	}
}

// Each prefix of a compressed batch ends in an error, not in fewer records.
func TestTruncatedCompression(t *testing.T) {
	for _, codec := range codecs[1:] {
		b := values(t, record.Plain(codec), 30)
		payload := b[record.HeaderSize:]
		for n := 1; n < len(payload); n++ {
			_, err := read(wrap(payload[:n], codec, 30))
			require.Error(t, err, "%v: %d of %d", codec, n, len(payload))
		}
	}
}

func TestCodecsAreSharedBetweenGoroutines(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for _, codec := range codecs {
				var b record.Builder
				b.Reset(record.Plain(codec))
				for j := range 200 {
					if b.Append(int64(j), nil, value(i*1000+j), nil) != nil {
						t.Error("append")
					}
				}
				batch, err := b.Finish()
				if err != nil {
					t.Error(err)
				}
				rs, err := read(batch)
				if err != nil || len(rs) != 200 || !bytes.Equal(rs[7].Value, value(i*1000+7)) {
					t.Error(codec, err)
				}
			}
		})
	}
	wg.Wait()
}
