package log

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// A snapshot holds the producers' state as of an offset at or below the durable end, so that opening need not read the
// whole log for it. It is named by the offset, and the newest two are kept.
//
//	magic u32 │ offset i64 │ count u32 │ producers │ CRC32C u32 of the partition's identity and all before
//
// A producer: id i64, epoch i16, last time i64, open transaction's first offset i64, count u8, and for each batch its
// first and last sequence i32, first offset and offset after the last i64.
const (
	snapshotExt     = ".producers"
	snapshotMagic   = 0x4b505331
	maxSnapshotSize = 256 << 20
)

func snapshotName(offset int64) string { return fmt.Sprintf("%020d%s", offset, snapshotExt) }

func parseSnapshotName(name string) (offset int64, ok bool) {
	offset, err := strconv.ParseInt(strings.TrimSuffix(name, snapshotExt), 10, 64)
	return offset, err == nil && offset >= 0 && name == snapshotName(offset)
}

// encode writes a snapshot as of offset.
func (ps *producers) encode(offset int64, seed uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, snapshotMagic)
	b = binary.BigEndian.AppendUint64(b, uint64(offset))
	b = binary.BigEndian.AppendUint32(b, uint32(len(ps.byID)))
	for id, p := range ps.byID {
		b = binary.BigEndian.AppendUint64(b, uint64(id))
		b = binary.BigEndian.AppendUint16(b, uint16(p.epoch))
		b = binary.BigEndian.AppendUint64(b, uint64(p.lastTime))
		b = binary.BigEndian.AppendUint64(b, uint64(p.openAt))
		b = append(b, byte(len(p.batches)))
		for _, s := range p.batches {
			b = binary.BigEndian.AppendUint32(b, uint32(s.firstSequence))
			b = binary.BigEndian.AppendUint32(b, uint32(s.lastSequence))
			b = binary.BigEndian.AppendUint64(b, uint64(s.first))
			b = binary.BigEndian.AppendUint64(b, uint64(s.next))
		}
	}
	return binary.BigEndian.AppendUint32(b, crc32.Update(seed, castagnoli, b))
}

// decodeSnapshot reads one. It reports false for bytes that are not a snapshot of this partition.
func decodeSnapshot(b []byte, seed uint32) (ps producers, offset int64, ok bool) {
	const header, fixed, perBatch = 16, 27, 24
	if len(b) < header+4 || binary.BigEndian.Uint32(b) != snapshotMagic {
		return producers{}, 0, false
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Update(seed, castagnoli, body) != sum {
		return producers{}, 0, false
	}
	offset = int64(binary.BigEndian.Uint64(b[4:]))
	count := binary.BigEndian.Uint32(b[12:])
	ps = producers{byID: map[int64]*producer{}, open: map[int64]int64{}, used: true}
	body = body[header:]
	for range count {
		if len(body) < fixed || len(body)-fixed < int(body[26])*perBatch || body[26] > window {
			return producers{}, 0, false
		}
		id, n := int64(binary.BigEndian.Uint64(body)), int(body[26])
		p := &producer{
			epoch:    int16(binary.BigEndian.Uint16(body[8:])),
			lastTime: int64(binary.BigEndian.Uint64(body[10:])),
			openAt:   int64(binary.BigEndian.Uint64(body[18:])),
		}
		for body = body[fixed:]; n > 0; n-- {
			p.batches = append(p.batches, sent{
				firstSequence: int32(binary.BigEndian.Uint32(body)),
				lastSequence:  int32(binary.BigEndian.Uint32(body[4:])),
				first:         int64(binary.BigEndian.Uint64(body[8:])),
				next:          int64(binary.BigEndian.Uint64(body[16:])),
			})
			body = body[perBatch:]
		}
		ps.byID[id] = p
		if p.openAt >= 0 {
			ps.open[id] = p.openAt
		}
	}
	return ps, offset, len(body) == 0
}

// saveProducers writes a snapshot as of the durable end, when there is something to save and everything is durable. The
// caller holds meta.
func (l *Log) saveProducers() error {
	l.mu.Lock()
	end := l.end.Load()
	if !l.producers.used || l.producers.saved == end || l.durable.Load() < end {
		l.mu.Unlock()
		return nil
	}
	b := l.producers.encode(end, l.manifest.seed)
	l.mu.Unlock()
	return l.saveSnapshot(end, b)
}

// saveSnapshot writes an encoded snapshot as of an offset below which everything is durable. The caller holds meta.
func (l *Log) saveSnapshot(offset int64, b []byte) error {
	if err := vfs.WriteFileAtomic(l.place.FS, l.path(snapshotName(offset)), b); err != nil {
		return err
	}
	l.mu.Lock()
	l.producers.saved = offset
	l.mu.Unlock()
	return l.dropSnapshots(2)
}

// dropFutureSnapshots removes those beyond the end: what they tell of is gone, and other records will take its place.
func (r *recovery) dropFutureSnapshots(end int64) error {
	offsets, err := listSnapshots(r.fs, r.opts.Dir)
	for _, offset := range offsets {
		if offset > end && err == nil && !r.readOnly {
			err = r.remove(snapshotName(offset))
		}
	}
	return err
}

// dropSnapshots keeps the newest ones.
func (l *Log) dropSnapshots(keep int) error {
	fs := l.place.FS
	offsets, err := listSnapshots(fs, l.opts.Dir)
	if err != nil {
		return err
	}
	for _, offset := range offsets[:max(len(offsets)-keep, 0)] {
		if err := fs.Remove(l.path(snapshotName(offset))); err != nil {
			return err
		}
	}
	return nil
}

// listSnapshots returns the offsets of snapshots, rising.
func listSnapshots(fs vfs.FS, dir string) ([]int64, error) {
	entries, err := fs.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var offsets []int64
	for _, e := range entries {
		if offset, ok := parseSnapshotName(e.Name()); ok {
			offsets = append(offsets, offset)
		}
	}
	slices.Sort(offsets)
	return offsets, nil
}

// loadSnapshot returns the newest valid snapshot at or below end behind which nothing is missing, or an empty state as
// of the first batch that there is. That may lie below the start: what was deleted still tells of producers.
func (l *Log) loadSnapshot(end int64) (producers, int64, error) {
	fs := l.place.FS
	start := (*l.segments.Load())[0].Base()
	offsets, err := listSnapshots(fs, l.opts.Dir)
	if err != nil {
		return producers{}, 0, err
	}
	for _, offset := range slices.Backward(offsets) {
		if offset > end || offset < start {
			continue
		}
		b, err := vfs.ReadFile(fs, path.Join(l.opts.Dir, snapshotName(offset)), maxSnapshotSize)
		if err != nil {
			return producers{}, 0, err
		}
		if ps, at, ok := decodeSnapshot(b, l.manifest.seed); ok && at == offset {
			ps.saved = offset
			return ps, offset, nil
		}
		l.note(fmt.Sprintf("producer snapshot %d is damaged: reading the log instead", offset))
	}
	return producers{saved: -1}, start, nil
}
