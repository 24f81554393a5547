package record

import "math/bits"

// maxVarint is the size of the longest varint, one of 64 bits.
const maxVarint = 10

// varint reads the zigzag varint at b[p:] and returns the position behind it, or -1 when there is none. A negative p
// gives -1 again, so that a row of reads needs one check at its end. Most varints have one byte or two.
func varint(b []byte, p int) (int64, int) {
	if uint(p) >= uint(len(b)) {
		return 0, -1
	}
	u, p := uint64(b[p]), p+1
	if u >= 0x80 {
		if p >= len(b) || b[p] >= 0x80 {
			return longVarint(b, p-1)
		}
		u, p = u&0x7f|uint64(b[p])<<7, p+1
	}
	return int64(u>>1) ^ -int64(u&1), p
}

// longVarint is varint for more than two bytes.
func longVarint(b []byte, p int) (int64, int) {
	var u uint64
	for i, c := range b[p:] {
		if i == maxVarint-1 && c > 1 {
			break // more than 64 bits
		}
		u |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1), p + i + 1
		}
	}
	return 0, -1
}

// span reads a length and the bytes that it measures at b[p:]. The length -1 is null and gives nil. The position
// behind them is -1 when they do not fit into b.
func span(b []byte, p int) ([]byte, int) {
	n, p := varint(b, p)
	if p < 0 || n < -1 || n > int64(len(b)-p) {
		return nil, -1
	}
	if n < 0 {
		return nil, p
	}
	end := p + int(n)
	return b[p:end:end], end
}

// zigzag maps small numbers of either sign to small unsigned ones.
func zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

// varintLen is the size of v as a varint: one byte for each seven bits.
func varintLen(v int64) int64 { return int64(bits.Len64(zigzag(v)|1)*9+64) / 64 }

// spanLen is the size of a length and its bytes.
func spanLen(b []byte) int64 { return varintLen(int64(len(b))) + int64(len(b)) }

// putVarint writes v at b[p:] and returns the position behind it.
func putVarint(b []byte, p int, v int64) int {
	u := zigzag(v)
	for u >= 0x80 {
		b[p] = byte(u) | 0x80
		u >>= 7
		p++
	}
	b[p] = byte(u)
	return p + 1
}

// putSpan writes the length of s and s at b[p:], nil as null, and returns the position behind it.
func putSpan(b []byte, p int, s []byte) int {
	if s == nil {
		b[p] = 1 // -1
		return p + 1
	}
	p = putVarint(b, p, int64(len(s)))
	return p + copy(b[p:], s)
}
