package codec

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// sharedText is the most text for which the strings of one untyped value share an allocation. It bounds what a program
// keeps alive by keeping one of them.
const sharedText = 4096

// maxMapHint is the most pairs for which a map makes room beforehand. Their keys may all be equal.
const maxMapHint = 1024

// decoder decodes input that check has accepted.
type decoder struct {
	reader
	shared strings.Builder // has room for all strings, or none
	hops   int             // pointers followed on the way to the current value
}

// shareText makes room for the text that check has counted.
func (d *decoder) shareText() {
	if d.text <= sharedText {
		d.shared.Grow(d.text)
	}
}

func (d *decoder) string(body []byte) string {
	start := d.shared.Len()
	if d.shared.Cap()-start < len(body) {
		return string(body)
	}
	d.shared.Write(body)
	return d.shared.String()[start:]
}

// any decodes the value that begins with t into the types of encoding/json.
func (d *decoder) any(t token) (any, error) {
	switch t.kind {
	case kindNil:
		return nil, nil
	case kindBool:
		return t.num == 1, nil
	case kindInt:
		return integer(int64(t.num)), nil
	case kindUint:
		return t.num, nil
	case kindFloat:
		return math.Float64frombits(t.num), nil
	case kindString:
		return d.string(t.body), nil
	case kindBin:
		return bytes.Clone(t.body), nil
	case kindArray:
		return d.array(int(t.num))
	case kindMap:
		m := make(map[string]any, min(int(t.num), maxMapHint))
		return m, d.object(m, int(t.num))
	case kindExt:
		return d.time(t)
	}
	return nil, d.err
}

// integer is n as a float64 where that holds it and all its neighbours.
func integer(n int64) any {
	if -1<<53 <= n && n <= 1<<53 {
		return float64(n)
	}
	return n
}

func (d *decoder) array(n int) ([]any, error) {
	vs := make([]any, n)
	for i := range vs {
		v, err := d.any(d.next())
		if err != nil {
			return nil, err
		}
		vs[i] = v
	}
	return vs, nil
}

// object decodes n pairs into m. The last of equal keys counts.
func (d *decoder) object(m map[string]any, n int) error {
	for range n {
		t := d.next()
		key, err := d.key(t)
		if err != nil {
			return err
		}
		name := d.string(key)
		if m[name], err = d.any(d.next()); err != nil {
			return err
		}
	}
	return nil
}

// key is the text of a map's key: a string or binary as it is, an integer in decimal.
func (d *decoder) key(t token) ([]byte, error) {
	switch t.kind {
	case kindString, kindBin:
		return t.body, nil
	case kindInt:
		return strconv.AppendInt(nil, int64(t.num), 10), nil
	case kindUint:
		return strconv.AppendUint(nil, t.num, 10), nil
	case kindBad:
		return nil, d.err
	}
	return nil, d.failed("%s is the key of a map: only strings and integers can be", t.kind)
}
