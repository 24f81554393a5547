package record

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// An LZ4 frame as Kafka writes it, all integers little-endian:
//
//	magic 0x184D2204
//	flags 0x60: version 1, independent blocks, no checksums, no content size
//	block descriptor 0x40: blocks of at most 64 KiB
//	second byte of the xxHash-32 of flags and block descriptor
//	per block: length u32, its top bit set when the block is not compressed; the block
//	end mark u32 of 0
const (
	lz4Magic      = "\x04\x22\x4d\x18"
	lz4Header     = lz4Magic + "\x60\x40\x82"
	lz4BlockSize  = 64 << 10
	lz4Stored     = 1 << 31
	maxLZ4Level   = 9
	lz4EndMark    = "\x00\x00\x00\x00"
	lz4LengthSize = 4
)

type blockCompressor interface {
	CompressBlock(src, dst []byte) (int, error)
}

var lz4Encoders [maxLZ4Level + 1]sync.Pool // by level

func newLZ4Encoder(level int) blockCompressor {
	if level == 0 {
		return &lz4.Compressor{}
	}
	return &lz4.CompressorHC{Level: lz4.Level1 << (level - 1)}
}

func compressLZ4(dst, src []byte, level int) ([]byte, error) {
	if err := checkLevel(LZ4, level, maxLZ4Level); err != nil {
		return nil, err
	}
	e, _ := lz4Encoders[level].Get().(blockCompressor)
	if e == nil {
		e = newLZ4Encoder(level)
	}
	defer lz4Encoders[level].Put(e)
	dst = append(dst, lz4Header...)
	for block := range slices.Chunk(src, lz4BlockSize) {
		start := len(dst) + lz4LengthSize
		bound := lz4.CompressBlockBound(len(block))
		dst = slices.Grow(dst, lz4LengthSize+bound)
		n, err := e.CompressBlock(block, dst[start:start+bound])
		if err != nil {
			return nil, err
		}
		length := uint32(n)
		if n == 0 || n >= len(block) {
			n = copy(dst[start:start+bound], block)
			length = uint32(n) | lz4Stored
		}
		dst = dst[:start+n]
		binary.LittleEndian.PutUint32(dst[start-lz4LengthSize:], length)
	}
	return append(dst, lz4EndMark...), nil
}

type lz4Decoder struct {
	streamDecoder
	r *lz4.Reader
}

var lz4Decoders = sync.Pool{New: func() any { return &lz4Decoder{r: lz4.NewReader(nil)} }}

func decompressLZ4(src []byte, limit int) ([]byte, error) {
	if !bytes.HasPrefix(src, []byte(lz4Magic)) {
		return nil, lz4.ErrInvalidFrame
	}
	d := lz4Decoders.Get().(*lz4Decoder)
	defer lz4Decoders.Put(d)
	d.src.Reset(src)
	defer d.src.Reset(nil)
	d.r.Reset(&d.src)
	return d.readAll(d.r, atMost(int64(len(src))*guessRatio, limit), limit)
}
