package local_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// damagedDirectory has a topic of two partitions with twenty records each, of which do damages partition 0.
func damagedDirectory(t *testing.T, do func(t *testing.T, mem *vfs.Mem)) *vfs.Mem {
	mem := vfs.NewMem()
	e := must(openOnce(mem))
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{Partitions: 2, SegmentBytes: 1 << 10}))
	p := producer(t, e, engine.AcksAll)
	for i := range 20 {
		for n := range int32(2) {
			send(t, p, "t", recTo(n, fmt.Sprintf("%d %s", i, strings.Repeat("x", 200))))
		}
	}
	require.NoError(t, e.Close())
	do(t, mem)
	return mem
}

// flip damages a byte in the middle of a sealed segment.
func flip(t *testing.T, mem *vfs.Mem) {
	var names []string
	for _, entry := range must(mem.ReadDir("topics/t-0")) {
		if strings.HasSuffix(entry.Name(), ".log") {
			names = append(names, "topics/t-0/"+entry.Name())
		}
	}
	f := must(mem.OpenFile(names[2], os.O_RDWR))
	size := must(f.Size())
	b := make([]byte, 1)
	_ = must(f.ReadAt(b, size/2))
	b[0] ^= 1
	_ = must(f.WriteAt(b, size/2))
	require.NoError(t, f.Close())
}

// TestDamageIsReadAround: what is before the damage comes, then an error with its place; other partitions go on; behind it
// everything can be read.
func TestDamageIsReadAround(t *testing.T) {
	for _, group := range []string{"", "g"} {
		t.Run("group "+group, func(t *testing.T) {
			e := open(t, options(damagedDirectory(t, flip)))
			k := consumer(t, e, engine.ConsumerConfig{Topics: []string{"t"}, Group: group})
			got := map[int32]int{}
			var damage *engine.CorruptionError
			for polls := 0; damage == nil; polls++ {
				require.Less(t, polls, 40)
				fetches, err := k.Poll(t.Context(), 3)
				if err != nil {
					require.ErrorIs(t, err, engine.ErrCorrupt)
					require.True(t, errors.As(err, &damage))
				}
				for _, f := range fetches {
					got[f.Partition] += len(f.Records)
				}
			}
			require.Equal(t, int64(got[0]), damage.First, "all that is before the damage was read")
			require.Contains(t, damage.File, "topics/t-0/")
			require.Greater(t, damage.Next, damage.First)
			send(t, producer(t, e, engine.AcksAll), "t", recTo(1, "more"))
			for errs := 0; got[1] < 21; {
				fetches, err := k.Poll(t.Context(), 3)
				if err != nil {
					require.ErrorIs(t, err, engine.ErrCorrupt)
					errs++
				}
				require.Less(t, errs, 40, "others go on between the errors")
				for _, f := range fetches {
					require.Equal(t, int32(1), f.Partition)
					got[1] += len(f.Records)
				}
			}
			require.NoError(t, k.Seek(t.Context(), tp("t", 0), damage.Next))
			rest := values(t, k, 20-int(damage.Next))
			require.True(t, strings.HasPrefix(rest[len(rest)-1], "19 "))
			h := e.Health()
			require.False(t, h.OK)
			require.Equal(t, tp("t", 0), h.Partitions[0].TopicPartition)
		})
	}
}

// TestMissingPartition: a partition whose directory is gone is reported and never made anew; the others go on.
func TestMissingPartition(t *testing.T) {
	for name, do := range map[string]func(t *testing.T, mem *vfs.Mem){
		"directory": func(t *testing.T, mem *vfs.Mem) { require.NoError(t, mem.RemoveAll("topics/t-0")) },
		"metadata":  func(t *testing.T, mem *vfs.Mem) { require.NoError(t, mem.Remove("topics/t-0/partition.metadata")) },
		"another's": func(t *testing.T, mem *vfs.Mem) {
			require.NoError(t, vfs.WriteFileAtomic(mem, "topics/t-0/partition.metadata", []byte(strings.Repeat("x", 5000))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			mem := damagedDirectory(t, do)
			e := open(t, options(mem))
			require.False(t, e.Health().OK)
			p := producer(t, e, engine.AcksAll)
			_, err := p.Produce(t.Context(), "t", []engine.Record{recTo(0, "v")})
			require.ErrorIs(t, err, engine.ErrCorrupt)
			for range 4 {
				send(t, p, "t", rec("without a key")) // goes where it can
			}
			info, err := e.DescribeTopic(t.Context(), "t")
			require.NoError(t, err)
			require.True(t, info.Partitions[0].ReadOnly)
			require.Len(t, info.Partitions[0].Damage, 1)
			require.Equal(t, int64(24), info.Partitions[1].End)

			k := consumer(t, e, engine.ConsumerConfig{Topics: []string{"t"}, Group: "g", UntilEnd: true})
			_, err = k.Poll(t.Context(), 0)
			require.Error(t, err)
			fetches, err := k.Poll(t.Context(), 5)
			require.NoError(t, err, "records first")
			require.NotEmpty(t, fetches)
			n := len(fetches[0].Records)
			_, err = k.Poll(t.Context(), 5)
			require.ErrorIs(t, err, engine.ErrCorrupt)
			require.ErrorIs(t, k.Seek(t.Context(), tp("t", 0), 0), engine.ErrCorrupt)
			_, err = k.Position(tp("t", 0))
			require.ErrorIs(t, err, engine.ErrCorrupt)
			k.Pause(tp("t", 0))
			require.Len(t, drain(t, k)[tp("t", 1)], 24-n, "whoever pauses it hears no more of it")
			require.Len(t, must(k.Ends(t.Context())), 1)
			require.ErrorIs(t, e.DeleteRecords(t.Context(), tp("t", 0), 0), engine.ErrCorrupt)

			require.NoError(t, e.DeleteTopic(t.Context(), "t"), "a damaged topic can be deleted")
			require.NoError(t, e.CreateTopic(t.Context(), "later", engine.TopicConfig{}))
		})
	}
}

// TestReadOnlyPartition: one with damage takes no records, says so, and records without a key go elsewhere.
func TestReadOnlyPartition(t *testing.T) {
	mem := damagedDirectory(t, func(t *testing.T, mem *vfs.Mem) {
		for _, entry := range must(mem.ReadDir("topics/t-0")) {
			if strings.HasPrefix(entry.Name(), "00000000000000000012") || entry.Name() == "00000000000000000004.log" {
				require.NoError(t, mem.Remove("topics/t-0/"+entry.Name()))
			}
		}
	})
	e := open(t, options(mem))
	info := must(e.DescribeTopic(t.Context(), "t"))
	require.True(t, info.Partitions[0].ReadOnly)
	p := producer(t, e, engine.AcksAll)
	_, err := p.Produce(t.Context(), "t", []engine.Record{recTo(0, "v")})
	require.Equal(t, engine.ErrReadOnly, code(t, err))
	for range 4 {
		send(t, p, "t", rec("without a key"))
	}
	require.Equal(t, int64(24), must(e.DescribeTopic(t.Context(), "t")).Partitions[1].End)
	require.NoError(t, p.Flush(t.Context()), "what can be made durable")
	e.Maintain(t.Context())
}
