package vfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

const crashSeeds = 300

// dump is a whole tree as text: "dir/ dir/name=contents".
func dump(t require.TestingT, f vfs.FS) string {
	var items []string
	var walk func(dir string)
	walk = func(dir string) {
		list, err := f.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range list {
			name := path.Join(dir, e.Name())
			if e.IsDir() {
				items = append(items, name+"/")
				walk(name)
			} else {
				items = append(items, name+"="+read(t, f, name))
			}
		}
	}
	walk(".")
	return strings.Join(items, " ")
}

func put(t require.TestingT, f vfs.FS, name, data string) {
	file := write(t, f, name, data)
	require.NoError(t, file.Sync())
	require.NoError(t, file.Close())
}

// Each case starts with a durable tree "d/ d/f=1 e/ f=0", makes changes, and lists every state that a power loss may
// leave of them: all of these must occur, and no other.
func TestCrashEntries(t *testing.T) {
	cases := []struct {
		name   string
		change func(t *testing.T, m *vfs.Mem)
		want   []string
	}{
		{"nothing", func(*testing.T, *vfs.Mem) {}, []string{"d/ d/f=1 e/ f=0"}},
		{"create", func(t *testing.T, m *vfs.Mem) { put(t, m, "e/g", "2") },
			[]string{"d/ d/f=1 e/ f=0", "d/ d/f=1 e/ e/g=2 f=0"}},
		{"create and sync the directory", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "e/g", "2")
			require.NoError(t, m.SyncDir("e"))
		}, []string{"d/ d/f=1 e/ e/g=2 f=0"}},
		{"create and sync another directory", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "e/g", "2")
			require.NoError(t, m.SyncDir("."))
		}, []string{"d/ d/f=1 e/ f=0", "d/ d/f=1 e/ e/g=2 f=0"}},
		{"create and remove", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "e/g", "2")
			require.NoError(t, m.Remove("e/g"))
		}, []string{"d/ d/f=1 e/ f=0", "d/ d/f=1 e/ e/g=2 f=0"}},
		{"remove", func(t *testing.T, m *vfs.Mem) { require.NoError(t, m.Remove("f")) },
			[]string{"d/ d/f=1 e/", "d/ d/f=1 e/ f=0"}},
		{"remove and sync", func(t *testing.T, m *vfs.Mem) {
			require.NoError(t, m.Remove("f"))
			require.NoError(t, m.SyncDir("."))
		}, []string{"d/ d/f=1 e/"}},
		{"two changes are independent", func(t *testing.T, m *vfs.Mem) {
			require.NoError(t, m.Remove("f"))
			put(t, m, "g", "2")
		}, []string{"d/ d/f=1 e/", "d/ d/f=1 e/ f=0", "d/ d/f=1 e/ f=0 g=2", "d/ d/f=1 e/ g=2"}},
		{"rename", func(t *testing.T, m *vfs.Mem) { require.NoError(t, m.Rename("f", "g")) },
			[]string{"d/ d/f=1 e/ f=0", "d/ d/f=1 e/ g=0"}},
		{"rename twice", func(t *testing.T, m *vfs.Mem) {
			require.NoError(t, m.Rename("f", "g"))
			require.NoError(t, m.Rename("g", "h"))
		}, []string{"d/ d/f=1 e/ f=0", "d/ d/f=1 e/ g=0", "d/ d/f=1 e/ h=0"}},
		{"replace", func(t *testing.T, m *vfs.Mem) {
			put(t, m, "t", "2")
			require.NoError(t, m.SyncDir("."))
			require.NoError(t, m.Rename("t", "f"))
		}, []string{"d/ d/f=1 e/ f=0 t=2", "d/ d/f=1 e/ f=2"}},
		{"replace atomically", func(t *testing.T, m *vfs.Mem) {
			require.NoError(t, vfs.WriteFileAtomic(m, "f", []byte("2")))
		}, []string{"d/ d/f=1 e/ f=2"}},
		{"rename to another directory", func(t *testing.T, m *vfs.Mem) {
			require.NoError(t, m.Rename("f", "e/g"))
		}, []string{"d/ d/f=1 e/ f=0", "d/ d/f=1 e/ e/g=0"}},
		{"rename and sync only the target", func(t *testing.T, m *vfs.Mem) {
			require.NoError(t, m.Rename("f", "e/g"))
			require.NoError(t, m.SyncDir("e"))
		}, []string{"d/ d/f=1 e/ e/g=0"}},
		{"rename and sync only the source", func(t *testing.T, m *vfs.Mem) {
			require.NoError(t, m.Rename("f", "e/g"))
			require.NoError(t, m.SyncDir("."))
		}, []string{"d/ d/f=1 e/", "d/ d/f=1 e/ e/g=0"}},
		{"rename into a new directory", func(t *testing.T, m *vfs.Mem) {
			require.NoError(t, m.Mkdir("n"))
			require.NoError(t, m.Rename("f", "n/f"))
		}, []string{"d/ d/f=1 e/ f=0", "d/ d/f=1 e/ f=0 n/", "d/ d/f=1 e/ n/ n/f=0"}},
		{"rename a directory", func(t *testing.T, m *vfs.Mem) { require.NoError(t, m.Rename("d", "e/d")) },
			[]string{"d/ d/f=1 e/ f=0", "e/ e/d/ e/d/f=1 f=0"}},
		{"make a directory and sync only that", func(t *testing.T, m *vfs.Mem) {
			require.NoError(t, m.Mkdir("n"))
			put(t, m, "n/f", "2")
			require.NoError(t, m.SyncDir("n"))
		}, []string{"d/ d/f=1 e/ f=0", "d/ d/f=1 e/ f=0 n/ n/f=2"}},
		{"remove all", func(t *testing.T, m *vfs.Mem) { require.NoError(t, m.RemoveAll("d")) },
			[]string{"d/ d/f=1 e/ f=0", "d/ e/ f=0", "e/ f=0"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := vfs.NewMem()
			require.NoError(t, m.Mkdir("d"))
			require.NoError(t, m.Mkdir("e"))
			put(t, m, "d/f", "1")
			put(t, m, "f", "0")
			require.NoError(t, m.SyncDir("d"))
			require.NoError(t, m.SyncDir("."))
			c.change(t, m)
			killed := m.KillClone()
			require.Equal(t, dump(t, m), dump(t, killed))
			seen := map[string]bool{}
			for seed := range uint64(crashSeeds) {
				left := dump(t, m.CrashClone(seed))
				require.Equal(t, left, dump(t, m.CrashClone(seed)), "the seed decides")
				seen[left] = true
				seen[dump(t, killed.CrashClone(seed+crashSeeds))] = true
			}
			require.ElementsMatch(t, c.want, slices.Collect(maps.Keys(seen)))
		})
	}
}

