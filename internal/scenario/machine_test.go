package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// target is what a script is played on. An operation opens the client when it is not open.
type target interface {
	do(op) outcome
	// discard lets go of everything.
	discard()
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// machine is a file system in memory and a client on it, which can be killed at any call of the file system.
type machine struct {
	clock *clock.Manual
	mem   *vfs.Mem
	disk  string              // a real directory, in a process that kills itself; then there is no mem
	wrap  func(vfs.FS) vfs.FS // between the client and the calls that are counted; nil is nothing
	life  *life               // nil while the client is closed
	flush time.Duration       // interval of the next opening

	mu     sync.Mutex
	trap   *trap
	calls  int // that the trap could have gone off at
	total  int // in all lives
	fired  int
	killed *vfs.Mem // what a kill left
}

// life is one opening of the client. After a kill its calls of the file system fail.
type life struct {
	player *player
	shaken bool
	dead   bool
}

func newMachine() *machine { return &machine{clock: clock.NewManual(epoch), mem: vfs.NewMem()} }

var (
	errDead  = errors.New("the process was killed")
	errFault = fmt.Errorf("injected: %w", syscall.EIO)
)

// traps says at which calls each kind goes off, where that is not all, and what the call then fails with.
var traps = map[string]struct {
	calls []vfs.OpKind
	err   error
}{
	"kill":    {err: errDead},
	"power":   {err: errDead},
	"eio":     {err: errFault},
	"nospace": {[]vfs.OpKind{vfs.OpOpen, vfs.OpMkdir, vfs.OpRename, vfs.OpWrite}, syscall.ENOSPC},
	"short":   {[]vfs.OpKind{vfs.OpWrite}, &vfs.ShortWrite{N: 7, Err: syscall.ENOSPC}},
	"sync":    {[]vfs.OpKind{vfs.OpSync, vfs.OpSyncDir}, errFault},
}

// hook is asked before each call of the file system.
func (m *machine) hook(l *life, call vfs.Op) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.dead {
		return errDead
	}
	m.total++
	t := m.trap
	if t == nil || traps[t.Kind].calls != nil && !slices.Contains(traps[t.Kind].calls, call.Kind) {
		return nil
	}
	if m.calls++; m.calls < t.After {
		return nil
	}
	m.spring(l)
	return traps[t.Kind].err
}

// spring lets the trap go off.
func (m *machine) spring(l *life) {
	t := m.trap
	m.fired++
	if !t.Lasting {
		m.trap, m.calls = nil, 0
	}
	switch t.Kind {
	case "kill":
		if m.disk != "" {
			killMyself()
		}
		m.killed = m.mem.KillClone()
	case "power":
		m.killed = m.mem.CrashClone(t.Seed)
	default:
		l.shaken = true
		return
	}
	l.dead = true
	if t.Again > 0 {
		m.trap = &trap{Kind: t.Kind, After: t.Again, Seed: t.Seed + 1}
	}
}

// do implements target.
func (m *machine) do(o op) (out outcome) {
	switch o.Do {
	case "trap":
		return m.set(o.Trap)
	case "close":
		m.flush = o.Flush
		return m.close()
	case "rot":
		return rot(m.mem, o)
	}
	if m.life == nil {
		if out = m.open(); out.Err != "" || out.Died {
			return out
		}
	}
	return m.finish(m.life.player.play(o))
}

// set sets a trap, or takes it away. One without a count goes off now.
func (m *machine) set(t *trap) outcome {
	m.mu.Lock()
	m.trap, m.calls = t, 0
	now := t != nil && t.After == 0
	if now {
		l := m.life
		if l == nil {
			l = &life{}
		}
		m.spring(l)
	}
	m.mu.Unlock()
	if !now {
		return outcome{}
	}
	return m.finish(outcome{})
}

func (m *machine) open() outcome {
	l := &life{}
	var f vfs.FS = m.mem
	if m.disk != "" {
		real, err := vfs.OS(m.disk)
		if err != nil {
			panic(err)
		}
		f = real
	}
	f = vfs.Faulty(f, func(call vfs.Op) error { return m.hook(l, call) })
	if m.wrap != nil {
		f = m.wrap(f)
	}
	m.life = l
	var err error
	l.player, err = openPlayer(f, m.clock, m.flush)
	var out outcome
	out.fail(err)
	if out = m.finish(out); err != nil {
		m.life = nil
	}
	return out
}

func (m *machine) close() (out outcome) {
	if m.life != nil {
		out.fail(m.life.player.close())
		out = m.finish(out)
		m.life = nil
	}
	return out
}

// finish says what the file system did meanwhile. What a kill has left is what the next opening finds.
func (m *machine) finish(out outcome) outcome {
	m.mu.Lock()
	left := m.killed
	m.killed = nil
	out.Shaken = m.life != nil && m.life.shaken
	m.mu.Unlock()
	if left == nil {
		return out
	}
	if m.life != nil && m.life.player.client != nil {
		_ = m.life.player.close() // whatever it does fails
	}
	m.life, m.mem = nil, left
	return outcome{Died: true}
}

func (m *machine) discard() {
	m.set(nil)
	m.close()
}

// rot changes a bit of a file of a kind, somewhere in what was written.
func rot(f vfs.FS, o op) (out outcome) {
	exts := map[string][]string{"log": {".log"}, "index": {".index", ".timeindex", ".txnindex"}, "offset": {".log"}}[o.Rot]
	names, err := filesWith(f, path.Join("topics", fmt.Sprintf("%s-%d", o.Topic, o.Partition)), exts)
	out.fail(err)
	if len(names) == 0 {
		out.Text = "nothing"
		return out
	}
	rng := rand.New(rand.NewPCG(uint64(o.N), 0))
	file, err := f.OpenFile(names[rng.IntN(len(names))], os.O_RDWR)
	if err != nil {
		out.fail(err)
		return out
	}
	defer file.Close()
	size, err := file.Size()
	out.fail(err)
	if size == 0 {
		out.Text = "nothing"
		return out
	}
	at, b := rng.Int64N(size), make([]byte, 1)
	switch {
	case o.Rot == "offset":
		at = 7 // its last byte
	case o.Rot == "index" && o.N%2 == 1:
		at = at/8*8 + 3 // the last byte of an entry's offset
	}
	_, err = file.ReadAt(b, at)
	out.fail(err)
	b[0] ^= 1 << rng.IntN(8)
	_, err = file.WriteAt(b, at)
	out.fail(errors.Join(err, file.Sync()))
	return out
}

func filesWith(f vfs.FS, dir string, exts []string) (names []string, err error) {
	entries, err := f.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if slices.ContainsFunc(exts, func(ext string) bool { return strings.HasSuffix(e.Name(), ext) }) {
			names = append(names, path.Join(dir, e.Name()))
		}
	}
	return names, err
}
