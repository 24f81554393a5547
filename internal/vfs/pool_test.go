package vfs_test

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

const rwCreate = os.O_RDWR | os.O_CREATE

// countFS counts open files, and can hold calls up.
type countFS struct {
	vfs.FS
	open, most atomic.Int64
	opening    func(name string)
	reading    func(name string)
}

type countFile struct {
	vfs.File
	fs    *countFS
	name  string
	inUse atomic.Int64
}

func (c *countFS) OpenFile(name string, flag int) (vfs.File, error) {
	if n := c.open.Add(1); n > c.most.Load() {
		c.most.Store(n)
	}
	if c.opening != nil {
		c.opening(name)
	}
	f, err := c.FS.OpenFile(name, flag)
	if err != nil {
		c.open.Add(-1)
		return nil, err
	}
	return &countFile{File: f, fs: c, name: name}, nil
}

func (f *countFile) ReadAt(p []byte, off int64) (int, error) {
	f.inUse.Add(1)
	defer f.inUse.Add(-1)
	if f.fs.reading != nil {
		f.fs.reading(f.name)
	}
	return f.File.ReadAt(p, off)
}

func (f *countFile) Close() error {
	if f.inUse.Load() != 0 {
		panic("closed while it is read")
	}
	f.fs.open.Add(-1)
	return f.File.Close()
}

func writeTo(t *testing.T, f vfs.File, data string) {
	t.Helper()
	_, err := f.WriteAt([]byte(data), 0)
	require.NoError(t, err)
}

func TestPoolOpensLazily(t *testing.T) {
	m := vfs.NewMem()
	p := vfs.NewPool(m, 2)
	h := p.File("f", rwCreate)
	require.Equal(t, "f", h.Name())
	require.NoError(t, h.Close())
	require.Empty(t, names(t, m, "."))

	h = p.File("f", rwCreate|os.O_EXCL)
	require.Zero(t, p.Open())
	writeTo(t, h, "x")
	require.Equal(t, 1, p.Open())
	require.NoError(t, h.Close())
	require.Zero(t, p.Open())
	require.ErrorIs(t, h.Close(), fs.ErrClosed)
	require.ErrorIs(t, h.Sync(), fs.ErrClosed)
	require.ErrorIs(t, h.Rename("g"), fs.ErrClosed)
	_, err := h.WriteAt(nil, 0)
	require.ErrorIs(t, err, fs.ErrClosed)

	for range 5 { // an opening that fails keeps no place
		_, err := p.File("none", os.O_RDWR).Size()
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	require.Zero(t, p.Open())
}

func TestPoolEvictsTheCold(t *testing.T) {
	c := &countFS{FS: vfs.NewMem()}
	opened := map[string]int{}
	c.opening = func(name string) { opened[name]++ }
	p := vfs.NewPool(c, 3)
	hot := []*vfs.Handle{p.File("hot 0", rwCreate), p.File("hot 1", rwCreate)}
	for i := range 50 {
		for _, h := range hot {
			writeTo(t, h, "x")
			writeTo(t, h, "y")
		}
		writeTo(t, p.File(fmt.Sprint("cold ", i), rwCreate), "z")
	}
	require.Equal(t, 3, p.Open())
	require.EqualValues(t, 3, c.most.Load())
	require.Equal(t, 1, opened["hot 0"], "what is used again and again stays open")
	require.Equal(t, 1, opened["hot 1"])
	require.Len(t, opened, 52)
	require.NoError(t, p.Close())
	require.Zero(t, c.open.Load())
}

// The flags that create and cut apply once: a file that vanished is missed, not replaced by an empty one.
func TestPoolReopens(t *testing.T) {
	m := vfs.NewMem()
	p := vfs.NewPool(m, 1)
	h, other := p.File("f", rwCreate|os.O_TRUNC), p.File("other", rwCreate|os.O_EXCL)
	writeTo(t, h, "data")
	writeTo(t, other, "x")
	n, err := h.Size()
	require.NoError(t, err)
	require.EqualValues(t, 4, n)

	require.NoError(t, h.Rename("g"))
	require.Equal(t, "g", h.Name())
	writeTo(t, other, "y")
	n, err = h.Size()
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
	require.Equal(t, "not exist", kind(other.Rename("none/x")))
	require.Equal(t, "other", other.Name())

	require.NoError(t, m.Rename("other", "moved"))
	other.SetName("moved")
	writeTo(t, other, "z")
	require.NoError(t, m.Remove("g"))
	_, err = h.Size()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Equal(t, []string{"moved"}, names(t, m, "."))
}

func TestPoolSyncsBeforeItEvicts(t *testing.T) {
	m := vfs.NewMem()
	syncs := 0
	p := vfs.NewPool(vfs.Faulty(m, vfs.Only(func(vfs.Op) error { syncs++; return nil }, vfs.OpSync)), 1)
	a, b := p.File("a", rwCreate), p.File("b", rwCreate)
	writeTo(t, a, "data")
	require.NoError(t, m.SyncDir("."))
	writeTo(t, b, "x")
	require.Equal(t, 1, syncs)
	for seed := range uint64(50) {
		require.Equal(t, "data", read(t, m.CrashClone(seed), "a"))
	}
	_, err := a.Size()
	require.NoError(t, err)
	require.Equal(t, 2, syncs)
	_, err = b.Size()
	require.NoError(t, err)
	require.Equal(t, 2, syncs, "a clean file is just closed")
	require.NoError(t, a.Truncate(1))
	require.NoError(t, a.Sync())
	_, err = b.Size()
	require.NoError(t, err)
	require.Equal(t, 3, syncs, "a file that its owner synced, too")
	require.NoError(t, a.Truncate(2))
	_, err = b.Size()
	require.NoError(t, err)
	require.Equal(t, 4, syncs, "a change of the length is a write")
	require.NoError(t, p.Close())
}

func TestPoolPoisonsAfterEviction(t *testing.T) {
	syncs := 0
	fail := func(vfs.Op) error { syncs++; return errFault }
	p := vfs.NewPool(vfs.Faulty(vfs.NewMem(), vfs.Only(fail, vfs.OpSync)), 1)
	a, b := p.File("a", rwCreate), p.File("b", rwCreate)
	writeTo(t, a, "data")
	writeTo(t, b, "x") // not the fault of b
	_, err := a.ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, errFault)
	_, err = a.WriteAt([]byte("x"), 0)
	require.ErrorIs(t, err, errFault)
	_, err = a.Size()
	require.ErrorIs(t, err, errFault)
	require.ErrorIs(t, a.Sync(), errFault)
	require.ErrorIs(t, a.Truncate(0), errFault)
	require.ErrorIs(t, a.Rename("c"), errFault)
	require.ErrorIs(t, a.Close(), errFault)
	require.Equal(t, 1, syncs, "it is never retried")
	require.Equal(t, 1, p.Open())
}

