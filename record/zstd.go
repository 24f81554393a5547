package record

import (
	"errors"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// maxZstdRatio is what zstd can make of a byte at most: a block of 128 KiB that repeats one byte takes four.
const maxZstdRatio = 32 << 10

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

var zstdDecoders sync.Pool

func newZstdDecoder() (*zstd.Decoder, error) {
	if d, ok := zstdDecoders.Get().(*zstd.Decoder); ok {
		return d, nil
	}
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxWindow(zstdMaxWindow))
}

// decompressZstd tries a larger buffer when one is full, since streaming encoders, as the Java client's, do not write
// the size of a frame.
func decompressZstd(src []byte, limit int) ([]byte, error) {
	size, err := zstdLen(src, limit)
	if err != nil {
		return nil, err
	}
	d, err := newZstdDecoder()
	if err != nil {
		return nil, err
	}
	defer zstdDecoders.Put(d)
	for {
		out, err := d.DecodeAll(src, make([]byte, 0, size))
		if !errors.Is(err, zstd.ErrDecoderSizeExceeded) {
			return out, err
		}
		if size >= limit {
			return nil, ErrTooLarge
		}
		size = atMost(int64(size)*4+1, limit)
	}
}

// zstdLen is what the first frame says it decompresses to, or else a guess.
func zstdLen(src []byte, limit int) (int, error) {
	var frame zstd.Header
	if err := frame.Decode(src); err != nil {
		return 0, err
	}
	if !frame.HasFCS {
		return atMost(int64(len(src))*guessRatio, limit), nil
	}
	if frame.FrameContentSize > uint64(len(src))*maxZstdRatio {
		return 0, zstd.ErrFrameSizeExceeded
	}
	if frame.FrameContentSize > uint64(limit) {
		return 0, ErrTooLarge
	}
	return int(frame.FrameContentSize), nil
}
