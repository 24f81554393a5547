package journal

import "runtime"

// Sync makes everything durable that is visible. After a failure for want of room it tries again.
func (j *Journal) Sync() error {
	seq, err := j.prepareSync()
	if err != nil {
		return err
	}
	return j.waitSynced(seq)
}

// prepareSync sees to it that there is a generation to fsync.
func (j *Journal) prepareSync() (uint64, error) {
	j.write.Lock()
	defer j.write.Unlock()
	if err := j.usable(); err != nil {
		return 0, err
	}
	return j.lastWritten(), j.ensure()
}

// waitSynced waits until a commit is durable. One of those who wait runs the fsync, which covers all that was written
// when it began; the others, and those who come meanwhile, wait for it and then, perhaps, for the next one.
func (j *Journal) waitSynced(seq uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	yielded := false
	for j.durable < seq {
		g := j.current
		switch {
		case seq <= j.failed:
			return j.failure
		case g == nil || g.err != nil:
			j.replace()
		case g.syncing:
			j.synced.Wait()
		case !yielded:
			yielded = true // let those who are about to commit come along
			j.mu.Unlock()
			runtime.Gosched()
			j.mu.Lock()
		default:
			j.fsync(g)
		}
	}
	return nil
}

// fsync runs one fsync. It gives mu up meanwhile.
func (j *Journal) fsync(g *generation) {
	seq, index := j.written, g.published
	g.syncing = true
	j.mu.Unlock()
	err := g.out.sync()
	if err == nil {
		if merr := g.mark.write(index); merr != nil {
			j.log.Warn("journal: writing the watermark", "error", merr)
		}
	}
	j.mu.Lock()
	g.syncing = false
	if err == nil {
		g.synced = max(g.synced, index)
		j.durable = max(j.durable, seq)
	} else {
		g.err = err
	}
	j.synced.Broadcast()
}

// replace moves the live state to a fresh generation after a failed fsync, unless that happened meanwhile. It gives mu up.
func (j *Journal) replace() {
	j.mu.Unlock()
	defer j.mu.Lock()
	j.write.Lock()
	defer j.write.Unlock()
	if j.usable() == nil {
		_ = j.ensure() // who waits finds the failure
	}
}

// Close fsyncs what is visible, and releases the files. Commits that follow are refused with [engine.ErrClosed]; Get and
// Scan go on. It is idempotent: later calls return what the first one did.
func (j *Journal) Close() error {
	j.write.Lock()
	defer j.write.Unlock()
	if j.closed {
		return j.closing
	}
	j.writePending()
	j.closing = j.shut()
	j.closed = true
	return j.closing
}

func (j *Journal) shut() error {
	if j.refused != nil {
		return j.refused
	}
	if err := j.settleAll(); err != nil {
		return err
	}
	j.mu.Lock()
	g := j.current
	j.current = nil
	j.mu.Unlock()
	j.await(g)
	j.enc.reset()
	err := g.append(kindClosed, g.synced, j.enc.entry())
	if err == nil {
		err = g.close()
	} else {
		g.abandon()
	}
	if err != nil { // all else is durable: the next Open just takes the long way
		j.log.Warn("journal: closing entry", "error", err)
	}
	return nil
}

// settleAll makes everything durable while write is held.
func (j *Journal) settleAll() error {
	seq := j.lastWritten()
	if g := j.healthy(); g != nil {
		j.mu.Lock()
		for g.syncing {
			j.synced.Wait()
		}
		if g.err == nil && j.durable < seq {
			j.fsync(g)
		}
		j.mu.Unlock()
	}
	return j.ensure()
}
