package vfs

import "errors"

// faultyFile is a File of a FaultyFS.
type faultyFile struct {
	fs   *FaultyFS
	file File
	name string
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fs.ask(OpRead, f.name, len(p)); err != nil {
		return 0, err
	}
	return f.file.ReadAt(p, off)
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.fs.ask(OpWrite, f.name, len(p))
	if err == nil {
		return f.file.WriteAt(p, off)
	}
	var short *ShortWrite
	if !errors.As(err, &short) {
		return 0, err
	}
	n, werr := f.file.WriteAt(p[:min(max(short.N, 0), len(p))], off)
	if werr != nil {
		return n, werr
	}
	return n, pathError(OpWrite.String(), f.name, short.Err)
}

func (f *faultyFile) Sync() error {
	if err := f.fs.ask(OpSync, f.name, 0); err != nil {
		f.failSync()
		return err
	}
	return f.file.Sync()
}

// failSync makes what was written since the last sync lost to later ones, where the file can simulate that.
func (f *faultyFile) failSync() {
	if file, ok := f.file.(interface{ failSync() }); ok {
		file.failSync()
	}
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.fs.ask(OpTruncate, f.name, 0); err != nil {
		return err
	}
	return f.file.Truncate(size)
}

func (f *faultyFile) Size() (int64, error) {
	if err := f.fs.ask(OpSize, f.name, 0); err != nil {
		return 0, err
	}
	return f.file.Size()
}

func (f *faultyFile) Close() error {
	return errors.Join(f.fs.ask(OpClose, f.name, 0), f.file.Close())
}
