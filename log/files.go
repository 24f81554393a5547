package log

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/dot-do/kafka-embedded/segment"
)

// Extensions of files that are not part of a log.
const (
	swapExt   = ".swap"   // a compacted segment before it takes its place
	brokenExt = ".broken" // bytes that recovery cut off
)

// files is what a partition's directory holds.
type files struct {
	bases []int64         // of log files, rising
	sizes map[int64]int64 // of log files
	swaps []swapFile      // log files of compacted segments that have not taken their place
	other []string        // remains of a swap: indexes without a log
}

type swapFile struct {
	base, sequence int64
}

func (f swapFile) name() string {
	return segment.Name(f.base) + segment.LogExt + swapSuffix(f.sequence)
}

func swapSuffix(sequence int64) string { return fmt.Sprintf(".%d%s", sequence, swapExt) }

// parseSwapName takes the base and sequence from the name of a compacted segment's file.
func parseSwapName(name string) (f swapFile, ext string, ok bool) {
	parts := strings.Split(name, ".")
	if len(parts) != 4 || "."+parts[3] != swapExt {
		return swapFile{}, "", false
	}
	base, isBase := segment.ParseName(parts[0] + segment.LogExt)
	sequence, err := strconv.ParseInt(parts[2], 10, 64)
	return swapFile{base, sequence}, "." + parts[1], isBase && err == nil
}

func (r *recovery) listFiles() error {
	entries, err := r.fs.ReadDir(r.opts.Dir)
	if err != nil {
		return err
	}
	r.files.sizes = map[int64]int64{}
	for _, e := range entries {
		if base, ok := segment.ParseName(e.Name()); ok {
			info, err := r.fs.Stat(r.path(e.Name()))
			if err != nil {
				return err
			}
			if !info.Mode().IsRegular() {
				return fmt.Errorf("%s is not a regular file", r.path(e.Name()))
			}
			r.files.bases = append(r.files.bases, base)
			r.files.sizes[base] = info.Size()
		} else if f, ext, ok := parseSwapName(e.Name()); ok && ext == segment.LogExt {
			r.files.swaps = append(r.files.swaps, f)
		} else if ok {
			r.files.other = append(r.files.other, e.Name())
		}
	}
	slices.Sort(r.files.bases)
	return nil
}

// finishSwaps completes compactions whose record is in the manifest and removes what others left.
func (r *recovery) finishSwaps() error {
	if r.lost && len(r.files.swaps) > 0 {
		r.note("unverified: compacted segments are kept aside because the manifest does not say what became of them")
		return nil
	}
	for _, f := range r.files.swaps {
		i := slices.IndexFunc(r.manifest.sealed, func(i segment.Info) bool { return i.Base == f.base })
		if i < 0 || r.manifest.swaps[f.base] != f.sequence {
			if err := segment.RemoveFiles(r.fs, r.opts.Dir, f.base, swapSuffix(f.sequence)); err != nil {
				return err
			}
			continue
		}
		if err := r.finishSwap(r.manifest.sealed[i], f); err != nil {
			return err
		}
	}
	for _, name := range r.files.other {
		if err := r.fs.Remove(r.path(name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// finishSwap lets a compacted segment take its place, unless it is damaged: then nothing is removed for it.
func (r *recovery) finishSwap(info segment.Info, f swapFile) error {
	whole, err := r.whole(info, f)
	if err != nil {
		return err
	}
	if !whole {
		r.damaged(f.name(), "the compacted segment is not what was recorded", info.Base, info.Next)
		return nil
	}
	return r.settle(info, f.sequence)
}

// whole reports whether a compacted segment's file is the one that was recorded.
func (r *recovery) whole(info segment.Info, f swapFile) (bool, error) {
	s := segment.Open(segment.Place{FS: r.fs, Pool: r.place.Pool, Dir: r.opts.Dir, Suffix: swapSuffix(f.sequence)}, info)
	whole, err := s.Whole()
	return whole, errors.Join(err, s.Close())
}

// leaveStrays forgets files that look like compacted segments which have taken their place long ago. Somebody has put
// them there.
func (r *recovery) leaveStrays() error {
	kept := r.files.swaps[:0]
	for _, f := range r.files.swaps {
		i := slices.IndexFunc(r.manifest.sealed, func(i segment.Info) bool { return i.Base == f.base })
		size, exists := r.files.sizes[f.base]
		if i >= 0 && r.manifest.swaps[f.base] == f.sequence && exists && size == r.manifest.sealed[i].Size {
			whole, err := r.whole(r.manifest.sealed[i], f)
			if err != nil {
				return err
			}
			if !whole {
				r.note(r.path(f.name()) + " is not what was recorded of that compaction, which was finished; it is left alone")
				continue
			}
		}
		kept = append(kept, f)
	}
	r.files.swaps = kept
	return nil
}

// settle lets a compacted segment take the place of those it was made from. The log file comes last, since it is what
// marks the swap as unfinished: indexes that were moved before a crash are left where they are.
func (r *recovery) settle(info segment.Info, sequence int64) error {
	if err := r.removeInside(info); err != nil {
		return err
	}
	s := segment.Open(segment.Place{FS: r.fs, Pool: r.place.Pool, Dir: r.opts.Dir, Suffix: swapSuffix(sequence)}, info)
	defer s.Close()
	if err := s.Settle(); err != nil {
		return err
	}
	r.files.other = slices.DeleteFunc(r.files.other, func(name string) bool {
		f, _, _ := parseSwapName(name)
		return f.base == info.Base && f.sequence == sequence
	})
	if !slices.Contains(r.files.bases, info.Base) {
		r.files.bases = append(r.files.bases, info.Base)
		slices.Sort(r.files.bases)
	}
	stat, err := r.fs.Stat(s.Path())
	if err == nil {
		r.files.sizes[info.Base] = stat.Size()
	}
	return err
}

// removeInside removes files of segments that were compacted into another.
func (r *recovery) removeInside(info segment.Info) error {
	return r.removeFiles(func(base int64) bool { return base > info.Base && base < info.Next })
}

// finishRemovals removes segments that the manifest no longer knows because they lie below the start.
func (r *recovery) finishRemovals() error {
	if r.lost || r.readOnly {
		return nil
	}
	for _, info := range r.manifest.sealed {
		if _, swapped := r.manifest.swaps[info.Base]; swapped {
			if err := r.removeInside(info); err != nil {
				return err
			}
		}
	}
	first := r.manifest.start
	if len(r.manifest.sealed) > 0 {
		first = r.manifest.sealed[0].Base
	}
	i := 0
	for i+1 < len(r.files.bases) && r.files.bases[i+1] <= first {
		i++
	}
	if i == 0 {
		return nil
	}
	kept := r.files.bases[i]
	return r.removeFiles(func(base int64) bool { return base < kept })
}

func (r *recovery) removeFiles(which func(base int64) bool) error {
	for _, base := range r.files.bases {
		if which(base) {
			if err := segment.RemoveFiles(r.fs, r.opts.Dir, base, ""); err != nil {
				return err
			}
		}
	}
	r.files.bases = slices.DeleteFunc(r.files.bases, which)
	return nil
}
