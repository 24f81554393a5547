package log

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

// RepairOptions say which partition to repair. It must not be open.
type RepairOptions struct {
	VerifyOptions
	Epoch int32 // incarnation of the repair: above all earlier ones, and no higher than any later opening's
	Clock clock.Clock
}

// Repair makes a damaged partition take appends again. It is the one operation that changes bytes below the watermark,
// and never runs by itself.
//
// Every sound batch that fits keeps its offsets; what is lost becomes a gap that readers pass over, and no offset below
// the promised end is given out again. The bytes that are taken out are kept beside the log, in files that end with
// .broken. A transaction whose marker is lost counts as open. A missing manifest or checkpoint is made anew from what
// there is. A partition without problems is left as it is.
//
// It returns what Verify finds afterwards, with notes of what was done. A crash at any point leaves the partition as it
// was or repaired, except for files with names of their own, and Repair can be called again.
func Repair(fsys vfs.FS, o RepairOptions) (Report, error) {
	p := &repair{fs: fsys, o: o}
	report, err := p.run()
	if err != nil {
		return Report{}, newLog(o.options(fsys)).ioError(err, "repairing")
	}
	report.Notes = append(p.notes, report.Notes...)
	return report, nil
}

// repair is a Repair under way. In order:
//
//  1. swaps and removals that the manifest asks for are finished, as by Open;
//  2. bytes to be taken out are copied aside, durably;
//  3. the segments without them are written under names of their own, durably, and an empty one for the end;
//  4. the manifest is replaced: that is the commit point, and tells the next Open to give 3 their final names;
//  5. the partition is opened and closed, which does that and writes the checkpoint.
type repair struct {
	fs    vfs.FS
	o     RepairOptions
	v     *verification
	slots []slot
	notes []string

	// The new manifest.
	infos    []segment.Info
	swaps    map[int64]int64
	sequence int64

	// Of the batches that stay.
	epoch     int32
	producers producers
	end       int64 // where the file for appends begins
}

func (p *repair) run() (Report, error) {
	if err := p.finishPending(); err != nil {
		return Report{}, err
	}
	v, err := verify(p.fs, p.o.VerifyOptions)
	if err != nil || len(v.report.Problems) == 0 {
		return v.report, err
	}
	p.v = v
	if err := errors.Join(p.checkEpoch(), p.checkSizes()); err != nil {
		return Report{}, err
	}
	if v.restBroken || v.startLost || slices.Contains(slices.Collect(maps.Values(v.bad)), true) {
		if err := p.rebuild(); err != nil {
			return Report{}, err
		}
	}
	options := p.o.options(p.fs)
	options.Epoch, options.Clock = p.o.Epoch, p.o.Clock
	l, err := Open(options)
	if err != nil {
		return Report{}, err
	}
	if err := l.Close(); err != nil {
		return Report{}, err
	}
	v, err = verify(p.fs, p.o.VerifyOptions)
	return v.report, err
}

// checkEpoch refuses an epoch that is too low: sound batches would not fit.
func (p *repair) checkEpoch() error {
	newest := p.v.mark.info.Epoch
	for _, info := range p.v.manifest.sealed {
		newest = max(newest, info.Epoch)
	}
	if p.o.Epoch < newest {
		return engine.Errorf(engine.ErrInvalidArgument, "the repair has epoch %d, but the log has had %d", p.o.Epoch, newest).
			At(p.o.Topic, p.o.Partition)
	}
	return nil
}

// checkSizes refuses files that no log can have, instead of copying them.
func (p *repair) checkSizes() error {
	for base, size := range p.v.files.sizes {
		if size > segment.MaxBytes {
			return engine.Errorf(engine.ErrInvalidArgument, "%s has %d bytes, more than a segment can have; move it away first",
				p.path(segment.Name(base)+segment.LogExt), size).At(p.o.Topic, p.o.Partition)
		}
	}
	return nil
}

func (p *repair) path(name string) string { return p.o.Dir + "/" + name }

