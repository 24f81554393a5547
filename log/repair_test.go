package log

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

func fixCRC(b record.Batch) {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli))
}

func (c *compacted) repairOptions() RepairOptions {
	return RepairOptions{VerifyOptions: c.verifyOptions(), Epoch: c.opts.Epoch + 1, Clock: c.clock}
}

func TestRepair(t *testing.T) {
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			l, mem := closedLog(t)
			sound := reopenOn(t, l.opts, mem.KillClone())
			before := strings.Fields(show(t, sound, false))
			require.NoError(t, sound.Close())
			d.do(t, mem)

			r, err := Repair(mem, l.repairOptions())
			require.NoError(t, err)
			require.Empty(t, r.Problems, r.Notes)
			require.Equal(t, int64(14), r.End)
			again, err := Repair(mem, l.repairOptions())
			require.NoError(t, err)
			require.Empty(t, again.Problems)

			l.Log = reopenOn(t, l.opts, mem)
			require.Empty(t, l.Damage())
			require.Equal(t, int64(0), l.Start())
			after := strings.Fields(show(t, l.Log, false))
			for _, w := range before {
				require.NotEqual(t, hasWord(d.lost, w), hasWord(after, w), w)
			}
			require.Len(t, after, len(before)-len(d.lost))
			l.do("x=1\n|\ny=1")
			l.opts.FS, l.opts.Pool = mem, vfs.NewPool(mem, 16)
			l.opts.Epoch += 20
			l.reopen()
			require.Equal(t, append(after, "14:x=1", "15:y=1"), strings.Fields(show(t, l.Log, false)))
			require.NoError(t, l.Close())
			r, err = Verify(mem, l.verifyOptions())
			require.NoError(t, err)
			require.Empty(t, r.Problems)
		})
	}
}

func hasWord(words []string, w string) bool {
	for _, x := range words {
		if x == w {
			return true
		}
	}
	return false
}

// TestRepairKeepsWhatItTakesOut looks for the damaged bytes.
func TestRepairKeepsWhatItTakesOut(t *testing.T) {
	l, mem := closedLog(t)
	var damaged []byte
	editFile(t, mem, logName(0), func(b []byte) []byte {
		b[30] ^= 1
		n, err := record.Peek(b)
		require.NoError(t, err)
		damaged = append(damaged, b[:n]...)
		return b
	})
	r, err := Repair(mem, l.repairOptions())
	require.NoError(t, err)
	kept := contentsOf(t, mem)["00000000000000000000.log.0.2.broken"]
	require.Equal(t, string(damaged), kept)
	require.Contains(t, strings.Join(r.Notes, "\n"), "took out 79 bytes at 0, where offset 0 was due")
}

// TestRepairTwice damages what a first repair has made.
func TestRepairTwice(t *testing.T) {
	l, mem := closedLog(t)
	editFile(t, mem, "orders-0/manifest", removed)
	editFile(t, mem, logName(11), flipBit(20))
	_, err := Repair(mem, l.repairOptions())
	require.NoError(t, err)
	l.Log = reopenOn(t, l.opts, mem)
	l.do("m=1\nn=1\n|\no=1")
	require.NoError(t, l.Close())
	l.opts.Epoch += 20
	editFile(t, mem, logName(7), flipBit(-1))
	editFile(t, mem, logName(11), flipBit(-1))
	editFile(t, mem, logName(14), flipBit(20))
	r, err := Repair(mem, l.repairOptions())
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	l.Log = reopenOn(t, l.opts, mem)
	require.True(t, strings.HasSuffix(show(t, l.Log, false), "7:g=1 8:h=1 9:C 12:k=1 15:n=1 16:o=1"), show(t, l.Log, false))
	require.NoError(t, l.Close())
}

func TestRepairEpoch(t *testing.T) {
	l, mem := closedLog(t)
	editFile(t, mem, logName(0), flipBit(-1))
	before := contentsOf(t, mem)
	o := l.repairOptions()
	o.Epoch = 0
	_, err := Repair(mem, o)
	require.ErrorIs(t, err, engine.ErrInvalidArgument)
	require.Equal(t, before, contentsOf(t, mem))
}

