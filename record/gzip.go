package record

import (
	"encoding/binary"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// maxGzipRatio is what deflate can make of a byte at most.
const maxGzipRatio = 1032

const maxGzipLevel = gzip.BestCompression

type gzipEncoder struct {
	w   *gzip.Writer
	out []byte
}

// Write takes what the compressor has ready.
func (e *gzipEncoder) Write(p []byte) (int, error) {
	e.out = append(e.out, p...)
	return len(p), nil
}

var gzipEncoders [maxGzipLevel + 1]sync.Pool // by level

// compressGzip writes one member, RFC 1952.
func compressGzip(dst, src []byte, level int) ([]byte, error) {
	if err := checkLevel(Gzip, level, maxGzipLevel); err != nil {
		return nil, err
	}
	e, _ := gzipEncoders[level].Get().(*gzipEncoder)
	if e == nil {
		e = &gzipEncoder{}
		setting := level
		if level == 0 {
			setting = gzip.DefaultCompression
		}
		w, err := gzip.NewWriterLevel(e, setting)
		if err != nil {
			return nil, err
		}
		e.w = w
	}
	defer gzipEncoders[level].Put(e)
	e.out = dst
	defer func() { e.out = nil }()
	e.w.Reset(e)
	if _, err := e.w.Write(src); err != nil {
		return nil, err
	}
	err := e.w.Close()
	return e.out, err
}

type gzipDecoder struct {
	streamDecoder
	r gzip.Reader
}

var gzipDecoders = sync.Pool{New: func() any { return new(gzipDecoder) }}

func decompressGzip(src []byte, limit int) ([]byte, error) {
	d := gzipDecoders.Get().(*gzipDecoder)
	defer gzipDecoders.Put(d)
	d.src.Reset(src)
	defer d.src.Reset(nil)
	if err := d.r.Reset(&d.src); err != nil {
		return nil, err
	}
	return d.readAll(&d.r, atMost(gzipLen(src), limit), limit)
}

// gzipLen is what the last member says it decompresses to, unless that cannot come out of src.
func gzipLen(src []byte) int64 {
	trailer := src[max(len(src)-4, 0):]
	if len(trailer) < 4 {
		return 0
	}
	return min(int64(binary.LittleEndian.Uint32(trailer)), int64(len(src))*maxGzipRatio)
}
