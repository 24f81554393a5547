package journal

import (
	"encoding/binary"
	"hash/crc32"
)

// An entry, as tidwall/wal stores it, is an envelope around operations. All numbers are big-endian.
//
//	 0  magic       "KJE1"
//	 4  version     1
//	 5  kind        operations, snapshot, end of snapshot, closing entry
//	 6  reserved    two zero bytes
//	 8  directory   UUID of the data directory, 16 bytes
//	24  generation  u64
//	32  index       u64, 1 for the first entry of the generation, then one more for each
//	40  synced      u64, the highest index known to be fsynced when this was written
//	48  length      u32, of the body
//	52  body CRC    CRC32C of the body
//	56  previous    header CRC of the previous entry, 0 for the first
//	60  header CRC  CRC32C of bytes 0 to 59
//	64  body        operations, see ops.go
//
// The header vouches for the body, and the chain of header CRCs for the order of the entries. Since each header also
// stands for itself, what it says about the watermark can be used where the entries before it are damaged. Directory and
// generation keep bytes out that belong elsewhere: a block of a removed file may reappear after a power loss.
const (
	magic      = "KJE1"
	version    = 1
	headerSize = 64
)

// maxBody bounds the operations of one entry: a snapshot or group in progress and one unit.
const maxBody = groupBytes + maxUnit

type kind byte

const (
	kindOps kind = iota + 1
	kindSnapshot
	kindSnapshotEnd
	kindClosed
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

type header struct {
	kind       kind
	id         [16]byte
	generation uint64
	index      uint64
	synced     uint64
	length     uint32
	body       uint32 // CRC
	previous   uint32 // CRC
	crc        uint32
}

// seal fills in the header of an entry from h and from the body behind it, and returns the header's CRC.
func (h header) seal(entry []byte) uint32 {
	body := entry[headerSize:]
	copy(entry, magic)
	entry[4], entry[5], entry[6], entry[7] = version, byte(h.kind), 0, 0
	copy(entry[8:], h.id[:])
	binary.BigEndian.PutUint64(entry[24:], h.generation)
	binary.BigEndian.PutUint64(entry[32:], h.index)
	binary.BigEndian.PutUint64(entry[40:], h.synced)
	binary.BigEndian.PutUint32(entry[48:], uint32(len(body)))
	binary.BigEndian.PutUint32(entry[52:], checksum(body))
	binary.BigEndian.PutUint32(entry[56:], h.previous)
	crc := checksum(entry[:60])
	binary.BigEndian.PutUint32(entry[60:], crc)
	return crc
}

// parseHeader reads the first 64 bytes of an entry. It checks what the header itself can tell; the reason is empty if
// that is well.
func parseHeader(b []byte) (h header, reason string) {
	if string(b[:4]) != magic {
		return h, "not an entry"
	}
	h.crc = binary.BigEndian.Uint32(b[60:])
	if h.crc != checksum(b[:60]) {
		return h, "header checksum does not match"
	}
	if b[4] != version || b[6] != 0 || b[7] != 0 {
		return h, "entry of an unknown version"
	}
	h.kind = kind(b[5])
	h.id = [16]byte(b[8:24])
	h.generation = binary.BigEndian.Uint64(b[24:])
	h.index = binary.BigEndian.Uint64(b[32:])
	h.synced = binary.BigEndian.Uint64(b[40:])
	h.length = binary.BigEndian.Uint32(b[48:])
	h.body = binary.BigEndian.Uint32(b[52:])
	h.previous = binary.BigEndian.Uint32(b[56:])
	if h.synced >= h.index {
		return h, "watermark is not below the entry"
	}
	return h, ""
}
