package local

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/txn"
)

func TestCommitsInTheJournal(t *testing.T) {
	for _, d := range []txn.Decision{
		{ID: txn.ID{Producer: 0, Epoch: 0}},
		{ID: txn.ID{Producer: math.MaxInt64, Epoch: math.MaxInt16}, Ends: []txn.End{
			{PartitionID: txn.PartitionID{Topic: [16]byte{1, 2}, Number: math.MaxInt32}, Next: math.MaxInt64},
			{PartitionID: txn.PartitionID{Topic: [16]byte{3}}, Next: 1},
		}},
	} {
		got, err := parseCommit(commitKey(d.ID), encodeEnds(d.Ends))
		require.NoError(t, err)
		require.Equal(t, d, got)
	}
	end := encodeEnds([]txn.End{{Next: 1}})
	for name, c := range map[string]struct {
		key   string
		value []byte
	}{
		"no epoch":        {"commit/1", end},
		"negative epoch":  {"commit/1/-1", end},
		"large epoch":     {"commit/1/32768", end},
		"negative id":     {"commit/-1/1", end},
		"no version":      {"commit/1/1", nil},
		"other version":   {"commit/1/1", []byte{2}},
		"cut":             {"commit/1/1", end[:len(end)-1]},
		"nothing written": {"commit/1/1", encodeEnds([]txn.End{{Next: 0}})},
		"no partition":    {"commit/1/1", encodeEnds([]txn.End{{PartitionID: txn.PartitionID{Number: -1}, Next: 1}})},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseCommit(c.key, c.value)
			require.Error(t, err)
		})
	}
}

func FuzzParseCommit(f *testing.F) {
	f.Add("commit/1/2", encodeEnds([]txn.End{{Next: 1}}))
	f.Add("commit/1/2", encodeEnds(nil))
	f.Add("commit/", []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		d, err := parseCommit(key, value)
		if err != nil {
			return
		}
		require.Equal(t, value, encodeEnds(d.Ends))
	})
}

func FuzzParsePool(f *testing.F) {
	f.Add(encodeOffset(7))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, value []byte) {
		ids, err := parsePool(value)
		if err == nil {
			require.Len(t, ids, len(value)/8)
		}
	})
}