// TestCrashContents compares every sector of what is left of a file with what it was at the last sync and at the end.
func TestCrashContents(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := vfs.NewMem()
		file := write(rt, m, "f", "")
		require.NoError(rt, m.SyncDir("."))
		o := openFile{file, &modelFile{}}
		ops := &model{fs: m, open: []openFile{o}}
		var durable []byte
		for range rapid.IntRange(1, 8).Draw(rt, "ops") {
			switch rapid.SampledFrom([]string{"write", "write", "truncate", "sync"}).Draw(rt, "op") {
			case "write":
				ops.write(rt)
			case "truncate":
				ops.truncate(rt)
			case "sync":
				ops.sync(rt)
				durable = bytes.Clone(o.model.data)
			}
		}
		require.Equal(rt, string(o.model.data), read(rt, m.KillClone(), "f"))
		left := []byte(read(rt, m.CrashClone(rapid.Uint64().Draw(rt, "seed")), "f"))
		checkSectors(rt, durable, o.model.data, left)
		require.NoError(rt, file.Close())
	})
}

func checkSectors(t require.TestingT, durable, current, left []byte) {
	require.GreaterOrEqual(t, len(left), min(len(durable), len(current)))
	require.LessOrEqual(t, len(left), max(len(durable), len(current)))
	padded := func(b []byte) []byte { return append(bytes.Clone(b), make([]byte, max(0, len(left)-len(b)))...) }
	durable, current = padded(durable), padded(current)
	for at := 0; at < len(left); at += 512 {
		end := min(at+512, len(left))
		sector := left[at:end]
		if !bytes.Equal(sector, durable[at:end]) {
			require.Equal(t, current[at:end], sector, "at %d", at)
		}
	}
}

// Of two blocks and sectors of one write, each may survive without the other; and the length alone may survive.
func TestCrashTears(t *testing.T) {
	m := vfs.NewMem()
	file := write(t, m, "f", strings.Repeat("o", 8192))
	require.NoError(t, file.Sync())
	require.NoError(t, m.SyncDir("."))
	_, err := file.WriteAt(bytes.Repeat([]byte("n"), 9000), 0)
	require.NoError(t, err)
	seen := map[string]bool{}
	for seed := range uint64(crashSeeds) {
		left := read(t, m.CrashClone(seed), "f")
		first, second := left[:4096], left[4096:8192]
		seen["first block "+tear(first)] = true
		seen["second block "+tear(second)] = true
		if tear(first) == "old" && tear(second) == "new" {
			seen["later block only"] = true
		}
		switch {
		case len(left) == 8192:
			seen["old length"] = true
		case len(left) == 9000 && strings.HasSuffix(left, "\x00"):
			seen["length without data"] = true
		case len(left) == 9000:
			seen["new length"] = true
		default:
			seen["length between"] = true
		}
	}
	require.Len(t, seen, 11, "%v", seen)
	require.NoError(t, file.Close())
}

