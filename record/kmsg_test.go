package record_test

import (
	"bytes"
	stdgzip "compress/gzip"
	"hash/crc32"
	"io"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/snappy/xerial"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/record"
)

// otherDecompress is what other implementations make of a batch's records.
func otherDecompress(t *testing.T, codec record.Compression, b []byte) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(b)
	var err error
	switch codec {
	case record.Gzip:
		r, err = stdgzip.NewReader(r)
	case record.Snappy:
		b, err = xerial.Decode(b)
		r = bytes.NewReader(b)
	case record.LZ4:
		r = lz4.NewReader(r)
	case record.Zstd:
		var d *zstd.Decoder
		if d, err = zstd.NewReader(r); err == nil {
			defer d.Close()
			r = d
		}
	}
	require.NoError(t, err)
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	return out
}

// otherCompress is how other implementations compress. Each codec may have more than one framing.
func otherCompress(t *testing.T, b []byte) map[string]func() (record.Compression, []byte) {
	t.Helper()
	var out bytes.Buffer
	stream := func(codec record.Compression, w io.WriteCloser, err error) (record.Compression, []byte) {
		require.NoError(t, err)
		_, err = w.Write(b)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return codec, out.Bytes()
	}
	return map[string]func() (record.Compression, []byte){
		"none":       func() (record.Compression, []byte) { return record.None, b },
		"gzip":       func() (record.Compression, []byte) { return stream(record.Gzip, stdgzip.NewWriter(&out), nil) },
		"snappy raw": func() (record.Compression, []byte) { return record.Snappy, snappy.Encode(nil, b) },
		"snappy":     func() (record.Compression, []byte) { return record.Snappy, xerial.Encode(nil, b) },
		"lz4":        func() (record.Compression, []byte) { return stream(record.LZ4, lz4.NewWriter(&out), nil) },
		"zstd one go": func() (record.Compression, []byte) {
			e, _ := zstd.NewWriter(nil)
			return record.Zstd, e.EncodeAll(b, nil)
		},
		"zstd stream": func() (record.Compression, []byte) {
			e, err := zstd.NewWriter(&out)
			return stream(record.Zstd, e, err)
		},
		"gzip members": func() (record.Compression, []byte) {
			for _, part := range [][]byte{b[:1], b[1:]} {
				w := stdgzip.NewWriter(&out)
				_, err := w.Write(part)
				require.NoError(t, err)
				require.NoError(t, w.Close())
			}
			return record.Gzip, out.Bytes()
		},
	}
}

// many are records that take several blocks of every codec.
func many() []rec {
	rs := samples()
	for i := range 3000 {
		rs = append(rs, rec{Offset: int64(len(rs)), Timestamp: 1_700_000_000_000, Key: value(i)[5:30], Value: value(i)})
	}
	return rs
}

func TestKmsgReadsOurs(t *testing.T) {
	for _, codec := range codecs {
		t.Run(codec.String(), func(t *testing.T) {
			o := record.Options{Compression: codec, ProducerID: 1 << 40, ProducerEpoch: 7, BaseSequence: 1234,
				PartitionLeaderEpoch: 42, Transactional: true}
			batch := build(t, o, many())
			batch.SetBaseOffset(5_000_000_000)

			var k kmsg.RecordBatch
			require.NoError(t, k.ReadFrom(batch))
			require.Equal(t, codec, batch.Compression())
			require.Equal(t, kmsg.RecordBatch{
				FirstOffset: 5_000_000_000, Length: int32(len(batch) - 12), PartitionLeaderEpoch: 42, Magic: 2,
				CRC:        int32(crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli))),
				Attributes: int16(codec) | 1<<4, LastOffsetDelta: int32(len(many()) - 1),
				FirstTimestamp: 1_700_000_000_000, MaxTimestamp: 1_700_000_000_000 + 1<<40,
				ProducerID: 1 << 40, ProducerEpoch: 7, FirstSequence: 1234, NumRecords: int32(len(many())), Records: batch[61:],
			}, k)

			rest := otherDecompress(t, codec, k.Records)
			for _, want := range many() {
				rest = requireKmsgRecord(t, want, k.FirstTimestamp, rest)
			}
			require.Empty(t, rest)
		})
	}
}

// requireKmsgRecord reads one record and returns what follows it.
func requireKmsgRecord(t *testing.T, want rec, base int64, b []byte) []byte {
	t.Helper()
	length, n := uvarint(b)
	end := n + int(length>>1)
	var r kmsg.Record
	require.NoError(t, r.ReadFrom(b[:end]))
	got := rec{int64(r.OffsetDelta), base + r.TimestampDelta64, r.Key, r.Value, nil}
	for _, h := range r.Headers {
		got.Headers = append(got.Headers, record.Header{Key: h.Key, Value: h.Value})
	}
	require.Equal(t, want, got)
	require.Zero(t, r.Attributes)
	return b[end:]
}

func TestWeReadKmsg(t *testing.T) {
	var records []byte
	for _, r := range many() {
		k := kmsg.Record{
			TimestampDelta64: r.Timestamp - 1_700_000_000_000, OffsetDelta: int32(r.Offset), Key: r.Key, Value: r.Value,
		}
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
		}
		k.Length = int32(len(k.AppendTo(nil)) - 1) // a length of 0 takes one byte
		records = k.AppendTo(records)
	}
	for name := range otherCompress(t, records) {
		t.Run(name, func(t *testing.T) {
			codec, compressed := otherCompress(t, records)[name]()
			k := kmsg.RecordBatch{
				FirstOffset: 100, Length: int32(len(compressed) + 49), PartitionLeaderEpoch: 1, Magic: 2, Attributes: int16(codec),
				LastOffsetDelta: int32(len(many()) - 1), FirstTimestamp: 1_700_000_000_000, MaxTimestamp: 1_700_000_000_000 + 1<<40,
				ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(len(many())), Records: compressed,
			}
			batch := seal(k.AppendTo(nil))
			require.NoError(t, batch.Verify())
			require.Equal(t, k.FirstOffset, batch.BaseOffset())
			require.Equal(t, k.MaxTimestamp, batch.MaxTimestamp())
			got, err := read(batch)
			require.NoError(t, err)
			want := many()
			for i := range want {
				want[i].Offset += 100
			}
			require.Equal(t, want, got)
		})
	}
}

// uvarint is a second implementation, for the tests.
func uvarint(b []byte) (u uint64, n int) {
	for i, c := range b {
		u |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return u, i + 1
		}
	}
	return 0, 0
}
