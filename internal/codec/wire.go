package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// kind says what a token begins. Widths do not matter to a reader, only meanings.
type kind uint8

const (
	kindBad    kind = iota // the bytes are not msgpack; reader.err says why
	kindNil                //
	kindBool               // num is 0 or 1
	kindInt                // num is an int64
	kindUint               // num is beyond int64
	kindFloat              // num holds the bits of a float64; a float32 is widened
	kindString             // body
	kindBin                // body
	kindArray              // num elements follow
	kindMap                // num pairs follow
	kindExt                // body; num is the type, an int8
)

var kindNames = [...]string{"no value", "nil", "a bool", "an integer", "an integer", "a float", "a string", "binary",
	"an array", "a map", "an extension"}

func (k kind) String() string { return kindNames[k] }

// token is a scalar, or the head of an array or map. A body is a part of the input.
type token struct {
	kind kind
	num  uint64
	body []byte
}

// reader takes tokens off msgpack bytes (https://github.com/msgpack/msgpack/blob/master/spec.md):
//
//	00-7f  positive fixint     c4-c6  bin, length u8 u16 u32       d4-d8  ext of 1, 2, 4, 8, 16 bytes: type i8, body
//	80-8f  fixmap              c7-c9  ext, length u8 u16 u32,      d9-db  str, length u8 u16 u32
//	90-9f  fixarray                   then type i8, body           dc-dd  array, count u16 u32
//	a0-bf  fixstr              ca cb  float32, float64             de-df  map, count of pairs u16 u32
//	c0     nil                 cc-cf  uint8 to uint64              e0-ff  negative fixint
//	c2 c3  false, true         d0-d3  int8 to int64                c1     never used
//
// All numbers are big-endian. Every length is compared with the bytes that remain before it is believed: a body needs
// its bytes, an array at least one byte per element, a map two per pair.
type reader struct {
	data  []byte
	pos   int
	start int      // where the newest token began
	text  int      // bytes of the strings that skip has passed
	err   *failure // why a token was bad
}

// next takes one token off. It never reads beyond the input and allocates only on failure.
func (r *reader) next() token {
	r.start = r.pos
	if r.pos >= len(r.data) {
		return r.bad("the value is cut short")
	}
	c := r.data[r.pos]
	r.pos++
	switch {
	case c <= 0x7f:
		return token{kind: kindInt, num: uint64(c)}
	case c <= 0x8f:
		return r.counted(kindMap, uint64(c&0x0f), 2)
	case c <= 0x9f:
		return r.counted(kindArray, uint64(c&0x0f), 1)
	case c <= 0xbf:
		return r.bodied(kindString, 0, uint64(c&0x1f))
	case c >= 0xe0:
		return token{kind: kindInt, num: uint64(int8(c))}
	}
	return r.wide(c)
}

// widths are the bytes of the length or number that follows the codes from c4 on; ext codes d4-d8 have none.
var widths = [...]uint8{1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4}

// wide takes the rest of a token whose code is one of c0 to df.
func (r *reader) wide(c byte) token {
	switch c {
	case 0xc0:
		return token{kind: kindNil}
	case 0xc1:
		return r.bad("the code 0xc1 is not msgpack")
	case 0xc2, 0xc3:
		return token{kind: kindBool, num: uint64(c & 1)}
	}
	width := widths[c-0xc4]
	n, ok := r.number(int(width))
	if !ok {
		return r.bad("the value is cut short")
	}
	switch {
	case c <= 0xc6:
		return r.bodied(kindBin, 0, n)
	case c <= 0xc9:
		return r.ext(n)
	case c == 0xca:
		return token{kind: kindFloat, num: math.Float64bits(float64(math.Float32frombits(uint32(n))))}
	case c == 0xcb:
		return token{kind: kindFloat, num: n}
	case c == 0xcf && n > math.MaxInt64:
		return token{kind: kindUint, num: n}
	case c <= 0xcf:
		return token{kind: kindInt, num: n}
	case c <= 0xd3:
		unused := 64 - 8*width
		return token{kind: kindInt, num: uint64(int64(n<<unused) >> unused)}
	case c <= 0xd8:
		return r.ext(1 << (c - 0xd4))
	case c <= 0xdb:
		return r.bodied(kindString, 0, n)
	case c <= 0xdd:
		return r.counted(kindArray, n, 1)
	}
	return r.counted(kindMap, n, 2)
}

// number reads a big-endian number of 0, 1, 2, 4 or 8 bytes.
func (r *reader) number(width int) (n uint64, ok bool) {
	if len(r.data)-r.pos < width {
		return 0, false
	}
	b := r.data[r.pos : r.pos+width]
	r.pos += width
	switch width {
	case 1:
		n = uint64(b[0])
	case 2:
		n = uint64(binary.BigEndian.Uint16(b))
	case 4:
		n = uint64(binary.BigEndian.Uint32(b))
	case 8:
		n = binary.BigEndian.Uint64(b)
	}
	return n, true
}

func (r *reader) ext(n uint64) token {
	id, ok := r.number(1)
	if !ok {
		return r.bad("the value is cut short")
	}
	return r.bodied(kindExt, uint64(int8(id)), n)
}

func (r *reader) bodied(k kind, num, n uint64) token {
	if left := len(r.data) - r.pos; n > uint64(left) {
		return r.bad("%s claims %d bytes, %d remain", k, n, left)
	}
	body := r.data[r.pos : r.pos+int(n)]
	r.pos += int(n)
	return token{kind: k, num: num, body: body}
}

// counted checks the count of a container whose every element takes at least size bytes.
func (r *reader) counted(k kind, n, size uint64) token {
	if left := len(r.data) - r.pos; n*size > uint64(left) {
		return r.bad("%s claims %d elements, %d bytes remain", k, n, left)
	}
	return token{kind: k, num: n}
}

func (r *reader) bad(format string, args ...any) token {
	r.err = r.failed(format, args...)
	return token{}
}

// failed is a failure at the newest token.
func (r *reader) failed(format string, args ...any) *failure {
	return &failure{reason: fmt.Sprintf(format, args...), pos: r.start, size: len(r.data)}
}

// timeExt is the extension type of a timestamp.
const timeExt = -1

// time decodes a timestamp:
//
//	 4 bytes  seconds u32
//	 8 bytes  nanoseconds in the upper 30 bits, seconds in the lower 34
//	12 bytes  nanoseconds u32, seconds i64
//
// Seconds count from 1970. No location is stored, so the result is in UTC.
func (r *reader) time(t token) (time.Time, error) {
	if int64(t.num) != timeExt {
		return time.Time{}, r.failed("extension type %d is not known", int64(t.num))
	}
	var sec int64
	var nsec uint64
	switch b := t.body; len(b) {
	case 4:
		sec = int64(binary.BigEndian.Uint32(b))
	case 8:
		n := binary.BigEndian.Uint64(b)
		nsec, sec = n>>34, int64(n&(1<<34-1))
	case 12:
		nsec, sec = uint64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint64(b[4:]))
	default:
		return time.Time{}, r.failed("a timestamp has %d bytes instead of 4, 8 or 12", len(b))
	}
	if nsec >= 1e9 {
		return time.Time{}, r.failed("a timestamp has more than 999,999,999 nanoseconds")
	}
	return time.Unix(sec, int64(nsec)).UTC(), nil
}
