package record

import (
	"bytes"
	"io"
	"slices"
)

// Encoders are large, so that they belong to the process rather than to each Builder.

// compress appends src to dst in the codec's framing.
func compress(dst, src []byte, codec Compression, level int) ([]byte, error) {
	switch codec {
	case Gzip:
		return compressGzip(dst, src, level)
	case Snappy:
		return compressSnappy(dst, src), nil
	case LZ4:
		return compressLZ4(dst, src, level)
	case Zstd:
		return compressZstd(dst, src, level)
	}
	return nil, fieldErrorf("attributes", "unknown codec %d", int8(codec))
}

// checkLevel accepts 0, the default, to largest.
func checkLevel(codec Compression, level, largest int) error {
	if level < 0 || level > largest {
		return fieldErrorf("compression level", "%d is not in 0 to %d for %v", level, largest, codec)
	}
	return nil
}

// decompress returns src in a new buffer of at most limit bytes, or ErrTooLarge.
func decompress(codec Compression, src []byte, limit int) ([]byte, error) {
	if limit <= 0 {
		return nil, ErrTooLarge
	}
	var out []byte
	var err error
	switch codec {
	case Gzip:
		out, err = decompressGzip(src, limit)
	case Snappy:
		out, err = decompressSnappy(src, limit)
	case LZ4:
		out, err = decompressLZ4(src, limit)
	case Zstd:
		out, err = decompressZstd(src, limit)
	default:
		return nil, fieldErrorf("attributes", "unknown codec %d", int8(codec))
	}
	if err != nil && err != ErrTooLarge {
		return nil, fieldErrorf("records", "%v: %v", codec, err)
	}
	if cap(out)/2 > len(out) {
		out = slices.Clone(out) // records will keep all of it alive
	}
	return out, err
}

// guessRatio is how much larger than compressed records are, where nothing tells before they are decompressed.
const guessRatio = 4

// atMost is size within limit.
func atMost(size int64, limit int) int { return int(min(size, int64(limit))) }

// streamDecoder reads a codec's stream to its end.
type streamDecoder struct {
	src   bytes.Reader
	probe [1]byte
}

// readAll returns what r holds, in a buffer that begins with size bytes. It stops beyond limit bytes.
func (d *streamDecoder) readAll(r io.Reader, size, limit int) ([]byte, error) {
	out := make([]byte, 0, size)
	for {
		free := out[len(out):min(cap(out), limit)]
		probing := len(free) == 0 // the buffer is full: is that the end?
		if probing {
			free = d.probe[:]
		}
		n, err := r.Read(free)
		if len(out)+n > limit {
			return nil, ErrTooLarge
		}
		if probing {
			out = append(out, free[:n]...)
		} else {
			out = out[:len(out)+n]
		}
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