// TestRepairAborted has the index of aborted transactions made anew with the segment.
func TestRepairAborted(t *testing.T) {
	l, mem := closedLog(t)
	editFile(t, mem, logName(4), flipBit(80)) // the second batch of the transaction is the one that stays
	editFile(t, mem, "orders-0/00000000000000000004.txnindex", removed)
	_, err := Repair(mem, l.repairOptions())
	require.NoError(t, err)
	l.Log = reopenOn(t, l.opts, mem)
	require.NotContains(t, show(t, l.Log, true), "e=1")
	require.NotContains(t, show(t, l.Log, true), "f=1")
	require.NoError(t, l.Close())
}

func TestRepairNothing(t *testing.T) {
	l, mem := closedLog(t)
	before := contentsOf(t, mem)
	r, err := Repair(mem, l.repairOptions())
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	require.Empty(t, r.Notes)
	require.Equal(t, before, contentsOf(t, mem))
}

// TestRepairEveryByte changes bytes of each log file: never more than a batch may be lost.
func TestRepairEveryByte(t *testing.T) {
	l, mem := closedLog(t)
	for _, base := range []int64{0, 4, 7, 11} {
		size := len(contentsOf(t, mem)[logName(base)[len("orders-0/"):]])
		for at := 0; at < size; at += 3 {
			clone := mem.KillClone()
			editFile(t, clone, logName(base), flipBit(at))
			r, err := Repair(clone, l.repairOptions())
			require.NoError(t, err)
			require.Empty(t, r.Problems, "file %d at %d", base, at)
			require.GreaterOrEqual(t, r.Batches, int64(12), "file %d at %d: %s", base, at, r.Notes)
			require.Equal(t, int64(14), r.End)
		}
	}
}

// TestRepairOfCompacted damages what a compaction made, with and without the manifest.
func TestRepairOfCompacted(t *testing.T) {
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprint("manifest lost: ", lost), func(t *testing.T) {
			mem := vfs.NewMem()
			l := openCompacted(t, mem)
			l.do("a=1\nb=1\nc=1\n|\na=2 d=1\n|\nb=2\ne=1\n|\nf=1\ncompact\n")
			want := show(t, l.Log, false)
			require.Equal(t, "2:c=1 3:a=2 4:d=1 5:b=2 6:e=1 7:f=1", want)
			require.NoError(t, l.Close())
			if lost {
				editFile(t, mem, "orders-0/manifest", removed)
			}
			editFile(t, mem, logName(0), flipBit(80)) // in the second batch
			r, err := Repair(mem, l.repairOptions())
			require.NoError(t, err)
			require.Empty(t, r.Problems)
			l.Log = reopenOn(t, l.opts, mem)
			require.Equal(t, "2:c=1 5:b=2 6:e=1 7:f=1", show(t, l.Log, false))
			require.NoError(t, l.Close())
		})
	}
}

func TestRepairCrash(t *testing.T) {
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			l, mem := closedLog(t)
			d.do(t, mem)
			var clones []*vfs.Mem
			_, err := Repair(vfs.Faulty(mem, func(op vfs.Op) error {
				if op.Kind == vfs.OpWrite || op.Kind == vfs.OpSync || op.Kind == vfs.OpRename || op.Kind == vfs.OpRemove ||
					op.Kind == vfs.OpSyncDir || op.Kind == vfs.OpTruncate {
					clones = append(clones, mem.KillClone(), mem.CrashClone(uint64(op.N)), mem.CrashClone(uint64(op.N)+1000))
				}
				return nil
			}), l.repairOptions())
			require.NoError(t, err)
			l.Log = reopenOn(t, l.opts, mem)
			want := show(t, l.Log, false)
			require.NoError(t, l.Close())
			for _, clone := range clones {
				r, err := Repair(clone, l.repairOptions())
				require.NoError(t, err)
				require.Empty(t, r.Problems)
				require.Equal(t, int64(14), r.End)
				l.Log = reopenOn(t, l.opts, clone)
				require.Equal(t, want, show(t, l.Log, false))
				require.NoError(t, l.Close())
			}
		})
	}
}

func TestRepairFaults(t *testing.T) {
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			for n := int64(1); ; n++ {
				l, mem := closedLog(t)
				d.do(t, mem)
				_, err := Repair(vfs.Faulty(mem, vfs.FailNth(n, syscall.EIO, false)), l.repairOptions())
				if err != nil {
					require.ErrorIs(t, err, syscall.EIO)
				}
				r, again := Repair(mem, l.repairOptions())
				require.NoError(t, again)
				require.Empty(t, r.Problems)
				require.Equal(t, int64(14), r.End)
				if err == nil && n > 20 {
					break
				}
			}
		})
	}
}
