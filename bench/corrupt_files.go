package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// cutBytes is how much the newest file loses.
const cutBytes = 7

// reservedBytes that are zero at the end of a file, and more, are room that was reserved; fewer may belong to a record.
const reservedBytes = 512

// The part of a record by which it is found in a file. The number before it may be stored in another way, as some do
// that compress.
const (
	needleStart = 8
	needleEnd   = 48
)

// numbered is the record at index: the index, big-endian, and random bytes of its own.
func numbered(index int64) []byte {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], uint64(index))
	record := make([]byte, recordBytes)
	_, _ = rand.NewChaCha8(seed).Read(record) // documented never to fail
	binary.BigEndian.PutUint64(record, uint64(index))
	return record
}

// holding is a file that a record was found in.
type holding struct {
	name string
	at   []int64 // where the needle begins
	size int64
	end  int64 // behind the last byte that is not zero: what follows is room that was reserved
}

// cutNewest takes the last bytes away from the file that holds the newest record. Where the file ends in reserved room,
// they become zeros as that room is, since a write that was lost leaves just this.
func cutNewest(dir string, records int64) error {
	files, err := find(dir, records-1, -1)
	if err != nil {
		return err
	}
	newest := files[0]
	if newest.size-newest.end < reservedBytes {
		return os.Truncate(newest.name, newest.size-cutBytes)
	}
	return overwrite(newest.name, newest.end-cutBytes, make([]byte, cutBytes))
}

// flipOld flips a bit in the record in the middle, in every copy that the files have of it: some are left over from
// before a page was copied, and would be the wrong ones.
func flipOld(dir string, records int64) error {
	files, err := find(dir, records/2, 1)
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file.name)
		if err != nil {
			return err
		}
		for _, at := range file.at {
			where := at + (needleEnd-needleStart)/2
			if err := overwrite(file.name, where, []byte{data[where] ^ 0x10}); err != nil {
				return err
			}
		}
	}
	return nil
}

func overwrite(name string, at int64, data []byte) error {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(data, at)
	return errors.Join(err, file.Close())
}

// find looks for the record at index in all files below dir, and for its neighbours in the direction of step where it
// is not in one piece.
func find(dir string, index, step int64) ([]holding, error) {
	const neighbours = 16
	for range neighbours {
		found, err := search(dir, numbered(index)[needleStart:needleEnd])
		if err != nil || len(found) > 0 {
			return found, err
		}
		index += step
	}
	return nil, errors.New("no file holds a record as it was given")
}

func search(dir string, needle []byte) (found []holding, err error) {
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		file, err := searchFile(name, needle)
		if err == nil && len(file.at) > 0 {
			found = append(found, file)
		}
		return err
	})
	return found, err
}

// searchFile reads a file in chunks, since some reserve gigabytes.
func searchFile(name string, needle []byte) (holding, error) {
	found := holding{name: name}
	file, err := os.Open(name)
	if err != nil {
		return found, err
	}
	defer file.Close()
	buf := make([]byte, floorChunk)
	kept := 0 // bytes at the start of buf that the chunk before ended with
	for {
		n, err := file.Read(buf[kept:])
		chunk, base := buf[:kept+n], found.size-int64(kept)
		found.size += int64(n)
		if used := len(bytes.TrimRight(chunk, "\x00")); used > 0 {
			found.end = base + int64(used)
		}
		for at := 0; ; at++ {
			i := bytes.Index(chunk[at:], needle)
			if i < 0 {
				break
			}
			at += i
			found.at = append(found.at, base+int64(at))
		}
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("%s: %w", name, err)
		}
		kept = copy(buf, chunk[max(0, len(chunk)-len(needle)+1):])
	}
}
