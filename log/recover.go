package log

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// openSealed opens the segments of the manifest, without reading them.
func (r *recovery) openSealed() error {
	for _, info := range r.manifest.sealed {
		size, exists := r.files.sizes[info.Base]
		name := segment.Name(info.Base) + segment.LogExt
		switch {
		case !exists:
			r.damaged(name, "the file is missing", info.Base, info.Next)
		case size != info.Size:
			r.damaged(name, fmt.Sprintf("the file has %d bytes instead of %d", size, info.Size), info.Base, info.Next)
		}
		r.list = append(r.list, segment.Open(r.place, info))
		r.epoch = info.Epoch
	}
	r.sealed = len(r.list)
	return nil
}

// openRest opens the segments that no manifest entry vouches for, and reads on from the watermark through all of them.
func (r *recovery) openRest() error {
	rest := r.unsealedBases()
	m := r.mark.info
	if gone := m.Next <= r.manifest.start; r.hasMark && !gone && m.Base >= r.sealedEnd() && !slices.Contains(rest, m.Base) {
		r.damaged(segment.Name(m.Base)+segment.LogExt, "the file is missing", m.Base, m.Next)
	}
	if len(rest) == 0 {
		r.damaged("", "the file that holds the end of the log is missing", r.sealedEnd(), -1)
		return nil
	}
	for i, base := range rest {
		if expected := r.expected(base); base != expected {
			if r.isTail(expected, rest[i:]) {
				return r.setAside(rest[i:])
			}
			r.damaged(segment.Name(base)+segment.LogExt,
				fmt.Sprintf("the file begins at %d where %d belongs", base, expected), expected, base)
		}
		stop, err := r.openOne(base, rest[i+1:])
		if err != nil || stop {
			return err
		}
	}
	if last := r.list[len(r.list)-1]; !r.readOnly && last.Next() < r.promised() {
		r.damaged(segment.Name(last.Base())+segment.LogExt, "records are missing at the end", last.Next(), r.promised())
	}
	return nil
}

// unsealedBases lists files at or behind the end of the last sealed segment.
func (r *recovery) unsealedBases() []int64 {
	for i, base := range r.files.bases {
		if base >= r.sealedEnd() {
			return r.files.bases[i:]
		}
	}
	return nil
}

func (r *recovery) sealedEnd() int64 {
	if r.sealed == 0 {
		return 0
	}
	return r.list[r.sealed-1].Next()
}

// expected is the base that the next segment must have; the first of all may have any.
func (r *recovery) expected(base int64) int64 {
	if len(r.list) == 0 {
		return base
	}
	return r.list[len(r.list)-1].Next()
}

// promised is the offset below which everything was durable.
func (r *recovery) promised() int64 {
	promised := max(r.sealedEnd(), r.manifest.start)
	if r.hasMark {
		promised = max(promised, r.mark.info.Next)
	}
	return promised
}

// isTail reports whether the log may be cut at an offset, before the files at these bases: nothing of what is cut off
// was promised. Without a checkpoint files with contents count as promised.
func (r *recovery) isTail(at int64, later []int64) bool {
	if r.readOnly || at < r.promised() {
		return false
	}
	return r.hasMark || !slices.ContainsFunc(later, func(base int64) bool { return r.files.sizes[base] > 0 })
}