func TestPoolAfterFailedSync(t *testing.T) {
	syncs := 0
	fail := func(vfs.Op) error { syncs++; return errFault }
	p := vfs.NewPool(vfs.Faulty(vfs.NewMem(), vfs.Only(fail, vfs.OpSync)), 1)
	a, b := p.File("a", rwCreate), p.File("b", rwCreate)
	writeTo(t, a, "data")
	require.ErrorIs(t, a.Sync(), errFault)
	require.ErrorIs(t, a.Sync(), errFault)
	for range 2 {
		_, err := a.WriteAt([]byte("x"), 0)
		require.ErrorIs(t, err, errFault)
		require.ErrorIs(t, a.Truncate(0), errFault)
		data := make([]byte, 4)
		_, err = a.ReadAt(data, 0)
		require.NoError(t, err, "reads go on, also after an eviction")
		require.Equal(t, "data", string(data))
		_, err = b.Size()
		require.NoError(t, err)
	}
	require.Equal(t, 1, syncs)
	require.NoError(t, a.Close())
}

// TestPoolWaitsForPinned: with every file in use, another one has to wait, and so has Close.
func TestPoolWaitsForPinned(t *testing.T) {
	c := &countFS{FS: vfs.NewMem()}
	p := vfs.NewPool(c, 1)
	a, b := p.File("a", rwCreate), p.File("b", rwCreate)
	writeTo(t, b, "b")
	writeTo(t, a, "a")
	reading, goOn := make(chan struct{}), make(chan struct{})
	c.reading = func(name string) {
		if name == "a" {
			close(reading)
			<-goOn
		}
	}
	var wg sync.WaitGroup
	readOne := func(h *vfs.Handle, want byte) {
		wg.Go(func() {
			data := make([]byte, 1)
			if _, err := h.ReadAt(data, 0); err != nil || data[0] != want {
				t.Errorf("read %q: %v", data, err)
			}
		})
	}
	readOne(a, 'a')
	<-reading
	readOne(b, 'b')
	wg.Go(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	close(goOn)
	wg.Wait()
	require.EqualValues(t, 1, c.most.Load())
	require.NoError(t, p.Close())
	require.Zero(t, c.open.Load())
}

// TestPoolPlaceOfAFailedOpening goes to whoever waits for one.
func TestPoolPlaceOfAFailedOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &countFS{FS: vfs.NewMem()}
		p := vfs.NewPool(c, 1)
		goOn, errs := make(chan struct{}), make(chan error, 2)
		c.opening = func(string) { <-goOn }
		for _, h := range []*vfs.Handle{p.File("missing", os.O_RDWR), p.File("waiting", rwCreate)} {
			go func() {
				_, err := h.Size()
				errs <- err
			}()
			synctest.Wait()
		}
		close(goOn)
		require.ErrorIs(t, <-errs, fs.ErrNotExist)
		require.NoError(t, <-errs)
		require.NoError(t, p.Close())
	})
}

func TestPoolClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &countFS{FS: vfs.NewMem()}
		p := vfs.NewPool(c, 0)
		first := p.File("first", rwCreate)
		writeTo(t, first, "x")
		goOn := make(chan struct{})
		c.opening = func(string) { <-goOn }
		errs := make(chan error)
		for _, name := range []string{"opening", "waiting for a place"} {
			go func() {
				_, err := p.File(name, rwCreate).Size()
				errs <- err
			}()
			synctest.Wait()
		}
		require.NoError(t, p.Close())
		require.ErrorIs(t, <-errs, fs.ErrClosed, "nobody waits for a place in a closed pool")
		close(goOn)
		require.ErrorIs(t, <-errs, fs.ErrClosed, "a file that opened too late is closed")
		_, err := first.Size()
		require.ErrorIs(t, err, fs.ErrClosed)
		require.NoError(t, first.Close())
		require.Zero(t, p.Open())
		require.Zero(t, c.open.Load())
	})
}

// TestPoolConcurrently works on more files than fit from many goroutines; each file is written by one of them.
func TestPoolConcurrently(t *testing.T) {
	for _, limit := range []int{1, 3, 100} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			c := &countFS{FS: vfs.NewMem()}
			p := vfs.NewPool(c, limit)
			var wg sync.WaitGroup
			for i := range 8 {
				h := p.File(fmt.Sprint("f", i), rwCreate)
				wg.Go(func() { useHandle(t, h) })
			}
			wg.Wait()
			require.LessOrEqual(t, c.most.Load(), int64(limit))
			require.Zero(t, p.Open())
			require.Zero(t, c.open.Load())
		})
	}
}

func useHandle(t *testing.T, h *vfs.Handle) {
	var reader sync.WaitGroup
	for i := range 100 {
		if _, err := h.WriteAt(fmt.Appendf(nil, "%04d", i), 0); err != nil {
			t.Error(err)
		}
		reader.Wait()
		reader.Go(func() {
			data := make([]byte, 4)
			if _, err := h.ReadAt(data, 0); err != nil {
				t.Error(err)
			}
		})
		if i%10 == 0 {
			if err := h.Sync(); err != nil {
				t.Error(err)
			}
			if err := h.Rename(fmt.Sprintf("%s.%d", h.Name(), i)); err != nil {
				t.Error(err)
			}
		}
	}
	reader.Wait()
	data := make([]byte, 4)
	if _, err := h.ReadAt(data, 0); err != nil || string(data) != "0099" {
		t.Errorf("read %q: %v", data, err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

func TestWarmHandleDoesNotAllocate(t *testing.T) {
	f, err := vfs.OS(t.TempDir())
	require.NoError(t, err)
	p := vfs.NewPool(f, 1)
	h, data := p.File("f", rwCreate), make([]byte, 64)
	writeTo(t, h, string(data))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = h.WriteAt(data, 0)
		_, _ = h.ReadAt(data, 0)
	}))
	require.NoError(t, p.Close())
	require.NoError(t, f.Close())
}
