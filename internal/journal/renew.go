package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// renew moves the live state to a fresh generation and, behind it, the entry of a commit, unless that is nil. The caller
// holds write. When it returns nil everything is durable. Otherwise the entry may be found by the next Open, or not; for
// want of room the next commit tries again, any other failure ends the commits.
func (j *Journal) renew(entry []byte) error {
	g, err := j.prepare(entry)
	if vfs.IsNoSpace(err) && j.o.ReleaseSpace != nil && j.o.ReleaseSpace() {
		g, err = j.prepare(entry)
	}
	if err == nil {
		if err = j.install(g); err != nil {
			err = fmt.Errorf("%w: %w", ErrUncertain, err)
		}
	}
	if err != nil {
		j.fail(err)
	}
	return err
}

// prepare writes a complete generation that is not the live one yet. After an error it leaves nothing behind, if it can.
func (j *Journal) prepare(entry []byte) (*generation, error) {
	number := j.next
	j.next++
	if err := j.o.FS.Mkdir(path.Join(j.o.Dir, generationName(number))); err != nil {
		return nil, err
	}
	g, err := createGeneration(j.o.FS, j.o.Dir, j.o.ID, number)
	if err != nil {
		j.remove(generationName(number))
		return nil, err
	}
	if err := j.fill(g, entry); err != nil {
		g.abandon()
		j.remove(generationName(number))
		return nil, err
	}
	return g, nil
}

// fill writes everything that a generation needs before it may become the live one.
func (j *Journal) fill(g *generation, entry []byte) error {
	if err := g.snapshot(j.live); err != nil {
		return err
	}
	if entry != nil {
		if err := g.append(kindOps, 0, entry); err != nil {
			return err
		}
	}
	if err := g.settle(); err != nil {
		return err
	}
	return prepareCurrent(j.o.FS, j.o.Dir, g.number)
}

// install makes a complete generation the live one. After an error nobody knows which one is: both must stay, and none
// can be appended to.
func (j *Journal) install(g *generation) error {
	if err := switchCurrent(j.o.FS, j.o.Dir); err != nil {
		g.abandon()
		return err
	}
	j.mu.Lock()
	old := j.current
	j.current = g
	j.durable = j.written
	j.synced.Broadcast()
	j.mu.Unlock()
	j.retire(old)
	j.clean(g.number)
	return nil
}

// rotate replaces a generation that has grown too large. If it cannot be, for now, nothing is lost: it is used further.
func (j *Journal) rotate(g *generation) {
	if g.size < max(j.o.MinGeneration, 2*j.live.size(), g.hold) {
		return
	}
	fresh, err := j.prepare(nil)
	if err != nil {
		g.hold = 2 * g.size
		j.log.Warn("journal: no fresh generation, going on with the old one", "error", err, "bytes", g.size)
		return
	}
	if err := j.install(fresh); err != nil {
		j.fail(err)
	}
}

// spoil keeps everybody from a generation that could not be written to.
func (j *Journal) spoil(g *generation, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	g.err = err
}

// fail abandons the current generation. Commits that wait for an fsync get the error.
func (j *Journal) fail(err error) {
	if !vfs.IsNoSpace(err) && j.refused == nil {
		j.refused = engine.Errorf(engine.ErrIO, "journal refuses commits until it is opened again: %w", err)
	}
	j.mu.Lock()
	old := j.current
	j.current = nil
	j.failed, j.failure = j.written, j.lastError(err)
	j.synced.Broadcast()
	j.mu.Unlock()
	if old != nil {
		j.await(old)
		old.abandon()
	}
	j.log.Error("journal: no generation can be written", "error", err)
}

// ensure makes a fresh generation if there is none that can be appended to. The caller holds write.
func (j *Journal) ensure() error {
	if j.healthy() != nil {
		return nil
	}
	if err := j.renew(nil); err != nil {
		return j.lastError(err)
	}
	return nil
}

func (j *Journal) lastError(err error) error {
	if j.refused != nil {
		return j.refused
	}
	return wrap(err)
}

// retire releases a generation that is no longer the live one.
func (j *Journal) retire(g *generation) {
	if g == nil {
		return
	}
	j.await(g)
	if g.err != nil {
		g.abandon()
		return
	}
	if err := g.discard(); err != nil {
		j.log.Warn("journal: closing an old generation", "error", err)
	}
}

// await waits for the fsync of a generation that is not the current one: its files must not be closed under it.
func (j *Journal) await(g *generation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for g.syncing {
		j.synced.Wait()
	}
}

// clean removes all generations but the live one. What cannot be removed now will be by the next Open or switch.
func (j *Journal) clean(keep uint64) {
	numbers, err := generations(j.o.FS, j.o.Dir)
	if err != nil {
		j.log.Warn("journal: listing old generations", "error", err)
	}
	for _, number := range numbers {
		if number != keep {
			j.remove(generationName(number))
		}
	}
}

func (j *Journal) remove(name string) {
	if err := j.o.FS.RemoveAll(path.Join(j.o.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		j.log.Warn("journal: removing an old generation", "error", err)
	}
}
