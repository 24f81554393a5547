package segment

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/index"
)

func someInfo() Info {
	return Info{
		Base: 1 << 40, Next: 1<<40 + 5000, Size: 1 << 20, Batches: 77, MaxTimestamp: 1_700_000_000_000, MaxAt: 1<<40 + 9,
		MaxAppend: 1_700_000_000_001, Indexed: 1<<20 - 500, TimeIndexed: 1_699_999_999_999, CRC: 0xdeadbeef, Epoch: 7,
		Offsets: index.State{Entries: 200, CRC: 1}, Times: index.State{Entries: 100, CRC: 2},
		Aborted: index.State{Entries: 3, CRC: 3}, Compacted: true, Producers: true, Clean: true,
	}
}

func TestInfoRoundTrip(t *testing.T) {
	for _, want := range []Info{someInfo(), Empty(0), Empty(math.MaxInt64), {MaxTimestamp: -1, TimeIndexed: -1, Clean: true}} {
		b := want.Append([]byte("x"))
		require.Len(t, b, 1+InfoSize)
		got, ok := DecodeInfo(b[1:])
		require.True(t, ok)
		require.Equal(t, want, got)
		for n := range InfoSize {
			_, ok := DecodeInfo(b[1 : 1+n])
			require.False(t, ok)
		}
	}
}

func TestDecodeInfoRejects(t *testing.T) {
	for name, change := range map[string]func(*Info){
		"negative base":              func(i *Info) { i.Base, i.Next, i.MaxAt = -1, 0, -1 },
		"end before the base":        func(i *Info) { i.Next = i.Base - 1 },
		"too many offsets":           func(i *Info) { i.Next = i.Base + 1<<31 + 1 },
		"negative size":              func(i *Info) { i.Size = -1 },
		"too large for 32 bits":      func(i *Info) { i.Size = 1 << 31 },
		"too many batches":           func(i *Info) { i.Batches = 1 << 20 },
		"negative batches":           func(i *Info) { i.Batches = -1 },
		"indexed behind the end":     func(i *Info) { i.Indexed = i.Size + 1 },
		"timestamp":                  func(i *Info) { i.MaxTimestamp = -2 },
		"timestamp of the index":     func(i *Info) { i.TimeIndexed = i.MaxTimestamp + 1 },
		"offset of the timestamp":    func(i *Info) { i.MaxAt = i.Next },
		"too many offset entries":    func(i *Info) { i.Offsets.Entries = 257 },
		"more times than offsets":    func(i *Info) { i.Times.Entries = 201 },
		"more aborted than batches":  func(i *Info) { i.Aborted.Entries = 78 },
		"entries that overflow an i": func(i *Info) { i.Offsets.Entries = 1<<32 - 1 },
	} {
		i := someInfo()
		change(&i)
		_, ok := DecodeInfo(i.Append(nil))
		require.False(t, ok, name)
	}
	b := someInfo().Append(nil)
	b[InfoSize-1] = 8
	_, ok := DecodeInfo(b)
	require.False(t, ok, "a flag of a later version")
}

func TestParseName(t *testing.T) {
	for name, want := range map[string]int64{
		"00000000000000000000.log": 0, "00000000000000004217.log": 4217, "09223372036854775807.log": math.MaxInt64,
		"09223372036854775808.log": -1, "0000000000000000000.log": -1, "+0000000000000000001.log": 1, "-0000000000000000001.log": -1,
		"0000000000000000000a.log": -1, "00000000000000000000.index": -1, "00000000000000000000.log.deleted": -1, "": -1,
	} {
		got, ok := ParseName(name)
		require.Equal(t, want >= 0 && Name(want)+LogExt == name, ok, name)
		if ok {
			require.Equal(t, want, got)
		}
	}
}

func FuzzDecodeInfo(f *testing.F) {
	f.Add(someInfo().Append(nil))
	f.Add(Empty(3).Append(nil))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if i, ok := DecodeInfo(b); ok {
			require.Equal(t, b[:InfoSize], i.Append(nil))
			Open(place(newSegment(t).fs), i).Info()
		}
	})
}
