package log

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

// The checkpoint remembers the durable watermark: how far an fsync had come, and all that is needed to go on from there.
// Two slots in separate 4 KiB blocks are written in turn, each less than a sector, so that a torn write spoils one at
// most. A slot is written after the fsync that it tells of returned, and needs none of its own: lagging is safe, running
// ahead is not possible.
//
//	0       4          12      13     142      146
//	┌───────┬──────────┬───────┬──────┬────────┐
//	│ magic │ sequence │ flags │ Info │ CRC32C │  CRC32C: of the partition's identity and all before
//	└───────┴──────────┴───────┴──────┴────────┘  flag 1: producer ids occur in the log
const checkpointName = "checkpoint"

const (
	checkpointMagic = 0x4b434b31
	slotSize        = 4096
	slotLen         = 4 + 8 + 1 + segment.InfoSize + 4
)

// watermark is what a slot says. The durable end is info.Next.
type watermark struct {
	info      segment.Info
	producers bool
}

type checkpoint struct {
	file     *vfs.Handle
	seed     uint32
	sequence uint64
}

// write makes w the newest slot. The other slot is not touched until that has succeeded.
func (c *checkpoint) write(w watermark) error {
	sequence := c.sequence + 1
	b := binary.BigEndian.AppendUint32(make([]byte, 0, slotLen), checkpointMagic)
	b = binary.BigEndian.AppendUint64(b, sequence)
	flags := byte(0)
	if w.producers {
		flags = 1
	}
	b = w.info.Append(append(b, flags))
	b = binary.BigEndian.AppendUint32(b, crc32.Update(c.seed, castagnoli, b))
	if _, err := c.file.WriteAt(b, int64(sequence%2)*slotSize); err != nil {
		return err
	}
	c.sequence = sequence
	return nil
}

// parseCheckpoint returns the newest valid slot in the contents of a file.
func parseCheckpoint(b []byte, seed uint32) (w watermark, sequence uint64, ok bool) {
	for at := 0; at+slotLen <= len(b); at += slotSize {
		slot := b[at : at+slotLen]
		body, sum := slot[:slotLen-4], binary.BigEndian.Uint32(slot[slotLen-4:])
		n := binary.BigEndian.Uint64(slot[4:])
		if binary.BigEndian.Uint32(slot) != checkpointMagic || crc32.Update(seed, castagnoli, body) != sum ||
			n%2 != uint64(at/slotSize)%2 || ok && n < sequence {
			continue
		}
		if info, valid := segment.DecodeInfo(slot[13:]); valid {
			w, sequence, ok = watermark{info: info, producers: slot[12]&1 != 0}, n, true
		}
	}
	return w, sequence, ok
}
