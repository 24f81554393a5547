package codec

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// maxPooled bounds the scratch that a pooled encoder keeps, in pairs.
const maxPooled = 1024

// encoder appends one value to out. It is itself the writer of the msgpack encoder, which therefore never fails.
type encoder struct {
	out   []byte
	wire  *msgpack.Encoder
	depth int    // containers around the current value
	hops  int    // pointers followed on the way to it
	pairs []pair // of all maps around it: scratch for sorting
}

// pair is an entry of a map.
type pair struct {
	key   string
	value any
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.wire = msgpack.NewEncoder(e)
	return e
}}

// Write appends to the output.
func (e *encoder) Write(b []byte) (int, error) {
	e.out = append(e.out, b...)
	return len(b), nil
}

// WriteByte appends to the output.
func (e *encoder) WriteByte(b byte) error {
	e.out = append(e.out, b)
	return nil
}

// release returns the encoder to the pool without any reference to what it encoded.
func (e *encoder) release() {
	clear(e.pairs)
	e.pairs = e.pairs[:0]
	if cap(e.pairs) > maxPooled {
		e.pairs = nil
	}
	e.out, e.depth, e.hops = nil, 0, 0
	encoders.Put(e)
}

// any encodes the common types without reflection.
func (e *encoder) any(v any) error {
	switch v := v.(type) {
	case nil:
		return e.wire.EncodeNil()
	case string:
		return e.string(v)
	case float64:
		return e.wire.EncodeFloat64(v)
	case bool:
		return e.wire.EncodeBool(v)
	case int:
		return e.wire.EncodeInt(int64(v))
	case int64:
		return e.wire.EncodeInt(v)
	case []byte:
		return e.bytes(v)
	case map[string]any:
		return e.object(v)
	case []any:
		return e.array(v)
	case time.Time:
		return e.wire.EncodeTime(v)
	}
	r := reflect.ValueOf(v)
	return encoderOf(r.Type())(e, r)
}

func (e *encoder) string(s string) error {
	if err := checkLength(len(s)); err != nil {
		return err
	}
	return e.wire.EncodeString(s)
}

func (e *encoder) bytes(b []byte) error {
	if err := checkLength(len(b)); err != nil {
		return err
	}
	return e.wire.EncodeBytes(b)
}

// checkLength refuses what does not fit the 32-bit lengths of msgpack, which its encoder would cut off.
func checkLength(n int) error {
	if uint64(n) > math.MaxUint32 {
		return unencodable("%d bytes or elements are more than msgpack can count", n)
	}
	return nil
}

// array encodes a []any.
func (e *encoder) array(vs []any) error {
	if vs == nil {
		return e.wire.EncodeNil()
	}
	if err := e.enterArray(len(vs)); err != nil {
		return err
	}
	for i, v := range vs {
		if err := e.any(v); err != nil {
			return within(err, "["+strconv.Itoa(i)+"]")
		}
	}
	e.depth--
	return nil
}

// object encodes a map[string]any in the order of its keys.
func (e *encoder) object(m map[string]any) error {
	if m == nil {
		return e.wire.EncodeNil()
	}
	if err := e.enterMap(len(m)); err != nil {
		return err
	}
	base := len(e.pairs)
	for k, v := range m {
		e.pairs = append(e.pairs, pair{k, v})
	}
	end := len(e.pairs)
	slices.SortFunc(e.pairs[base:end], func(a, b pair) int { return strings.Compare(a.key, b.key) })
	for i := base; i < end; i++ {
		p := e.pairs[i] // looked up each time, since maps inside this one may move the scratch
		if err := e.string(p.key); err != nil {
			return err
		}
		if err := e.any(p.value); err != nil {
			return within(err, "{}")
		}
	}
	clear(e.pairs[base:end])
	e.pairs = e.pairs[:base]
	e.depth--
	return nil
}

// enterMap writes the head of a map and enters it; the caller leaves by lowering e.depth. After an error nobody does.
func (e *encoder) enterMap(n int) error {
	if err := e.enter(n); err != nil {
		return err
	}
	return e.wire.EncodeMapLen(n)
}

// enterArray is enterMap for arrays.
func (e *encoder) enterArray(n int) error {
	if err := e.enter(n); err != nil {
		return err
	}
	return e.wire.EncodeArrayLen(n)
}

func (e *encoder) enter(n int) error {
	if e.depth == maxDepth {
		return unencodable("nested deeper than %d levels, or it refers to itself", maxDepth)
	}
	e.depth++
	return checkLength(n)
}

// number encodes a JSON number: as an integer when it is written like one.
func (e *encoder) number(n json.Number) error {
	s := string(n)
	if s == "" {
		s = "0" // as encoding/json does
	}
	if !isNumber(s) {
		return unencodable("json.Number does not hold a number")
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return e.wire.EncodeInt(i)
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return e.wire.EncodeUint(u)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return unencodable("a number of %d digits is beyond a float64: encode it as a string", len(s))
	}
	if !strings.ContainsAny(s, ".eE") && strconv.FormatFloat(f, 'f', 0, 64) != s {
		return unencodable("an integer of %d digits cannot be kept exactly: encode it as a string", len(s))
	}
	return e.wire.EncodeFloat64(f)
}

// isNumber reports whether s is a JSON number and nothing else.
func isNumber(s string) bool {
	first, last := s[0], s[len(s)-1]
	return (first == '-' || isDigit(first)) && isDigit(last) && json.Valid([]byte(s))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// jsonText encodes the value that JSON text stands for.
func (e *encoder) jsonText(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	return e.any(v)
}

// sortedEntries encodes entries of any map, whose keys are text by now, in the order of the keys.
func (e *encoder) sortedEntries(entries []entry, encode encodeFunc) error {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	for _, en := range entries {
		if err := e.string(en.key); err != nil {
			return err
		}
		if err := encode(e, en.value); err != nil {
			return within(err, "{}")
		}
	}
	return nil
}

// entry is a pair of a map that only reflection can read.
type entry struct {
	key   string
	value reflect.Value
}
