package log

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

// VerifyOptions say which partition to look at. It must not be open for writing.
type VerifyOptions struct {
	Dir       string // relative to the data directory
	ID        []byte // identity of the partition
	Topic     string // for errors
	Partition int
}

func (o VerifyOptions) options(fsys vfs.FS) Options {
	return Options{
		FS: fsys, Pool: vfs.NewPool(fsys, 16), Dir: o.Dir, ID: o.ID, Topic: o.Topic, Partition: o.Partition, Clock: clock.Real,
	}
}

// Verify reads every byte of a partition and compares it with everything that is known of it: the manifest and the
// watermark, checksums, the order of the batches, their records, the indexes and producer snapshots. It writes nothing
// and recovers nothing. In each segment it stops at the first invalid batch. The error is that of the file system.
func Verify(fsys vfs.FS, o VerifyOptions) (Report, error) {
	v, err := verify(fsys, o)
	if err != nil {
		return Report{}, v.ioError(err, "verifying")
	}
	return v.report, nil
}

// verification is a Verify under way.
type verification struct {
	recovery
	report     Report
	reading    reading
	bad        map[int64]bool // bases of sealed segments with problems
	restBroken bool           // what is not sealed needs more than Open
	startLost  bool           // there is no file with the first offset that the manifest promises
	end        int64          // offset after what was read
}

func verify(fsys vfs.FS, o VerifyOptions) (*verification, error) {
	v := &verification{recovery: recovery{Log: newLog(o.options(fsys)), fs: fsys}, bad: map[int64]bool{}}
	defer v.close()
	for _, step := range []func() error{
		v.readManifest, v.readCheckpoint, v.listFiles, v.leaveStrays, v.lookAround, v.verifySealed, v.verifyRest, v.verifySnapshots,
	} {
		if err := step(); err != nil {
			return v, err
		}
	}
	v.report.Notes = append(v.Notes(), v.report.Notes...)
	v.report.End, v.report.Durable = v.end, v.promisedEnd()
	v.report.Start, v.report.Epoch = v.manifest.start, v.reading.epoch
	if first := slices.Concat(v.sealedBases(), v.restBases()); len(first) > 0 && first[0] > v.report.Start {
		if v.startLost = !v.lost; v.startLost {
			v.report.problem(v.path(segment.Name(v.report.Start)+segment.LogExt), "the file is missing", v.report.Start, first[0])
		}
		v.report.Start = first[0]
	}
	return v, nil
}

// lookAround judges what there is besides segments.
func (v *verification) lookAround() error {
	if v.lost {
		v.report.problem(v.path(manifestName), "the manifest is missing or damaged", -1, -1)
	}
	if !v.hasMark {
		v.report.problem(v.path(checkpointName), "the checkpoint is missing or damaged", -1, -1)
	}
	entries, err := v.fs.ReadDir(v.opts.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch f, _, isSwap := parseSwapName(e.Name()); {
		case !e.Type().IsRegular() && slices.Contains(segment.Extensions[:], path.Ext(e.Name())):
			v.report.problem(v.path(e.Name()), "not a regular file", -1, -1)
		case strings.HasSuffix(e.Name(), brokenExt):
			v.report.notef("%s was kept aside by an earlier recovery or repair", v.path(e.Name()))
		case isSwap && v.manifest.swaps[f.base] == f.sequence && !slices.Contains(v.files.swaps, f):
		case isSwap && v.manifest.swaps[f.base] == f.sequence:
			v.report.notef("%s takes its place at the next opening: a compaction was interrupted", v.path(e.Name()))
		case isSwap:
			v.report.notef("%s is removed at the next opening: a compaction was interrupted", v.path(e.Name()))
		}
	}
	return nil
}

// promisedEnd is the offset below which everything was durable.
func (v *verification) promisedEnd() int64 {
	promised := max(v.manifestEnd(), v.manifest.start)
	if v.hasMark {
		promised = max(promised, v.mark.info.Next)
	}
	return promised
}

func (v *verification) manifestEnd() int64 {
	if n := len(v.manifest.sealed); n > 0 {
		return v.manifest.sealed[n-1].Next
	}
	return 0
}

func (v *verification) sealedBases() (bases []int64) {
	for _, info := range v.manifest.sealed {
		bases = append(bases, info.Base)
	}
	return bases
}

// restBases lists the files that the manifest does not know.
func (v *verification) restBases() []int64 {
	for i, base := range v.files.bases {
		if base >= v.manifestEnd() {
			return v.files.bases[i:]
		}
	}
	return nil
}

// suffix is what the names of a sealed segment's files end with: while a swap is not finished they are not the final
// ones.
func (v *verification) suffix(base int64) string {
	sequence, ok := v.manifest.swaps[base]
	if ok && slices.Contains(v.files.swaps, swapFile{base, sequence}) {
		return swapSuffix(sequence)
	}
	return ""
}

func (v *verification) verifySealed() error {
	for _, info := range v.manifest.sealed {
		before := len(v.report.Problems)
		if err := v.verifyOne(info); err != nil {
			return err
		}
		v.bad[info.Base] = len(v.report.Problems) > before
		v.end = info.Next
	}
	return nil
}

func (v *verification) verifyOne(info segment.Info) error {
	name := v.path(segment.Name(info.Base) + segment.LogExt + v.suffix(info.Base))
	f, size, err := openSized(v.fs, name)
	if errors.Is(err, fs.ErrNotExist) {
		v.report.problem(name, "the file is missing", info.Base, info.Next)
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	r := v.read(f, name, min(size, segment.MaxBytes), segment.Chain{Next: info.Base, Gaps: info.Compacted, Epoch: v.reading.epoch}, info.Base)
	if r.err != nil {
		return r.err
	}
	got := r.tally.Info()
	switch {
	case r.bad != nil:
		v.report.problem(name, r.bad.Error(), r.bad.Expected, r.resume(f, size, info.Next))
	case size != info.Size:
		v.report.problem(name, fmt.Sprintf("the file has %d bytes instead of %d", size, info.Size), min(got.Next, info.Next), info.Next)
	case got.Size < size:
		v.report.problem(name, fmt.Sprintf("zeros from %d on", got.Size), got.Next, info.Next)
	case got.CRC != info.CRC:
		v.report.problem(name, fmt.Sprintf("checksum of the file %#08x ≠ %#08x", got.CRC, info.CRC), info.Base, info.Next)
	case got.Batches != info.Batches || got.MaxTimestamp != info.MaxTimestamp || got.Next > info.Next:
		v.report.problem(name, "the manifest says something else of it than its batches", info.Base, info.Next)
	default:
		return v.verifyIndexes(info, got, r)
	}
	return nil
}

func (v *verification) verifySnapshots() error {
	offsets, err := listSnapshots(v.fs, v.opts.Dir)
	for _, offset := range offsets {
		name := v.path(snapshotName(offset))
		b, err := vfs.ReadFile(v.fs, name, maxSnapshotSize)
		if err != nil {
			return err
		}
		if _, at, ok := decodeSnapshot(b, v.manifest.seed); !ok || at != offset {
			v.report.notef("%s is damaged; the log is read instead", name)
		}
	}
	return err
}

func openSized(fsys vfs.FS, name string) (f vfs.File, size int64, err error) {
	f, err = fsys.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return nil, 0, err
	}
	if size, err = f.Size(); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, size, nil
}