// openOne opens an unsealed segment and reads what lies behind the watermark. It reports whether the log ends in it
// although later files exist.
func (r *recovery) openOne(base int64, later []int64) (stop bool, err error) {
	info := segment.Empty(base)
	if r.hasMark && base == r.mark.info.Base {
		info = r.mark.info
	}
	s := segment.Open(r.place, info)
	r.list = append(r.list, s)
	r.known[s] = info.Next
	size := r.files.sizes[base]
	if size > segment.MaxBytes {
		r.damaged(segment.Name(base)+segment.LogExt, fmt.Sprintf("the file has %d bytes, more than a segment can have", size),
			base, -1)
		return false, nil
	}
	if size < info.Size {
		r.damaged(segment.Name(base)+segment.LogExt,
			fmt.Sprintf("the file has %d bytes, of which %d were durable", size, info.Size), base, info.Next)
		return false, nil
	}
	if foreign, err := r.isForeign(s, size); foreign || err != nil {
		return false, err
	}
	bad, err := r.replay(s, size)
	if err != nil {
		return false, err
	}
	if err := s.CheckIndexes(); err != nil {
		return false, err
	}
	if bad == nil {
		return false, nil // a gap is met with the next file
	}
	// Without a checkpoint a bad batch with a valid one after it is damage, not tail.
	if !r.isTail(s.Next(), later) || !r.hasMark && s.HasValidAfter(bad.Position+1, size) {
		r.damaged(segment.Name(base)+segment.LogExt, fmt.Sprintf("at %d: %s", bad.Position, bad.Reason), s.Next(), -1)
		return false, nil
	}
	if err := r.cut(s, bad, size); err != nil {
		return false, err
	}
	return true, r.setAside(later)
}

// isForeign reports damage when a file that is going to be read is another one. One that was closed cleanly is not read
// now: then the first read or append finds out.
func (r *recovery) isForeign(s *segment.Segment, size int64) (bool, error) {
	if size == s.Size() {
		return false, nil
	}
	err := s.Recognise()
	var c *engine.CorruptionError
	if errors.As(err, &c) {
		r.damaged(segment.Name(s.Base())+segment.LogExt, c.Reason, c.First, c.Next)
		return true, nil
	}
	return false, err
}

// replay reads batches behind what is known of a segment, and says where they stop being valid: nil at the end of the
// file or where only zeros follow.
func (r *recovery) replay(s *segment.Segment, size int64) (*segment.Invalid, error) {
	rewriteFrom := r.promised()
	if r.readOnly || seeded.On(seeded.TrustedPages) {
		rewriteFrom = math.MaxInt64
	}
	now := r.opts.Clock.Now().UnixMilli()
	err := s.Replay(size, r.epoch, now, rewriteFrom, func(b record.Batch) { r.epoch = b.PartitionLeaderEpoch() })
	r.epoch = max(r.epoch, s.Sealed().Epoch)
	var bad *segment.Invalid
	if errors.As(err, &bad) {
		return bad, nil
	}
	if err != nil {
		return nil, err
	}
	zeros, err := s.ZerosFrom(size)
	if err != nil || zeros {
		return nil, err
	}
	return &segment.Invalid{Position: s.Size(), Expected: s.Next(), Reason: "zeros, then something else"}, nil
}

// setEnds publishes what was found.
func (r *recovery) setEnds() error {
	if len(r.list) == 0 {
		return fmt.Errorf("%s holds no segment files", r.opts.Dir)
	}
	r.publish(r.list)
	end := max(r.list[len(r.list)-1].Next(), r.promised())
	first, start := r.list[0].Base(), r.manifest.start
	if first > start && r.lost {
		start = first
	} else if first > start {
		r.damaged(segment.Name(start)+segment.LogExt, "the file is missing", start, first)
	}
	r.start.Store(start)
	r.end.Store(end)
	r.durable.Store(min(r.promised(), end))
	return nil
}

// activate makes the log ready for appends. Their epoch is no lower than any in the log, or the next recovery would not
// take them for part of it.
func (r *recovery) activate() error {
	if r.readOnly {
		return nil
	}
	r.opts.Epoch = max(r.opts.Epoch, r.epoch)
	last := r.list[len(r.list)-1]
	r.active = last
	r.unsealed = r.list[r.sealed : len(r.list)-1 : len(r.list)-1]
	r.backlog.Store(int32(len(r.unsealed)))
	r.newFile = true
	if !r.hasMark {
		if err := r.checkpoint.file.Truncate(0); err != nil {
			return err
		}
	}
	if last.Size() > 0 {
		r.firstAt = last.Sealed().MaxAppend
	}
	// Closed as it was opened, it need not be written to at all.
	r.untouched = r.hasMark && !r.rewrite && len(r.unsealed) == 0 &&
		(!r.producers.used || r.producers.saved == r.end.Load()) &&
		last.Info() == r.mark.info && r.files.sizes[last.Base()] == last.Size()
	return nil
}
