package local

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// undecodableBatch is one whose checksum is right and whose records cannot be decompressed.
func undecodableBatch(t *testing.T) record.Batch {
	var b record.Builder
	b.Reset(record.Plain(record.Gzip))
	require.NoError(t, b.Append(1, nil, make([]byte, 1000), nil))
	batch, err := b.Finish()
	require.NoError(t, err)
	require.Equal(t, record.Gzip, batch.Compression())
	clear(batch[record.HeaderSize:])
	const checksum, checked = 17, 21 // as Kafka lays a batch out
	binary.BigEndian.PutUint32(batch[checksum:], crc32.Checksum(batch[checked:], crc32.MakeTable(crc32.Castagnoli)))
	return batch
}

// TestUndecodableBatch: what stands before a batch that nobody can decode is read, although it is read in one piece with
// it; then an error tells its place, and behind it everything goes on.
func TestUndecodableBatch(t *testing.T) {
	e, err := Open(Options{FS: vfs.NewVolatile(), Clock: clock.Real})
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{AutoCreateTopics: true})
	require.NoError(t, err)
	produce := func(value string) {
		_, err := p.Produce(t.Context(), "t", []engine.Record{{Value: []byte(value), Timestamp: 1}})
		require.NoError(t, err)
	}
	produce("a")
	produce("b")
	part, err := e.partition(engine.TopicPartition{Topic: "t"})
	require.NoError(t, err)
	_, err = part.log.Append(undecodableBatch(t), 1)
	require.NoError(t, err)
	produce("c")
	k, err := e.OpenConsumer(t.Context(), engine.ConsumerConfig{Topics: []string{"t"}, UntilEnd: true})
	require.NoError(t, err)
	fetches, err := k.Poll(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, fetches[0].Records, 2)
	require.EqualValues(t, 2, fetches[0].Next)
	for range 2 {
		_, err = k.Poll(t.Context(), 10)
		var c *engine.CorruptionError
		require.True(t, errors.As(err, &c))
		require.Equal(t, []int64{2, 3}, []int64{c.First, c.Next})
	}
	require.NoError(t, k.Seek(t.Context(), engine.TopicPartition{Topic: "t"}, 3))
	fetches, err = k.Poll(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, "c", string(fetches[0].Records[0].Value))
	_, err = k.Poll(t.Context(), 10)
	require.Equal(t, io.EOF, err)
}

// A read after a seek decodes what was asked for and no more; reading on decodes the rest.
func TestSeekDecodesWhatIsAskedFor(t *testing.T) {
	e, err := Open(Options{FS: vfs.NewVolatile(), Clock: clock.Real})
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{AutoCreateTopics: true})
	require.NoError(t, err)
	rs := make([]engine.Record, 100)
	_, err = p.Produce(t.Context(), "t", rs)
	require.NoError(t, err)
	k, err := e.OpenConsumer(t.Context(), engine.ConsumerConfig{Topics: []string{"t"}, UntilEnd: true})
	require.NoError(t, err)
	tp := engine.TopicPartition{Topic: "t"}
	for _, at := range []int64{40, 99, 0} {
		require.NoError(t, k.Seek(t.Context(), tp, at))
		fetches, err := k.Poll(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, at, fetches[0].Records[0].Offset)
		require.Equal(t, at+1, fetches[0].Next)
		require.Empty(t, k.(*consumer).cursors[0].pending)
	}
	for want := int64(1); ; {
		fetches, err := k.Poll(t.Context(), 30)
		if errors.Is(err, io.EOF) {
			require.EqualValues(t, 100, want)
			return
		}
		require.NoError(t, err)
		for _, r := range fetches[0].Records {
			require.Equal(t, want, r.Offset)
			want++
		}
	}
}
