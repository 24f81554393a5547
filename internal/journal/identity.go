package journal

import (
	"encoding/binary"
	"path"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// Identity is the data directory's UUID according to the first entry of the live generation, for a directory that has
// lost its own record of it. Damage is a [*engine.CorruptionError].
func Identity(f vfs.FS, dir string) (id [16]byte, err error) {
	generation, err := readCurrent(f, dir)
	if err != nil {
		return id, err
	}
	name := path.Join(dir, generationName(generation), segmentName)
	file, err := f.OpenFile(name, 0)
	if err != nil {
		return id, err
	}
	defer file.Close()
	b := make([]byte, binary.MaxVarintLen64+headerSize)
	got, _ := file.ReadAt(b, 0)
	_, n := binary.Uvarint(b[:got])
	if n <= 0 || got-n < headerSize {
		return id, corrupt(name, 0, "shorter than an entry")
	}
	h, reason := parseHeader(b[n:])
	if reason != "" {
		return id, corrupt(name, 0, reason)
	}
	return h.id, nil
}
