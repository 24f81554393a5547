package log

import (
	"fmt"
	"slices"

	"github.com/dot-do/kafka-embedded/segment"
)

// verifyRest reads what the manifest does not know: up to the watermark everything must be there.
func (v *verification) verifyRest() error {
	rest := v.restBases()
	promised := v.promisedEnd()
	if m := v.mark.info; v.hasMark && m.Base >= v.manifestEnd() && !slices.Contains(rest, m.Base) {
		v.restProblem(segment.Name(m.Base)+segment.LogExt, "the file is missing", m.Base, m.Next)
	} else if len(rest) == 0 {
		v.restProblem("", "the file that holds the end of the log is missing", v.end, -1)
	}
	for i, base := range rest {
		name := segment.Name(base) + segment.LogExt
		if i == 0 && v.end == 0 {
			v.end = base // without a manifest the log may begin anywhere
		}
		if base != v.end {
			if v.isUnpromised(v.end, rest[i:]) {
				return v.tail(rest[i:])
			}
			v.restProblem(name, fmt.Sprintf("the file begins at %d where %d belongs", base, v.end), v.end, base)
		}
		stop, err := v.verifyUnsealed(base, rest[i+1:])
		if err != nil {
			return err
		}
		if stop {
			return v.tail(rest[i+1:])
		}
	}
	if v.end < promised && !v.restBroken && len(rest) > 0 {
		v.restProblem(segment.Name(rest[len(rest)-1])+segment.LogExt, "records are missing at the end", v.end, promised)
	}
	return nil
}

func (v *verification) restProblem(name, detail string, first, next int64) {
	v.restBroken = true
	v.report.problem(v.path(name), detail, first, next)
}

// isUnpromised is the rule of Open: see recovery.isTail.
func (v *verification) isUnpromised(at int64, later []int64) bool {
	if v.restBroken || at < v.promisedEnd() {
		return false
	}
	return v.hasMark || !slices.ContainsFunc(later, func(base int64) bool { return v.files.sizes[base] > 0 })
}

// tail counts files that the next Open sets aside.
func (v *verification) tail(bases []int64) error {
	for _, base := range bases {
		v.report.TailBytes += v.files.sizes[base]
		v.report.notef("%s follows on nothing; it was never promised and is set aside at the next opening",
			v.path(segment.Name(base)+segment.LogExt))
	}
	return nil
}

// misfit says how a file differs from what the watermark knows of it, if it is sound up to there.
func (v *verification) misfit(base int64, r *reading) string {
	mark, got := v.mark.info, r.atMark
	switch {
	case !v.hasMark || base != mark.Base || mark.Size == 0 || r.bad != nil && r.tally.Info().Next < mark.Next:
		return ""
	case got.Size != mark.Size:
		return fmt.Sprintf("no batch ends at %d, where the watermark is", mark.Size)
	case got.CRC != mark.CRC:
		return fmt.Sprintf("checksum up to the watermark %#08x ≠ %#08x", got.CRC, mark.CRC)
	}
	return ""
}

// verifyUnsealed reads a file that may end anywhere behind the watermark. It reports whether the log ends in it.
func (v *verification) verifyUnsealed(base int64, later []int64) (stop bool, err error) {
	name := segment.Name(base) + segment.LogExt
	f, size, err := openSized(v.fs, v.path(name))
	if err != nil {
		return false, err
	}
	defer f.Close()
	if size > segment.MaxBytes {
		v.restProblem(name, fmt.Sprintf("the file has %d bytes, more than a segment can have", size), base, -1)
		return false, nil
	}
	r := v.read(f, v.path(name), size, segment.Chain{Next: base, Epoch: v.reading.epoch}, base)
	if r.err != nil {
		return false, r.err
	}
	got := r.tally.Info()
	v.end = got.Next
	if reason := v.misfit(base, r); reason != "" {
		v.restProblem(name, reason, base, v.mark.info.Next)
		return false, nil
	}
	if r.bad == nil {
		return false, nil // at most zeros follow, which the file was grown by
	}
	if !v.isUnpromised(got.Next, later) || !v.hasMark && r.resume(f, size, -1) >= 0 {
		v.restProblem(name, r.bad.Error(), got.Next, r.resume(f, size, -1))
		if len(later) > 0 {
			v.end = later[0]
		}
		return false, nil
	}
	v.report.TailBytes += size - got.Size
	v.report.notef("%s: what follows %d was never promised and is cut off at the next opening (%s)",
		v.path(name), got.Size, r.bad.Reason)
	return true, nil
}
