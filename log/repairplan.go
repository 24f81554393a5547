package log

import (
	"cmp"
	"math"
	"slices"

	"github.com/dot-do/kafka-embedded/segment"
)

// slot is a run of offsets that one segment is to hold: from its base to the next one's.
type slot struct {
	base, limit int64
	info        segment.Info // from the manifest or the checkpoint; Empty when they do not know it
	exists      bool
	keep        bool // as it is
}

// finishPending does what Open would do before it looks at segments.
func (p *repair) finishPending() error {
	r := recovery{Log: newLog(p.o.options(p.fs)), fs: p.fs}
	defer r.close()
	for _, step := range []func() error{r.readManifest, r.listFiles, r.leaveStrays, r.finishSwaps, r.finishRemovals} {
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
	if p.v.startLost {
		first = p.v.manifest.start
	}
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
