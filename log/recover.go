package log

import (
	"errors"
	"fmt"
	"io"
	"os"

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
	if len(rest) == 0 {
		r.damaged("", "the file that holds the end of the log is missing", r.sealedEnd(), -1)
		return nil
	}
	if r.hasMark && r.mark.info.Base >= r.sealedEnd() && !contains(rest, r.mark.info.Base) {
		m := r.mark.info
		r.damaged(segment.Name(m.Base)+segment.LogExt, "the file is missing", m.Base, m.Next)
	}
	for i, base := range rest {
		if expected := r.expected(base); base != expected {
			return r.gap(rest[i:], expected)
		}
		stop, err := r.openOne(base, rest[i+1:])
		if err != nil || stop {
			return err
		}
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
	if r.hasMark {
		return max(r.mark.info.Next, r.sealedEnd())
	}
	return r.sealedEnd()
}

// gap deals with files that do not follow on what was read before.
func (r *recovery) gap(bases []int64, expected int64) error {
	if expected < r.promised() || !r.hasMark {
		r.damaged(segment.Name(bases[0])+segment.LogExt,
			fmt.Sprintf("the file begins at %d where %d belongs", bases[0], expected), expected, bases[0])
		for _, base := range bases {
			s := segment.Open(r.place, segment.Empty(base))
			r.list = append(r.list, s)
			if _, err := r.replay(s, r.files.sizes[base]); err != nil {
				return err
			}
		}
		return nil
	}
	return r.setAside(bases)
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
	size := r.files.sizes[base]
	if size < info.Size {
		r.damaged(segment.Name(base)+segment.LogExt,
			fmt.Sprintf("the file has %d bytes, of which %d were durable", size, info.Size), base, info.Next)
		return false, nil
	}
	bad, err := r.replay(s, size)
	if err != nil {
		return false, err
	}
	if err := s.CheckIndexes(); err != nil {
		return false, err
	}
	follows := len(later) > 0 && later[0] == s.Next()
	if bad == nil && (len(later) == 0 || follows) {
		return false, nil
	}
	if bad != nil && r.isDamage(s, bad, later) {
		r.damaged(segment.Name(base)+segment.LogExt, fmt.Sprintf("at %d: %s", bad.Position, bad.Reason), s.Next(), -1)
		return false, nil
	}
	if bad != nil {
		if err := r.cut(s, bad, size); err != nil {
			return false, err
		}
		return true, r.setAside(later)
	}
	return false, nil // the gap is met with the next file
}

// isDamage tells damage from a tail that was never promised. Without a checkpoint a bad batch with a valid one after it
// is damage.
func (r *recovery) isDamage(s *segment.Segment, bad *segment.Invalid, later []int64) bool {
	if r.readOnly || s.Next() < r.promised() {
		return true
	}
	if r.hasMark {
		return false
	}
	if s.HasValidAfter(bad.Position+1, r.files.sizes[s.Base()]) {
		return true
	}
	for _, base := range later {
		if r.files.sizes[base] > 0 {
			return true
		}
	}
	return false
}

// replay reads batches behind what is known of a segment, and says where they stop being valid: nil at the end of the
// file or where only zeros follow.
func (r *recovery) replay(s *segment.Segment, size int64) (*segment.Invalid, error) {
	err := s.Replay(size, r.epoch, !r.readOnly, func(b record.Batch) {
		r.epoch = b.PartitionLeaderEpoch()
		if b.ProducerID() >= 0 {
			r.producers.used = true
		}
	})
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

// cut copies what is not valid aside and cuts it off, durably, before anything is appended.
func (r *recovery) cut(s *segment.Segment, bad *segment.Invalid, size int64) error {
	name := fmt.Sprintf("%s%s.%d%s", segment.Name(s.Base()), segment.LogExt, bad.Position, brokenExt)
	r.note(fmt.Sprintf("%s: cut off %d bytes that were never promised, at %d (%s); they are kept in %s",
		s.Path(), size-bad.Position, bad.Position, bad.Reason, name))
	if err := r.copyOut(s, bad.Position, size, name); err != nil {
		return err
	}
	if err := s.CutBack(); err != nil {
		return err
	}
	return s.Sync()
}

// copyOut copies a stretch of a segment into another file.
func (r *recovery) copyOut(s *segment.Segment, from, to int64, name string) error {
	f, err := r.fs.OpenFile(r.path(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := s.CopyTo(io.NewOffsetWriter(f, 0), from, to); err != nil {
		return err
	}
	return f.Sync()
}

// setAside renames files that hold nothing that was promised.
func (r *recovery) setAside(bases []int64) error {
	for _, base := range bases {
		name := segment.Name(base) + segment.LogExt
		r.note(fmt.Sprintf("%s: set aside as %s: it does not follow on what is valid before it", r.path(name), name+brokenExt))
		for _, ext := range segment.Extensions[1:] {
			if err := r.fs.Remove(r.path(segment.Name(base) + ext)); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
		if err := r.fs.Rename(r.path(name), r.path(name+brokenExt)); err != nil {
			return err
		}
	}
	return r.fs.SyncDir(r.opts.Dir)
}

// setEnds publishes what was found.
func (r *recovery) setEnds() error {
	r.publish(r.list)
	if len(r.list) == 0 {
		return fmt.Errorf("%s holds no segment files", r.opts.Dir)
	}
	last := r.list[len(r.list)-1]
	end := max(last.Next(), r.promised())
	r.start.Store(max(r.manifest.start, r.list[0].Base()))
	r.end.Store(end)
	r.durable.Store(min(r.promised(), end))
	if r.readOnly {
		return nil
	}
	r.active = last
	r.unsealed = r.list[r.sealed : len(r.list)-1 : len(r.list)-1]
	r.backlog.Store(int32(len(r.unsealed)))
	r.newFile = true
	if last.Size() > 0 {
		r.firstAt = last.Info().MaxAppend
	}
	return nil
}

// replayProducers restores the state of producer ids: from a snapshot and the headers of the batches behind it.
func (r *recovery) replayProducers() error {
	end := r.end.Load()
	if (r.hasMark && !r.mark.producers && !r.producers.used) || r.readOnly {
		r.stable.Store(end)
		return nil
	}
	ps, from, err := r.loadSnapshot(r.start.Load(), end)
	if err != nil {
		return err
	}
	r.producers = ps
	if r.hasMark {
		r.producers.used = r.producers.used || r.mark.producers
	}
	err = r.eachBatch(from, func(s *segment.Segment, b record.Batch) {
		if b.ProducerID() < 0 {
			return
		}
		if b.BaseOffset() >= r.promised() {
			r.noteProducer(s, b, b.LastOffset()+1)
		} else {
			r.producers.replay(b)
		}
	})
	r.stable.Store(r.producers.lastStable(end))
	return err
}

// eachBatch calls fn with every batch from an offset on, in order, checking headers only.
func (l *Log) eachBatch(from int64, fn func(*segment.Segment, record.Batch)) error {
	for _, s := range *l.segments.Load() {
		if s.Next() <= from {
			continue
		}
		sc := s.Scanner(0)
		sc.SkipCRC = true
		for {
			b, err := sc.Scan()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if b.LastOffset() >= from {
				fn(s, b)
			}
		}
	}
	return nil
}

func contains(bases []int64, base int64) bool {
	for _, b := range bases {
		if b == base {
			return true
		}
	}
	return false
}
