package log

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path"
	"slices"

	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/segment"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The manifest is a file of records, appended and fsynced one by one. Each is the commit point of what it says; renames
// and removals follow and are done again on open.
//
//	0        4         8      9
//	┌────────┬─────────┬──────┬────────┐
//	│ length │ CRC32C  │ kind │ body   │  length: of kind and body, never 0
//	└────────┴─────────┴──────┴────────┘  CRC32C: of the partition's identity, kind and body
//
//	seal   Info                                     a segment is complete
//	swap   sequence, count, base …, Info            the segments at these bases were compacted into one
//	start  offset                                   nothing below can be read any more
const manifestName = "manifest"

const (
	recordSeal byte = 1 + iota
	recordSwap
	recordStart
)

const (
	frameSize       = 8
	maxRecordSize   = 1 << 20
	maxManifestSize = 256 << 20
)

// manifest is the file and what it says.
type manifest struct {
	file  *vfs.Handle
	seed  uint32 // CRC32C of the partition's identity
	size  int64
	start int64
	swaps map[int64]int64 // base of a compacted segment to its sequence
	last  int64           // sequence of the newest swap

	sealed     []segment.Info // in order, adjacent
	sealedLast bool           // the newest record is a seal
}

// parseManifest applies the records in b. It returns how many bytes made sense.
func parseManifest(b []byte, seed uint32) (m manifest, valid int) {
	m = manifest{seed: seed, swaps: map[int64]int64{}}
	for {
		body, ok := m.frame(b[valid:])
		if !ok || !m.apply(body) {
			return m, valid
		}
		valid += frameSize + len(body)
	}
}

// frame returns the kind and body of the record that b starts with.
func (m *manifest) frame(b []byte) ([]byte, bool) {
	if len(b) < frameSize+1 {
		return nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if n == 0 || n > maxRecordSize || int(n) > len(b)-frameSize {
		return nil, false
	}
	body := b[frameSize : frameSize+int(n)]
	return body, crc32.Update(m.seed, castagnoli, body) == binary.BigEndian.Uint32(b[4:])
}

// resumes reports whether a valid record stands anywhere behind the first one that is not: then that is damage, and no
// write that was cut short.
func (m *manifest) resumes(b []byte) bool {
	for at := 1; at < len(b); at++ {
		if n := len(b) - at; n < frameSize+1 || b[at] != 0 || b[at+1] != 0 || b[at+8] < recordSeal || b[at+8] > recordStart {
			continue // no record has 64 KiB
		}
		if _, ok := m.frame(b[at:]); ok {
			return true
		}
	}
	return false
}

// apply makes a record take effect in memory. It reports false for one that contradicts those before.
func (m *manifest) apply(record []byte) bool {
	kind, b := record[0], record[1:]
	m.sealedLast = kind == recordSeal
	switch {
	case kind == recordSeal && len(b) == segment.InfoSize:
		info, ok := segment.DecodeInfo(b)
		if n := len(m.sealed); !ok || n > 0 && info.Base != m.sealed[n-1].Next {
			return false
		}
		m.sealed = append(m.sealed, info)
		return true
	case kind == recordSwap && len(b) >= 12+segment.InfoSize:
		return m.applySwap(b)
	case kind == recordStart && len(b) == 8:
		start := int64(binary.BigEndian.Uint64(b))
		if start < m.start {
			return false
		}
		m.start = start
		m.forget()
		return true
	}
	return false
}

// forget drops segments that lie wholly below the start.
func (m *manifest) forget() {
	i := 0
	for i < len(m.sealed) && m.sealed[i].Next <= m.start {
		delete(m.swaps, m.sealed[i].Base)
		i++
	}
	m.sealed = m.sealed[i:]
}

func (m *manifest) applySwap(b []byte) bool {
	sequence, count := int64(binary.BigEndian.Uint64(b)), int(binary.BigEndian.Uint32(b[8:]))
	b = b[12:]
	if count <= 0 || count > maxRecordSize/8 || len(b) != count*8+segment.InfoSize {
		return false
	}
	info, ok := segment.DecodeInfo(b[count*8:])
	first := slices.IndexFunc(m.sealed, func(i segment.Info) bool { return i.Base == int64(binary.BigEndian.Uint64(b)) })
	if !ok || first < 0 || first+count > len(m.sealed) {
		return false
	}
	sources := m.sealed[first : first+count]
	for i, s := range sources {
		if s.Base != int64(binary.BigEndian.Uint64(b[i*8:])) {
			return false
		}
	}
	if info.Base != sources[0].Base || info.Next != sources[count-1].Next {
		return false
	}
	for _, s := range sources {
		delete(m.swaps, s.Base)
	}
	m.swaps[info.Base], m.last = sequence, max(m.last, sequence)
	m.sealed = slices.Replace(slices.Clone(m.sealed), first, first+count, info)
	return true
}

func sealRecord(info segment.Info) []byte { return info.Append([]byte{recordSeal}) }

func swapRecord(sequence int64, sources []segment.Info, info segment.Info) []byte {
	b := binary.BigEndian.AppendUint64([]byte{recordSwap}, uint64(sequence))
	b = binary.BigEndian.AppendUint32(b, uint32(len(sources)))
	for _, s := range sources {
		b = binary.BigEndian.AppendUint64(b, uint64(s.Base))
	}
	return info.Append(b)
}

func startRecord(offset int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{recordStart}, uint64(offset))
}

func (m *manifest) frameRecord(b, record []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(record)))
	b = binary.BigEndian.AppendUint32(b, crc32.Update(m.seed, castagnoli, record))
	return append(b, record...)
}

// commit writes a record and fsyncs it. In memory it takes effect only then. After an error the file is cut back to
// what was there before; when that fails too the manifest cannot be trusted until it is opened again.
func (m *manifest) commit(record []byte) error {
	frame := m.frameRecord(nil, record)
	if _, err := m.file.WriteAt(frame, m.size); err != nil {
		if cut := m.file.Truncate(m.size); cut != nil {
			return fmt.Errorf("%w (and cutting it back: %w)", err, cut)
		}
		return err
	}
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("%w: %w", segment.ErrSync, err)
	}
	m.size += int64(len(frame))
	if !m.apply(record) {
		panic(fmt.Sprintf("log: manifest record of kind %d contradicts those before", record[0]))
	}
	return nil
}

// encode is a manifest that says what m says and nothing else.
func (m *manifest) encode() []byte {
	var b []byte
	if m.start > 0 {
		b = m.frameRecord(b, startRecord(m.start))
	}
	for _, info := range m.sealed {
		b = m.frameRecord(b, sealRecord(info))
		if sequence, ok := m.swaps[info.Base]; ok {
			b = m.frameRecord(b, swapRecord(sequence, []segment.Info{info}, info))
		}
	}
	return b
}

// rewrite replaces the file by one that says the same.
func (m *manifest) rewrite(fs vfs.FS, dir string) error {
	b := m.encode()
	m.size = int64(len(b))
	return vfs.WriteFileAtomic(fs, path.Join(dir, manifestName), b)
}
