package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// CURRENT is one line of text with the number of the live generation and the CRC32C of what stands before it.
const (
	currentName = "CURRENT"
	currentTemp = "CURRENT.new"
	currentHead = "kafka-embedded journal 1 generation "
	digits      = 20
	segmentName = "00000000000000000001"
)

func generationName(number uint64) string { return fmt.Sprintf("%0*d", digits, number) }

// parseGeneration is the number that a directory's name stands for.
func parseGeneration(name string) (uint64, bool) {
	number, err := strconv.ParseUint(name, 10, 64)
	return number, err == nil && number > 0 && name == generationName(number)
}

func formatCurrent(number uint64) string {
	line := currentHead + generationName(number)
	return fmt.Sprintf("%s crc32c %08x\n", line, checksum([]byte(line)))
}

func parseCurrent(line string) (uint64, bool) {
	if len(line) < len(currentHead)+digits {
		return 0, false
	}
	number, ok := parseGeneration(line[len(currentHead) : len(currentHead)+digits])
	return number, ok && line == formatCurrent(number)
}

// readCurrent is the number of the live generation. An absent CURRENT is an error matching [fs.ErrNotExist].
func readCurrent(f vfs.FS, dir string) (uint64, error) {
	name := path.Join(dir, currentName)
	file, err := f.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	line := make([]byte, len(formatCurrent(1))+1) // one more, to see that it ends
	n, err := file.ReadAt(line, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	number, ok := parseCurrent(string(line[:n]))
	if !ok {
		return 0, corrupt(name, 0, "does not name a generation; run kafkado repair")
	}
	return number, nil
}

// prepareCurrent writes the file that switchCurrent will put in place.
func prepareCurrent(f vfs.FS, dir string, number uint64) error {
	return writeNew(f, path.Join(dir, currentTemp), func(file vfs.File) error {
		_, err := file.WriteAt([]byte(formatCurrent(number)), 0)
		return err
	})
}

// switchCurrent replaces CURRENT. After an error it is not known which generation is the live one.
func switchCurrent(f vfs.FS, dir string) error {
	if err := f.Rename(path.Join(dir, currentTemp), path.Join(dir, currentName)); err != nil {
		return err
	}
	return f.SyncDir(dir)
}

// writeNew makes a file with contents that are fsynced; the entry in its directory is not. One that is there already is
// removed, not written over: an earlier fsync of it may have failed.
func writeNew(f vfs.FS, name string, write func(vfs.File) error) error {
	if err := f.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	return err
}

func corrupt(file string, position int64, reason string) *engine.CorruptionError {
	return &engine.CorruptionError{File: file, Position: position, First: -1, Next: -1, Reason: reason}
}

// generations lists the numbers of the generation directories in dir.
func generations(f vfs.FS, dir string) ([]uint64, error) {
	list, err := f.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, e := range list {
		if number, ok := parseGeneration(e.Name()); ok && e.IsDir() {
			numbers = append(numbers, number)
		}
	}
	return numbers, nil
}
