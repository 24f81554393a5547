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
	"sync"

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
	dir, err := Directory(o.URL)
	if err != nil {
		return nil, err
	}
	return share("file:"+dir, o, func() (*Engine, error) {
		if err := os.MkdirAll(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, ioError(err, "making the data directory")
		}
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return nil, engine.Errorf(engine.ErrInvalidArgument, "%s is a file; the log needs a directory", dir)
		}
		if err != nil {
			return nil, ioError(err, "opening the data directory")
		}
		f, err := vfs.OS(dir)
		if err != nil {
			return nil, ioError(err, "opening the data directory")
		}
		return openShared(f, o, reserveBytes)
	})
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
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return dir, nil
}

// openMemory opens mem: (private) or mem:name (shared in the process).
func openMemory(ctx context.Context, o engine.Options) (engine.Engine, error) {
	name := strings.TrimPrefix(o.URL, "mem:")
	open := func() (*Engine, error) { return openShared(vfs.NewVolatile(), o, 0) }
	if name == "" {
		return open()
	}
	return share("mem:"+name, o, open)
}

func openShared(f vfs.FS, o engine.Options, reserve int64) (*Engine, error) {
	return Open(Options{
		FS: f, Clock: o.Clock, Logger: o.Logger, DefaultPartitions: o.DefaultPartitions, Codec: o.Codec, Quota: o.Quota,
		FlushInterval: o.FlushInterval, Reserve: reserve,
	})
}

// shared is an engine that several clients of the process have open.
type shared struct {
	*Engine
	key     string
	options engine.Options
	refs    int
}

var (
	sharedMu sync.Mutex
	opened   = map[string]*shared{}
)

// share returns the engine that is open under key, or opens it. Options that contradict those of the first opener are
// refused.
func share(key string, o engine.Options, open func() (*Engine, error)) (engine.Engine, error) {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	s := opened[key]
	if s == nil {
		e, err := open()
		if err != nil {
			return nil, err
		}
		s = &shared{Engine: e, key: key, options: o}
		opened[key] = s
	} else if what := contradiction(s.options, o); what != "" {
		return nil, engine.Errorf(engine.ErrInvalidArgument,
			"%s is open in this process with another %s; use the same options, or close it first", key, what)
	}
	s.refs++
	return &handle{shared: s}, nil
}

func contradiction(a, b engine.Options) string {
	switch {
	case a.DefaultPartitions != b.DefaultPartitions:
		return "default number of partitions"
	case a.Codec != b.Codec:
		return "codec"
	case a.Quota != b.Quota:
		return "quota"
	case a.FlushInterval != b.FlushInterval:
		return "flush interval"
	case a.Clock != b.Clock:
		return "clock"
	}
	return ""
}

// handle is one client's hold on a shared engine.
type handle struct {
	*shared
	once sync.Once
	err  error
}

// Close lets go of the engine; the last one closes it.
func (h *handle) Close() error {
	h.once.Do(func() {
		sharedMu.Lock()
		defer sharedMu.Unlock()
		if h.refs--; h.refs == 0 {
			delete(opened, h.key)
			h.err = h.Engine.Close()
		}
	})
	return h.err
}
