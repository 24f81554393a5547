package log

import (
	"errors"
	"sort"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// Read returns whole batches, checked, from the one that holds offset from on and below upTo (End or LastStable), about
// maxBytes and at least one, in memory that nobody else uses, and the offset to read next. The first batch may begin
// before from. No data means that there are no records up to next.
//
// It returns an error with code ErrOffsetOutOfRange for an offset below Start or beyond End, ErrClosed, and
// *engine.CorruptionError where bytes are damaged; reading can go on at its Next.
func (l *Log) Read(from, upTo int64, maxBytes int) (data []byte, next int64, err error) {
	return l.ReadInto(nil, from, upTo, maxBytes)
}

// ReadInto is Read into the caller's memory, as far as its capacity suffices.
func (l *Log) ReadInto(buf []byte, from, upTo int64, maxBytes int) (data []byte, next int64, err error) {
	if start, end := l.Start(), l.End(); from < start || from > end {
		return nil, from, l.errorf(engine.ErrOffsetOutOfRange, "offset %d is outside of %d to %d", from, start, end)
	}
	upTo = min(upTo, l.End())
	if from >= upTo {
		if l.closing.Err() != nil {
			return nil, from, l.errorf(engine.ErrClosed, "the partition is closed") // nothing more will come
		}
		return nil, from, nil
	}
	for from < upTo {
		s, err := l.acquire(from)
		if err != nil {
			return nil, from, err
		}
		next := s.Next()
		data, err := s.Read(buf, from, upTo, maxBytes)
		s.Release()
		if err != nil {
			return nil, from, l.readError(err)
		}
		if len(data) > 0 {
			return data, lastOffset(data) + 1, nil
		}
		from = next // compaction left nothing behind from in this segment
	}
	return nil, min(from, upTo), nil
}

// lastOffset is that of the last batch in data.
func lastOffset(data []byte) int64 {
	for {
		n, _ := record.Peek(data)
		if n == len(data) {
			return record.Batch(data).LastOffset()
		}
		data = data[n:]
	}
}

// acquire finds the segment that holds offset and keeps it until Release.
func (l *Log) acquire(offset int64) (*segment.Segment, error) {
	for {
		list := *l.segments.Load()
		i := sort.Search(len(list), func(i int) bool { return list[i].Next() > offset })
		if i == len(list) {
			return nil, l.missing(offset, list, i)
		}
		if list[i].Acquire() {
			if base := list[i].Base(); base > offset {
				_ = list[i].Release()
				return nil, l.missing(offset, list, i)
			}
			return list[i], nil
		}
		if err := l.gone(); err != nil {
			return nil, err
		}
		if offset < l.Start() {
			return nil, l.belowStart(offset)
		}
	}
}

func (l *Log) belowStart(offset int64) error {
	return l.errorf(engine.ErrOffsetOutOfRange, "offset %d is below the start %d", offset, l.Start())
}

// missing is the error for an offset before segment i of a list, of which there is no file: it is damage, unless the start
// has moved past it meanwhile.
func (l *Log) missing(offset int64, list []*segment.Segment, i int) error {
	if offset < l.Start() {
		return l.belowStart(offset)
	}
	first, next := l.Start(), l.End()
	if i > 0 {
		first = list[i-1].Next()
	}
	if i < len(list) {
		next = list[i].Base()
	}
	return l.readError(&engine.CorruptionError{File: l.opts.Dir, First: first, Next: next, Reason: "a file is missing"})
}

// readError remembers damage that a read came upon.
func (l *Log) readError(err error) error {
	var c *engine.CorruptionError
	if errors.As(err, &c) {
		l.addDamage(engine.Damage{File: c.File, Detail: c.Reason, First: c.First, Next: c.Next})
		return err
	}
	return l.ioError(err, "read")
}

// OffsetAt finds the first offset whose record, or one after it, has a timestamp of at least ms: the first record that
// is not older, since timestamps may go back. Without one it is the end.
func (l *Log) OffsetAt(ms int64) (int64, error) {
	upTo := l.End()
	for {
		offset, err := l.offsetAt(ms, upTo)
		if !errors.Is(err, errDropped) {
			return offset, err
		}
		if err := l.gone(); err != nil {
			return 0, err
		}
	}
}

// offsetAt fails with errDropped when a segment was removed or replaced meanwhile: its successor must be asked.
func (l *Log) offsetAt(ms, upTo int64) (int64, error) {
	for _, s := range *l.segments.Load() {
		if s.MaxTimestamp() < ms || s.Next() <= l.Start() {
			continue
		}
		if !s.Acquire() {
			return 0, errDropped
		}
		offset, found, err := s.OffsetAt(ms, l.Start(), upTo)
		_ = s.Release()
		if err != nil {
			return 0, l.readError(err)
		}
		if found {
			return offset, nil
		}
	}
	return upTo, nil
}
