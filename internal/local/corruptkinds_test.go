package local_test

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"path"
	"slices"

	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// mutation is one way to damage a directory.
type mutation struct {
	name    string
	do      func(f *vfs.Mem)
	touched []string
}

// contentsOf is a file.
func contentsOf(f vfs.FS, name string) []byte { return must(vfs.ReadFile(f, name, 1<<20)) }

// put replaces what a file holds, or makes it.
func put(f vfs.FS, name string, b []byte) {
	file := must(f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC))
	_ = must(file.WriteAt(b, 0))
	mustDo(file.Sync())
	mustDo(file.Close())
	mustDo(f.SyncDir(path.Dir(name)))
}

func mustDo(err error) {
	if err != nil {
		panic(err)
	}
}

// edited is a mutation of what one file holds.
func edited(what, name string, edit func(b []byte) []byte) mutation {
	return mutation{name + ": " + what, func(f *vfs.Mem) { put(f, name, edit(contentsOf(f, name))) }, []string{name}}
}

// positions are those of all bytes, but for the inside of long runs of zeros: files are grown ahead, and slots stand apart.
func positions(b []byte) iter.Seq[int] {
	const near = 32
	return func(yield func(int) bool) {
		for at := range b {
			around := b[max(at-near, 0):min(at+near, len(b))]
			if (len(around) < 2*near || len(bytes.Trim(around, "\x00")) > 0) && !yield(at) {
				return
			}
		}
	}
}

// flips flips each bit.
func (w *template) flips(yield func(mutation) bool) {
	for _, name := range w.names {
		for at := range positions(contentsOf(w.mem, name)) {
			for bit := range 8 {
				if !yield(edited(fmt.Sprintf("bit %d of byte %d", bit, at), name, func(b []byte) []byte {
					b[at] ^= 1 << bit
					return b
				})) {
					return
				}
			}
		}
	}
}

// cuts cuts each file at each length.
func (w *template) cuts(yield func(mutation) bool) {
	for _, name := range w.names {
		for size := range positions(contentsOf(w.mem, name)) {
			if !yield(edited(fmt.Sprint("cut to ", size), name, func(b []byte) []byte { return b[:size] })) {
				return
			}
		}
	}
}

// zeros clears each sector, and each file as a whole.
func (w *template) zeros(yield func(mutation) bool) {
	const sector = 512
	clears := func(name string, from, to int) mutation {
		return edited(fmt.Sprintf("zeros from %d to %d", from, to), name, func(b []byte) []byte { clear(b[from:to]); return b })
	}
	for _, name := range w.names {
		b := contentsOf(w.mem, name)
		for from := 0; from < len(b); from += sector {
			to := min(from+sector, len(b))
			if !bytes.Equal(b[from:to], make([]byte, to-from)) && !yield(clears(name, from, to)) {
				return
			}
		}
		if !yield(clears(name, 0, len(b))) {
			return
		}
	}
}

// drops removes each file and each directory, and each pair of files of one directory.
func (w *template) drops(yield func(mutation) bool) {
	drop := func(names ...string) mutation {
		return mutation{fmt.Sprint("without ", names), func(f *vfs.Mem) {
			for _, name := range names {
				mustDo(f.RemoveAll(name))
				mustDo(f.SyncDir(path.Dir(name)))
			}
		}, names}
	}
	dirs := map[string]bool{}
	for i, name := range w.names {
		if !yield(drop(name)) {
			return
		}
		for _, other := range w.names[i+1:] {
			if path.Dir(other) == path.Dir(name) && !yield(drop(name, other)) {
				return
			}
		}
		for dir := path.Dir(name); dir != "." && !dirs[dir]; dir = path.Dir(dir) {
			dirs[dir] = true
			if !yield(drop(dir)) {
				return
			}
		}
	}
}

// swaps exchanges each pair of files.
func (w *template) swaps(yield func(mutation) bool) {
	for i, a := range w.names {
		for _, b := range w.names[i+1:] {
			if !yield(mutation{a + " and " + b + " exchanged", func(f *vfs.Mem) {
				of := [2][]byte{contentsOf(f, a), contentsOf(f, b)}
				put(f, a, of[1])
				put(f, b, of[0])
			}, []string{a, b}}) {
				return
			}
		}
	}
}

// copies puts each file in the place of each other one, whatever topic it is of.
func (w *template) copies(yield func(mutation) bool) {
	for _, to := range w.names {
		for _, from := range w.names {
			if from != to && !yield(mutation{from + " in place of " + to, func(f *vfs.Mem) {
				put(f, to, contentsOf(f, from))
			}, []string{to}}) {
				return
			}
		}
	}
}

// doubles appends each file to itself, and puts a copy of it beside it under names that mean something.
func (w *template) doubles(yield func(mutation) bool) {
	for _, name := range w.names {
		if !yield(edited("twice", name, func(b []byte) []byte { return slices.Concat(b, b) })) {
			return
		}
		for _, other := range []string{
			"00000000000000000000.log", "00000000000000000001.log", "00000000000000000100.log", "00000000000000000000.index",
			"00000000000000000004.txnindex", "00000000000000000009.producers", "00000000000000000000.log.1.swap", "manifest.tmp",
			"checkpoint.tmp", "09223372036854775807.log", "18446744073709551616.log", "-0000000000000000001.log", "x",
		} {
			to := path.Join(path.Dir(name), other)
			if !slices.Contains(w.names, to) && !yield(mutation{name + " also as " + to, func(f *vfs.Mem) {
				put(f, to, contentsOf(f, name))
			}, []string{to}}) {
				return
			}
		}
	}
}

// holes makes each file huge without making it take room.
func (w *template) holes(sizes ...int64) iter.Seq[mutation] {
	return func(yield func(mutation) bool) { w.makeHoles(sizes, yield) }
}

func (w *template) makeHoles(sizes []int64, yield func(mutation) bool) {
	for _, name := range w.names {
		for _, size := range sizes {
			if !yield(mutation{fmt.Sprintf("%s: a hole up to %d", name, size), func(f *vfs.Mem) {
				file := must(f.OpenFile(name, os.O_RDWR))
				mustDo(file.Truncate(size))
				mustDo(file.Close())
			}, []string{name}}) {
				return
			}
		}
	}
}

// others puts a directory in the place of each file and a file in the place of each directory.
func (w *template) others(yield func(mutation) bool) {
	for _, name := range w.names {
		if !yield(mutation{name + ": a directory", func(f *vfs.Mem) {
			mustDo(f.Remove(name))
			mustDo(f.Mkdir(name))
		}, []string{name}}) {
			return
		}
		dir := path.Dir(name)
		if dir == "." {
			continue
		}
		if !yield(mutation{dir + ": a file", func(f *vfs.Mem) {
			mustDo(f.RemoveAll(dir))
			put(f, dir, []byte("file"))
		}, []string{dir}}) {
			return
		}
	}
}

// kinds are all kinds of damage, and how many of each a short run takes.
func (w *template) kinds() map[string]struct {
	all    iter.Seq[mutation]
	sample int
} {
	return map[string]struct {
		all    iter.Seq[mutation]
		sample int
	}{
		"flipped bits":       {w.flips, 300},
		"truncations":        {w.cuts, 120},
		"zeroed sectors":     {w.zeros, 60},
		"dropped":            {w.drops, 60},
		"exchanged":          {w.swaps, 60},
		"another's":          {w.copies, 100},
		"doubled":            {w.doubles, 80},
		"huge and sparse":    {w.holes(1<<26, 1<<50), 10},
		"as large as can be": {w.holes(1<<31 - 1), 0},
		"of another nature":  {w.others, 60},
	}
}
