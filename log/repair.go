package log

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"

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

// slot is a run of offsets that one segment is to hold: from its base to the next one's.
type slot struct {
	base, limit int64
	info        segment.Info // from the manifest or the checkpoint; Empty when they do not know it
	exists      bool
	keep        bool // as it is
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
	if v.restBroken || slices.Contains(slices.Collect(maps.Values(v.bad)), true) {
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

// finishPending does what Open would do before it looks at segments.
func (p *repair) finishPending() error {
	r := recovery{Log: newLog(p.o.options(p.fs)), fs: p.fs}
	defer r.close()
	for _, step := range []func() error{r.readManifest, r.listFiles, r.finishSwaps, r.finishRemovals} {
		if err := step(); err != nil {
			return err
		}
	}
	if !r.lost {
		return nil
	}
	return p.adoptSwaps(r.files)
}

// adoptSwaps deals with compacted segments of which a lost manifest does not tell any more whether they took the place
// of others. Those others are removed only once that was recorded.
func (p *repair) adoptSwaps(files files) error {
	for _, f := range files.swaps {
		name := p.path(segment.Name(f.base) + segment.LogExt)
		to := name
		if slices.Contains(files.bases, f.base) {
			to = name + swapSuffix(f.sequence) + brokenExt
		}
		if err := p.fs.Rename(name+swapSuffix(f.sequence), to); err != nil {
			return err
		}
		p.notef("%s is now %s: the manifest that knew of it is lost", name+swapSuffix(f.sequence), to)
	}
	for _, name := range files.other {
		if err := p.fs.Remove(p.path(name)); err != nil {
			return err
		}
	}
	return p.fs.SyncDir(p.o.Dir)
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

// plan makes a slot of each file, and of what is missing before the first. What is missing elsewhere is a gap at the end
// of the slot before.
func (p *repair) plan() {
	known := map[int64]segment.Info{}
	for _, info := range p.v.manifest.sealed {
		known[info.Base] = info
	}
	if mark := p.v.mark.info; p.v.hasMark && mark.Base >= p.v.manifestEnd() {
		known[mark.Base] = mark
	}
	rest := p.v.restBases()
	for _, base := range p.v.files.bases {
		if !p.v.restBroken && len(rest) > 0 && base >= rest[0] {
			break
		}
		p.addSlot(base, known, true)
	}
	first := p.v.report.Start
	if len(p.v.manifest.sealed) > 0 {
		first = p.v.manifest.sealed[0].Base
	}
	if len(p.slots) == 0 || p.slots[0].base > first {
		p.addSlot(first, known, false)
	}
	slices.SortFunc(p.slots, func(a, b slot) int { return cmp.Compare(a.base, b.base) })
	end := int64(math.MaxInt64)
	if !p.v.restBroken && len(rest) > 0 {
		end = rest[0]
	}
	for i := range p.slots {
		s := &p.slots[i]
		if s.limit = end; i+1 < len(p.slots) {
			s.limit = p.slots[i+1].base
		}
		_, sealed := p.v.bad[s.base]
		s.keep = s.exists && sealed && !p.v.bad[s.base] && s.info.Next <= s.limit
	}
}

func (p *repair) addSlot(base int64, known map[int64]segment.Info, exists bool) {
	info, ok := known[base]
	if !ok {
		info = segment.Empty(base)
	}
	p.slots = append(p.slots, slot{base: base, info: info, exists: exists})
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
