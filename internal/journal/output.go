package journal

import (
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"

	"github.com/tidwall/wal"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// output appends the entries of one generation. Only sync may be called concurrently with another method, and not with
// one that releases the file.
type output interface {
	// write appends one entry. After an error the output can only be abandoned.
	write(index uint64, entry []byte) error
	// sync makes what was written before the call durable. After an error the output can only be abandoned.
	sync() error
	// close fsyncs and releases the file.
	close() error
	// discard releases a file that is no longer needed, without writing what the disk does not have yet.
	discard() error
	// abandon releases the file without an fsync, as far as that can be done.
	abandon()
}

// newOutput appends to a file that is open, and stands in the directory own of f, through tidwall/wal where that can open
// it. The output owns the file.
func newOutput(f vfs.FS, own string, file vfs.File) (output, error) {
	dir, ok := systemDir(f)
	if !ok {
		end, err := file.Size()
		return &plainOutput{file: file, end: end}, err
	}
	log, err := wal.Open(filepath.Join(dir, filepath.FromSlash(own)), &wal.Options{
		NoSync: true, SegmentSize: math.MaxInt, DirPerms: 0o700, FilePerms: 0o600,
	})
	return &walOutput{log, file}, err
}

// systemDir is the directory of the operating system that f is rooted at. Below [vfs.Faulty] it does not count: faults
// would not reach tidwall/wal.
func systemDir(f vfs.FS) (string, bool) {
	if _, faulty := f.(*vfs.FaultyFS); faulty {
		return "", false
	}
	return vfs.Dir(f)
}

// walOutput writes through tidwall/wal and fsyncs through a descriptor of its own, see the package's documentation.
type walOutput struct {
	log  *wal.Log
	file vfs.File
}

func (o *walOutput) write(index uint64, entry []byte) error { return o.log.Write(index, entry) }

func (o *walOutput) sync() error { return o.file.Sync() }

func (o *walOutput) close() error { return errors.Join(o.log.Close(), o.file.Close()) }

// discard empties the file first: tidwall/wal's Close fsyncs, and would write megabytes that are about to be removed.
func (o *walOutput) discard() error {
	return errors.Join(o.file.Truncate(0), o.log.Close(), o.file.Close())
}

func (o *walOutput) abandon() {
	o.log = nil
	_ = o.file.Close()
}

// plainOutput writes the same bytes to a [vfs.File].
type plainOutput struct {
	file vfs.File
	end  int64
	buf  []byte
}

func (o *plainOutput) write(_ uint64, entry []byte) error {
	o.buf = binary.AppendUvarint(o.buf[:0], uint64(len(entry)))
	o.buf = append(o.buf, entry...)
	n, err := o.file.WriteAt(o.buf, o.end)
	o.end += int64(n)
	return err
}

func (o *plainOutput) sync() error { return o.file.Sync() }

func (o *plainOutput) close() error { return errors.Join(o.file.Sync(), o.file.Close()) }

func (o *plainOutput) discard() error { return o.file.Close() }

func (o *plainOutput) abandon() { _ = o.file.Close() }
