package journal

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// The watermark file of a generation has two slots, one at 0 and one at 4096, written in turn so that a torn write spoils
// one of them at most. The slot with the larger index counts. All numbers are big-endian.
//
//	 0  magic       "KJW1"
//	 4  CRC         CRC32C of bytes 8 to 39
//	 8  directory   UUID of the data directory, 16 bytes
//	24  generation  u64
//	32  index       u64, the highest entry that a successful fsync has covered
//
// It tells an entry that was promised from one that was not also where the entries that carry a later watermark are gone:
// without it a file that lost its end would look like one that never had it.
const (
	watermarkName  = "watermark"
	watermarkMagic = "KJW1"
	slotSize       = 40
	slotDistance   = 4096
)

type watermark struct {
	file vfs.File
	slot [slotSize]byte
	next int64 // position of the next write
}

func encodeSlot(id [16]byte, generation, index uint64) (slot [slotSize]byte) {
	copy(slot[:], watermarkMagic)
	copy(slot[8:], id[:])
	binary.BigEndian.PutUint64(slot[24:], generation)
	binary.BigEndian.PutUint64(slot[32:], index)
	binary.BigEndian.PutUint32(slot[4:], checksum(slot[8:]))
	return slot
}

// write raises the watermark. It need not be fsynced: lagging is safe.
func (w *watermark) write(index uint64) error {
	binary.BigEndian.PutUint64(w.slot[32:], index)
	binary.BigEndian.PutUint32(w.slot[4:], checksum(w.slot[8:]))
	at := w.next
	w.next = slotDistance - at
	_, err := w.file.WriteAt(w.slot[:], at)
	return err
}

// openWatermark opens the file for writing; flag says whether it is created. The slot that is not the newest comes next.
func openWatermark(f vfs.FS, dir string, id [16]byte, generation uint64, flag int) (*watermark, error) {
	file, err := f.OpenFile(path.Join(dir, watermarkName), os.O_RDWR|flag)
	if err != nil {
		return nil, err
	}
	w := &watermark{file: file, slot: encodeSlot(id, generation, 0)}
	_, newest, err := readSlots(file, id, generation)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	if newest == 0 {
		w.next = slotDistance
	}
	return w, nil
}

// readWatermark is the watermark of a generation. It is 0, and ok is false, if no slot is valid.
func readWatermark(f vfs.FS, dir string, id [16]byte, generation uint64) (index uint64, ok bool, err error) {
	file, err := f.OpenFile(path.Join(dir, watermarkName), os.O_RDONLY)
	if err != nil {
		return 0, false, err
	}
	defer file.Close()
	index, newest, err := readSlots(file, id, generation)
	return index, newest >= 0, err
}

// readSlots finds the largest index and the position of its slot, which is -1 if no slot is valid.
func readSlots(file io.ReaderAt, id [16]byte, generation uint64) (index uint64, newest int64, err error) {
	newest = -1
	for _, at := range []int64{0, slotDistance} {
		var slot [slotSize]byte
		if _, err := file.ReadAt(slot[:], at); errors.Is(err, io.EOF) {
			continue
		} else if err != nil {
			return 0, -1, err
		}
		i := binary.BigEndian.Uint64(slot[32:])
		if slot == encodeSlot(id, generation, i) && (newest < 0 || i > index) {
			index, newest = i, at
		}
	}
	return index, newest, nil
}
