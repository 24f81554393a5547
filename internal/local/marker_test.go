package local_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// TestDamagedMarker: whichever bit of a commit's marker flips, its transaction is not taken for one that is open, which
// the next opening would abort: the partition is read only, with the place of the damage, and nothing is appended.
func TestDamagedMarker(t *testing.T) {
	for _, remembered := range []bool{true, false} {
		t.Run(fmt.Sprint("the journal has the commit: ", remembered), func(t *testing.T) {
			mem, end := committedAndKilled(t, remembered)
			log := contentsOf(mem, markedLog)
			at, marker := markerIn(t, log)
			for bit := range 8 * len(marker) {
				if bit/8 >= epochAt && bit/8 < epochAt+4 {
					continue // which no checksum covers
				}
				damaged := mem.KillClone()
				changed := append([]byte{}, log...)
				changed[at+bit/8] ^= 1 << (bit % 8)
				put(damaged, markedLog, changed)
				e, err := local.Open(unattended(damaged))
				require.NoError(t, err)
				info := must(e.DescribeTopic(t.Context(), "t")).Partitions[0]
				require.NotEmpty(t, info.Damage, "bit %d", bit)
				require.True(t, info.ReadOnly, "bit %d", bit)
				require.Equal(t, end, info.End, "bit %d: a marker was written", bit)
				require.NoError(t, e.Close())
			}
		})
	}
}

const (
	markedLog = "topics/t-0/00000000000000000000.log"
	epochAt   = 12 // of the partition leader epoch in a batch
)

// committedAndKilled is a directory with a durable commit, whose memory in the journal a later one, of another topic, may
// have ended, as a killed process left it.
func committedAndKilled(t *testing.T, remembered bool) (mem *vfs.Mem, end int64) {
	mem = vfs.NewMem()
	e := open(t, unattended(mem))
	commit := func(topic string) {
		p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{TransactionalID: topic, AutoCreateTopics: true})
		require.NoError(t, err)
		require.NoError(t, p.Begin(t.Context()))
		send(t, p, topic, rec("v"))
		require.NoError(t, p.End(t.Context(), true))
		require.NoError(t, p.Close())
		send(t, producer(t, e, engine.AcksAll), topic, rec("makes the marker durable"))
	}
	commit("t")
	if !remembered {
		commit("u")
	}
	return mem.KillClone(), must(e.DescribeTopic(t.Context(), "t")).Partitions[0].End
}

func markerIn(t *testing.T, log []byte) (at int, marker record.Batch) {
	for {
		n, err := record.Peek(log[at:])
		require.NoError(t, err)
		if b := record.Batch(log[at : at+n]); b.IsControl() {
			return at, b
		}
		at += n
	}
}