func (p *repair) notef(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// rebuild writes new segments in the place of damaged ones, and the manifest.
func (p *repair) rebuild() error {
	p.plan()
	p.sequence, p.swaps = p.v.manifest.last, map[int64]int64{}
	for i := range p.slots {
		if err := p.fill(&p.slots[i], i+1 == len(p.slots)); err != nil {
			return err
		}
	}
	if p.v.restBroken {
		if err := p.startActive(); err != nil {
			return err
		}
	}
	m := manifest{
		seed: p.v.manifest.seed, start: p.v.manifest.start, swaps: p.swaps, sealed: p.infos, last: p.sequence,
	}
	m.forget()
	return m.rewrite(p.fs, p.o.Dir)
}

// fill decides what becomes of a slot: its file as it is, or a new one with what is sound of it.
func (p *repair) fill(s *slot, last bool) error {
	if s.keep {
		if sequence, ok := p.v.manifest.swaps[s.base]; ok {
			p.swaps[s.base] = sequence
		}
		if err := p.pass(s.info); err != nil {
			return err
		}
		return p.seal(s.info, p.limit(*s, s.info.Next))
	}
	sv, err := p.salvage(s)
	if err != nil {
		return err
	}
	if last && p.v.restBroken && sv.batches == 0 && s.base >= p.v.promisedEnd() {
		p.end = s.base // nothing was promised of it and nothing is left
		return sv.out.Discard()
	}
	return p.replace(s, sv)
}

// replace finishes the new file of a slot.
func (p *repair) replace(s *slot, sv *salvaged) error {
	limit := p.limit(*s, sv.next)
	like := s.info
	like.Next, like.Clean = min(limit, s.base+mostSpan), false
	like.Epoch = max(like.Epoch, p.epoch)
	if s.limit == math.MaxInt64 {
		like.Epoch = max(like.Epoch, p.o.Epoch) // stale bytes do not fit behind it
	}
	if like.MaxAppend == 0 {
		like.MaxAppend = p.o.Clock.Now().UnixMilli()
	}
	sequence := p.sequence
	info, err := sealNew(sv.out, like)
	if err != nil {
		return err
	}
	p.swaps[s.base] = sequence
	p.notef("%s is written anew, with %d sound batches", p.path(segment.Name(s.base)+segment.LogExt), sv.batches)
	return p.seal(info, limit)
}

func sealNew(w *segment.Writer, like segment.Info) (segment.Info, error) {
	s, err := w.Seal(like)
	if err != nil {
		return segment.Info{}, errors.Join(err, w.Discard())
	}
	return s.Info(), s.Close()
}

// limit is where the segment of a slot has to end, when its batches end at next: where the following one begins, or at
// the end of the log, which is not below what was promised.
func (p *repair) limit(s slot, next int64) int64 {
	if s.limit < math.MaxInt64 {
		return s.limit
	}
	return max(next, p.v.promisedEnd())
}

// mostSpan is how many offsets one segment can have.
const mostSpan = 1<<31 - 1

// seal adds a segment to the new manifest; the gap behind it belongs to it, or to empty ones when it is very long.
func (p *repair) seal(info segment.Info, limit int64) error {
	if limit > info.Next {
		info.Compacted, info.Clean = true, false
		info.Next = min(limit, info.Base+mostSpan)
	}
	p.infos = append(p.infos, info)
	p.end = info.Next
	if p.end >= limit {
		return nil
	}
	out, err := p.newSegment(p.end)
	if err != nil {
		return err
	}
	like := segment.Info{Next: min(limit, p.end+mostSpan), MaxAppend: info.MaxAppend, Epoch: info.Epoch}
	sequence := p.sequence
	gap, err := sealNew(out, like)
	if err != nil {
		return err
	}
	p.swaps[gap.Base] = sequence
	return p.seal(gap, limit)
}

// newSegment starts a segment under a name of its own. Files of a repair that was interrupted may be in the way.
func (p *repair) newSegment(base int64) (*segment.Writer, error) {
	p.sequence++
	suffix := swapSuffix(p.sequence)
	if err := segment.RemoveFiles(p.fs, p.o.Dir, base, suffix); err != nil {
		return nil, err
	}
	return segment.NewWriter(segment.Place{FS: p.fs, Pool: p.v.place.Pool, Dir: p.o.Dir, Suffix: suffix}, base)
}

// startActive makes sure of an empty file at the end of the log, for appends.
func (p *repair) startActive() error {
	f, err := p.fs.OpenFile(p.path(segment.Name(p.end)+segment.LogExt), os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return p.fs.SyncDir(p.o.Dir)
}
