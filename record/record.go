package record

import "iter"

// Record is one record of a batch. Its slices alias the batch's memory (or the buffer that it was decompressed into)
// and must not be written to.
type Record struct {
	Offset     int64
	Timestamp  int64  // milliseconds since 1970; -1 is none
	Key, Value []byte // nil is null
	NumHeaders int
	headers    []byte // encoded, checked when the record was made
}

// Header is a key and a value beside a record.
type Header struct {
	Key   string
	Value []byte // nil is null
}

// NewRecord makes a record that did not come out of a batch. It keeps key and value and copies the headers.
func NewRecord(offset, ts int64, key, value []byte, headers []Header) Record {
	r := Record{Offset: offset, Timestamp: ts, Key: key, Value: value, NumHeaders: len(headers)}
	if len(headers) > 0 {
		r.headers = make([]byte, headersLen(headers))
		putHeaders(r.headers, headers)
	}
	return r
}

// Headers yields the record's headers in their order, duplicates included. Each Key is a new string; each Value
// aliases the record's memory.
func (r *Record) Headers() iter.Seq[Header] {
	encoded := r.headers
	return func(yield func(Header) bool) {
		for p := 0; p < len(encoded); {
			var h Header
			if h, p = header(encoded, p); p < 0 || !yield(h) {
				return
			}
		}
	}
}

// AppendHeaders appends what [Record.Headers] yields.
func (r *Record) AppendHeaders(dst []Header) []Header {
	for h := range r.Headers() {
		dst = append(dst, h)
	}
	return dst
}

// header decodes one header at b[p:] and returns the position behind it, or -1.
func header(b []byte, p int) (Header, int) {
	key, p := span(b, p)
	value, p := span(b, p)
	return Header{Key: string(key), Value: value}, p
}

// skipHeaders returns the position behind n headers at b[p:], or -1 when they are malformed.
func skipHeaders(b []byte, p int, n int64) int {
	for ; n > 0 && p >= 0; n-- {
		var key []byte
		if key, p = span(b, p); key == nil {
			return -1 // a header's key is never null
		}
		_, p = span(b, p)
	}
	return p
}

// headersLen is the encoded size of headers without their count.
func headersLen(headers []Header) (n int64) {
	for i := range headers {
		h := &headers[i]
		n += varintLen(int64(len(h.Key))) + int64(len(h.Key)) + spanLen(h.Value)
	}
	return n
}

// putHeaders writes headers without their count into b, which holds headersLen bytes.
func putHeaders(b []byte, headers []Header) {
	p := 0
	for i := range headers {
		h := &headers[i]
		p = putVarint(b, p, int64(len(h.Key)))
		p += copy(b[p:], h.Key)
		p = putSpan(b, p, h.Value)
	}
}
