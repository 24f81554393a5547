package record

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/klauspost/compress/snappy"
)

// Kafka's snappy is the stream of xerial's snappy-java, which Kafka's Java client reads and writes:
//
//	magic "\x82SNAPPY\x00", version i32, oldest compatible version i32
//	per block: compressed length i32, a raw snappy block
const (
	xerialMagic      = "\x82SNAPPY\x00"
	xerialVersions   = "\x00\x00\x00\x01\x00\x00\x00\x01"
	xerialLengthSize = 4
	xerialBlockSize  = 32 << 10 // as the Java client cuts them
)

func compressSnappy(dst, src []byte) []byte {
	dst = append(dst, xerialMagic+xerialVersions...)
	for block := range slices.Chunk(src, xerialBlockSize) {
		start := len(dst) + xerialLengthSize
		dst = slices.Grow(dst, xerialLengthSize+snappy.MaxEncodedLen(len(block)))
		encoded := snappy.Encode(dst[start:cap(dst)], block)
		dst = dst[:start+len(encoded)]
		binary.BigEndian.PutUint32(dst[start-xerialLengthSize:], uint32(len(encoded)))
	}
	return dst
}

// maxSnappyRatio bounds what snappy can make of a byte: a copy of 64 takes three.
const maxSnappyRatio = 32

// decompressSnappy reads xerial's stream or, as some clients write it, one raw block. It adds up the sizes of all
// blocks before it allocates.
func decompressSnappy(src []byte, limit int) ([]byte, error) {
	var size int
	err := snappyBlocks(src, func(block []byte) error {
		n, err := snappy.DecodedLen(block)
		if err != nil {
			return err
		}
		if int64(n) > int64(len(block))*maxSnappyRatio {
			return snappy.ErrCorrupt
		}
		if n > limit-size {
			return ErrTooLarge
		}
		size += n
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, size)
	err = snappyBlocks(src, func(block []byte) error {
		decoded, err := snappy.Decode(out[len(out):size], block)
		out = out[:len(out)+len(decoded)]
		return err
	})
	return out, err
}

// snappyBlocks calls f with each raw block of src until it fails.
func snappyBlocks(src []byte, f func(block []byte) error) error {
	rest, ok := bytes.CutPrefix(src, []byte(xerialMagic))
	if !ok {
		return f(src)
	}
	if len(rest) < len(xerialVersions) {
		return snappy.ErrCorrupt
	}
	for rest = rest[len(xerialVersions):]; len(rest) > 0; {
		if len(rest) < xerialLengthSize {
			return snappy.ErrCorrupt
		}
		n := binary.BigEndian.Uint32(rest)
		rest = rest[xerialLengthSize:]
		if uint64(n) > uint64(len(rest)) {
			return snappy.ErrCorrupt
		}
		if err := f(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}
