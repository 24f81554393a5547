package record

import (
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	maxZstdLevel  = 22
	zstdWindow    = 1 << 20 // what an encoder may look back, and keeps room for
	zstdByDefault = zstd.SpeedDefault
)

var zstdEncoders [zstd.SpeedBestCompression + 1]sync.Pool // by speed

func compressZstd(dst, src []byte, level int) ([]byte, error) {
	if err := checkLevel(Zstd, level, maxZstdLevel); err != nil {
		return nil, err
	}
	speed := zstdByDefault
	if level > 0 {
		speed = zstd.EncoderLevelFromZstd(level)
	}
	e, _ := zstdEncoders[speed].Get().(*zstd.Encoder)
	if e == nil {
		var err error
		// The batch has a checksum already.
		e, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(speed), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(zstdWindow), zstd.WithEncoderCRC(false))
		if err != nil {
			return nil, err
		}
	}
	defer zstdEncoders[speed].Put(e)
	return e.EncodeAll(src, dst), nil
}

// A Kafka client's encoder may allow itself any window up to the reference implementation's default bound, however
// small the batch. Output goes straight to its buffer, so that a window costs nothing.
const zstdMaxWindow = 128 << 20

// maxZstdScratch is how much of its scratch an idle decoder keeps.
const maxZstdScratch = 1 << 20

type zstdDecoder struct {
	*zstd.Decoder
	scratch []byte // for frames that do not tell their size
}

var zstdDecoders sync.Pool

func newZstdDecoder() (*zstdDecoder, error) {
	if d, ok := zstdDecoders.Get().(*zstdDecoder); ok {
		return d, nil
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxWindow(zstdMaxWindow))
	return &zstdDecoder{Decoder: d}, err
}

func (d *zstdDecoder) release() {
	if cap(d.scratch) > maxZstdScratch {
		d.scratch = nil
	}
	zstdDecoders.Put(d)
}

func decompressZstd(src []byte, limit int) ([]byte, error) {
	size, exact, err := zstdLen(src)
	if err != nil {
		return nil, err
	}
	tooLarge := size > int64(limit)
	if tooLarge && exact {
		return nil, ErrTooLarge
	}
	d, err := newZstdDecoder()
	if err != nil {
		return nil, err
	}
	defer d.release()
	if exact {
		return d.DecodeAll(src, make([]byte, 0, size))
	}
	out, err := d.decodeBounded(src, atMost(size, limit))
	if err != nil && tooLarge {
		return nil, ErrTooLarge // the decoder has no error of its own for every way of running out of room
	}
	return out, err
}

// decodeBounded decodes at most size bytes by way of the scratch: a bound is a multiple of a block, 128 KiB, however
// small the batch.
func (d *zstdDecoder) decodeBounded(src []byte, size int) ([]byte, error) {
	d.scratch = slices.Grow(d.scratch[:0], size)
	out, err := d.DecodeAll(src, d.scratch[:0:size])
	return slices.Clone(out), err
}

// zstdLen adds up what the frames of src decompress to at most. That is exact where each tells its size: streaming
// encoders, as the Java client's, do not. The format is RFC 8878, sections 3.1.1 and 3.1.2.
func zstdLen(src []byte) (size int64, exact bool, err error) {
	exact = true
	for len(src) > 0 {
		var frame zstd.Header
		if err := frame.Decode(src); err != nil {
			return 0, false, err
		}
		out, n, err := zstdFrame(&frame, src[frame.HeaderSize:])
		if err != nil {
			return 0, false, err
		}
		size += out
		exact = exact && (frame.HasFCS || frame.Skippable)
		src = src[frame.HeaderSize+n:]
	}
	return size, exact, nil
}

// zstdFrame returns what a frame decompresses to at most, and its number of bytes behind the header.
func zstdFrame(frame *zstd.Header, b []byte) (size int64, n int, err error) {
	if frame.Skippable {
		if int64(frame.SkippableSize) > int64(len(b)) {
			return 0, 0, io.ErrUnexpectedEOF
		}
		return 0, int(frame.SkippableSize), nil
	}
	size, n, err = zstdBlocks(b)
	if err != nil {
		return 0, 0, err
	}
	if frame.HasFCS {
		if frame.FrameContentSize > uint64(size) {
			return 0, 0, zstd.ErrFrameSizeMismatch
		}
		size = int64(frame.FrameContentSize)
	}
	if frame.HasCheckSum {
		n = min(n+zstdChecksumSize, len(b))
	}
	return size, n, nil
}

// A zstd block begins with three bytes, little-endian: bit 0 marks the last one, bits 1 and 2 are the type, the rest is
// the size.
const (
	zstdBlockHeader  = 3
	zstdBlockSize    = 128 << 10 // of any block decompressed, at most
	zstdRLE          = 1         // one byte, repeated size times
	zstdCompressed   = 2
	zstdChecksumSize = 4
)

// zstdBlocks returns what the blocks of a frame decompress to at most, and their number of bytes.
func zstdBlocks(b []byte) (size int64, n int, err error) {
	for last := false; !last; {
		if len(b)-n < zstdBlockHeader {
			return 0, 0, io.ErrUnexpectedEOF
		}
		header := uint32(b[n]) | uint32(b[n+1])<<8 | uint32(b[n+2])<<16
		last = header&1 != 0
		stored := int(header >> 3)
		out := stored
		switch header >> 1 & 3 {
		case zstdRLE:
			stored = 1
		case zstdCompressed:
			out = zstdBlockSize
		}
		n += zstdBlockHeader
		if stored > len(b)-n {
			return 0, 0, io.ErrUnexpectedEOF
		}
		n += stored
		size += int64(min(out, zstdBlockSize))
	}
	return size, n, nil
}
