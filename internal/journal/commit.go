package journal

// unit is a commit that waits for its turn.
type unit struct {
	changes []Change

	// Written by the holder of Journal.write, read by the committer once it had that lock.
	done bool
	seq  uint64 // the commit that it became part of
	err  error
}

// Commit puts and deletes keys, all or none of them, also across a crash. It returns when the unit is written to the
// operating system (it survives a killed process) or, if sync is set, fsynced (it survives a power loss). Units of
// concurrent callers share entries and fsyncs. The changes are visible to Get and Scan once they are written, in the order
// of the queue; the values are copied. Without changes nothing is written, and sync makes durable what is visible.
//
// An error for want of room matches [engine.ErrDiskFull] and ENOSPC, and the next commit may succeed. Any other failure of
// the disk ends the commits until the journal is opened again. If the write failed the unit is not visible, if the fsync
// failed it is; in both cases the next Open may or may not find it. A key or unit that is too long is
// [engine.ErrInvalidArgument], and changes nothing.
func (j *Journal) Commit(sync bool, cs ...Change) error {
	if err := checkChanges(cs); err != nil {
		return err
	}
	if len(cs) == 0 {
		return j.CommitFunc(sync, func() ([]Change, error) { return nil, nil })
	}
	u := &unit{changes: cs}
	j.queue.Lock()
	j.pending = append(j.pending, u)
	j.queue.Unlock()

	j.write.Lock()
	if !u.done { // or the last holder of the lock took it along
		j.writePending()
	}
	j.write.Unlock()
	return j.finish(u.seq, u.err, sync)
}

// CommitFunc is a [Journal.Commit] that is decided when its turn in the queue comes: build sees, through Get and Scan, all
// units before it, and none comes between it and the unit it returns. If it returns an error nothing is written, and
// CommitFunc returns that error. All commits wait while it runs, so it should be short; it must not commit.
func (j *Journal) CommitFunc(sync bool, build func() ([]Change, error)) error {
	seq, err := j.commitFunc(sync, build)
	return j.finish(seq, err, sync)
}

func (j *Journal) commitFunc(sync bool, build func() ([]Change, error)) (seq uint64, err error) {
	j.write.Lock()
	defer j.write.Unlock() // also if build panics
	j.writePending()
	if err := j.usable(); err != nil {
		return 0, err
	}
	cs, err := build()
	if err == nil {
		err = checkChanges(cs)
	}
	if err != nil {
		return 0, err
	}
	if len(cs) == 0 && sync {
		err = j.ensure()
	}
	if len(cs) == 0 {
		return j.lastWritten(), err
	}
	u := &unit{changes: cs}
	j.writeUnits([]*unit{u})
	return u.seq, u.err
}

func (j *Journal) finish(seq uint64, err error, sync bool) error {
	if err != nil || !sync {
		return err
	}
	return j.waitSynced(seq)
}

// writePending writes all units that are in the queue. The caller holds write.
func (j *Journal) writePending() {
	j.queue.Lock()
	units := j.pending
	j.pending, j.spare = j.spare[:0], nil
	j.queue.Unlock()

	for rest := units; len(rest) > 0; {
		n := j.writeUnits(rest)
		rest = rest[n:]
	}
	clear(units)
	j.spare = units
}

// writeUnits writes as many units as fit one entry, at least one, and returns their number.
func (j *Journal) writeUnits(units []*unit) int {
	j.enc.reset()
	j.changes = j.changes[:0]
	n := 0
	for n < len(units) && !j.enc.full() {
		j.enc.add(units[n].changes...)
		j.changes = copied(j.changes, units[n].changes)
		n++
	}
	err := j.writeEntry()
	clear(j.changes)
	for _, u := range units[:n] {
		u.done, u.seq, u.err = true, j.lastWritten(), err
	}
	return n
}

// writeEntry appends what was encoded, to a fresh generation if need be, and makes it visible.
func (j *Journal) writeEntry() error {
	if err := j.usable(); err != nil {
		return err
	}
	g := j.healthy()
	if g != nil {
		if err := g.append(kindOps, j.covered(g), j.enc.entry()); err != nil {
			j.log.Warn("journal: write failed, trying a fresh generation", "error", err)
			j.spoil(g, err)
			g = nil
		}
	}
	if g == nil {
		if err := j.renew(j.enc.entry()); err != nil {
			return j.lastError(err)
		}
	}
	j.publish(g)
	if g != nil {
		j.rotate(g)
	}
	return nil
}

// publish makes the changes visible, and counts the commit. Without a generation to fsync it is durable already.
func (j *Journal) publish(g *generation) {
	j.live.mu.Lock()
	j.live.apply(j.changes)
	j.live.mu.Unlock()

	j.mu.Lock()
	defer j.mu.Unlock()
	j.written++
	if g != nil {
		g.published = g.index
	} else {
		j.durable = j.written
	}
}

// lastWritten is the number of the last commit.
func (j *Journal) lastWritten() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.written
}

// covered is the index that the fsyncs of a generation have reached.
func (j *Journal) covered(g *generation) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return g.synced
}
