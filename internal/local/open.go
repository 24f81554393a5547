package local

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// reserveBytes is kept back for a full disk.
const reserveBytes = 1 << 20

func init() {
	engine.Register("file", openFile)
	engine.Register("mem", openMemory)
}

// openFile opens file:///absolute/dir or file:relative/dir.
func openFile(ctx context.Context, o engine.Options) (engine.Engine, error) {
	if err := ctx.Err(); err != nil {
		return nil, ctxError(err)
	}
	dir, err := Directory(o.URL)
	if err != nil {
		return nil, err
	}
	if err := makeDirectory(dir); err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real // one key for one directory
	}
	return share("file:"+dir, o, func() (*core, error) {
		f, err := vfs.OS(dir)
		if err != nil {
			return nil, ioError(err, "opening the data directory")
		}
		return openShared(f, o, reserveBytes)
	})
}

// makeDirectory makes a directory and those above it, durably, as far as they do not exist.
func makeDirectory(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return errNoDirectory(dir)
		}
		return nil
	}
	// ENOTDIR is a file above it, except on Windows, where it is the same number as a missing directory there. The one
	// above tells which.
	parent := filepath.Dir(dir)
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) || parent == dir {
		return ioError(err, "opening the data directory")
	}
	if err := makeDirectory(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return ioError(err, "making the data directory")
	}
	return syncParent(parent)
}

func errNoDirectory(dir string) error {
	return engine.Errorf(engine.ErrInvalidArgument, "%s, or what stands above it, is a file; the log needs a directory", dir)
}

// syncParent makes a new entry of a directory durable. One that may be written but not read is left to the system.
func syncParent(dir string) error {
	f, err := vfs.OS(dir)
	if err == nil {
		err = errors.Join(f.SyncDir("."), f.Close())
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return ioError(err, "making the data directory")
}

// Directory is the absolute path that a file URL names.
func Directory(raw string) (string, error) {
	path := strings.TrimPrefix(raw, "file:")
	if strings.HasPrefix(path, "//") {
		u, err := url.Parse(raw)
		if err != nil || u.Host != "" && u.Host != "localhost" {
			return "", engine.Errorf(engine.ErrInvalidArgument, "%q names no local directory: write file:///absolute/dir or file:relative/dir", raw)
		}
		path = u.Path
		if runtime.GOOS == "windows" {
			path = strings.TrimPrefix(path, "/") // file:///C:/dir
		}
	}
	if path == "" {
		return "", engine.Errorf(engine.ErrInvalidArgument, "%q names no directory: write file:///absolute/dir or file:relative/dir", raw)
	}
	dir, err := filepath.Abs(filepath.FromSlash(path))
	if err != nil {
		return "", ioError(err, "finding the data directory")
	}
	return dir, nil
}

// openMemory opens mem: (private) or mem:name (shared in the process).
func openMemory(ctx context.Context, o engine.Options) (engine.Engine, error) {
	if err := ctx.Err(); err != nil {
		return nil, ctxError(err)
	}
	name := strings.TrimPrefix(o.URL, "mem:")
	open := func() (*core, error) { return openShared(vfs.NewVolatile(), o, 0) }
	if name != "" {
		return share("mem:"+name, o, open)
	}
	c, err := open()
	if err != nil {
		return nil, err
	}
	return newEngine(c, c.shut), nil
}

func openShared(f vfs.FS, o engine.Options, reserve int64) (*core, error) {
	return openCore(Options{
		FS: f, Clock: o.Clock, Logger: o.Logger, DefaultPartitions: o.DefaultPartitions, Codec: o.Codec, Quota: o.Quota,
		FlushInterval: o.FlushInterval, Reserve: reserve,
	})
}