func tear(block string) string {
	switch news := strings.Count(block, "n"); news {
	case 0:
		return "old"
	case len(block):
		return "new"
	default:
		return "torn"
	}
}

// TestFailedSync: a sync that is retried after an error reports success, and yet the data may be gone; what is written
// anew is written by the next sync.
func TestFailedSync(t *testing.T) {
	for _, again := range []bool{false, true} {
		m := vfs.NewMem()
		f := vfs.Faulty(m, vfs.Only(func(op vfs.Op) error {
			if op.N == 4 {
				return syscall.EIO
			}
			return nil
		}, vfs.OpSync))
		file := write(t, f, "f", "data")
		require.NoError(t, f.SyncDir("."))
		require.ErrorIs(t, file.Sync(), syscall.EIO)
		if again {
			_, err := file.WriteAt([]byte("data"), 0)
			require.NoError(t, err)
		}
		require.NoError(t, file.Sync())
		require.Equal(t, "data", read(t, m, "f"), "the page cache has it")
		lost := false
		for seed := range uint64(crashSeeds) {
			lost = lost || read(t, m.CrashClone(seed), "f") != "data"
		}
		require.Equal(t, !again, lost)
		require.NoError(t, file.Close())
	}
}

func TestClonesAreSeparate(t *testing.T) {
	m := vfs.NewMem()
	m.SetCapacity(1 << 20)
	lock, err := m.Lock("LOCK")
	require.NoError(t, err)
	file := write(t, m, "f", strings.Repeat("a", 5000))
	require.NoError(t, file.Sync())
	require.NoError(t, m.SyncDir("."))
	before := dump(t, m)
	for name, clone := range map[string]*vfs.Mem{"kill": m.KillClone(), "crash": m.CrashClone(1)} {
		require.Equal(t, m.Used(), clone.Used(), name)
		l, err := clone.Lock("LOCK")
		require.NoError(t, err, name)
		require.NoError(t, l.Close())
		require.NoError(t, write(t, clone, "f", "changed").Close())
		require.NoError(t, clone.Rename("f", "g"))
		require.Equal(t, before, dump(t, m), name)
		_, err = file.WriteAt([]byte("b"), 0)
		require.NoError(t, err)
		require.Equal(t, "changed", read(t, clone, "g")[:7], name)
		_, err = file.WriteAt([]byte("a"), 0)
		require.NoError(t, err)
	}
	_, err = m.Lock("LOCK")
	require.ErrorIs(t, err, vfs.ErrLocked)
	require.NoError(t, lock.Close())
	require.NoError(t, file.Close())
}

func TestVolatileKeepsEverything(t *testing.T) {
	m := vfs.NewVolatile()
	require.NoError(t, m.Mkdir("d"))
	require.NoError(t, write(t, m, "d/f", "x").Close())
	for seed := range uint64(20) {
		require.Equal(t, "d/ d/f=x", dump(t, m.CrashClone(seed)))
	}
}

func TestCapacity(t *testing.T) {
	m := vfs.NewMem()
	m.SetCapacity(3 * 4096)
	file := write(t, m, "f", "x")
	require.EqualValues(t, 4096, m.Used())
	require.NoError(t, file.Truncate(1<<40), "growing takes no room")
	require.EqualValues(t, 4096, m.Used())

	n, err := file.WriteAt(make([]byte, 5*4096), 0)
	require.Equal(t, 3*4096, n, "what fits is written")
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.True(t, vfs.IsNoSpace(err))
	var pathErr *fs.PathError
	require.ErrorAs(t, err, &pathErr)
	_, err = file.WriteAt([]byte("y"), 100)
	require.NoError(t, err, "a block that is there can be overwritten")
	l, err := m.Lock("LOCK")
	require.NoError(t, err, "a full disk does not keep anybody out")
	require.NoError(t, l.Close())

	require.NoError(t, file.Truncate(1))
	require.EqualValues(t, 4096, m.Used())
	require.NoError(t, m.Remove("f"))
	require.EqualValues(t, 4096, m.Used(), "it is still open")
	require.NoError(t, file.Close())
	require.Zero(t, m.Used())

	m.SetCapacity(0)
	require.NoError(t, write(t, m, "g", strings.Repeat("z", 1<<20)).Close())
	put(t, m, "h", strings.Repeat("z", 4096))
	require.NoError(t, m.Rename("h", "g"), "replacing frees the old one")
	require.EqualValues(t, 4096, m.Used())
}

func TestIsNoSpace(t *testing.T) {
	for _, err := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		require.True(t, vfs.IsNoSpace(err))
		require.True(t, vfs.IsNoSpace(errors.Join(os.ErrClosed, &fs.PathError{Err: err})))
	}
	require.False(t, vfs.IsNoSpace(nil))
	require.False(t, vfs.IsNoSpace(syscall.EIO))
	require.False(t, vfs.IsNoSpace(os.ErrClosed))
}
