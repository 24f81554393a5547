package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/log"
)

// Repair makes the damaged partitions of a data directory take records again; see [log.Repair] for what is kept and what
// is lost. A VERSION file or journal that is missing or damaged is made anew from the partitions' directories first; what
// only the journal knew, committed offsets and the configuration of topics, is then lost, and the old one is kept aside.
//
// It takes the directory's lock, so it fails with ErrLocked while a program has it open. It returns what Verify finds
// afterwards, with notes of what was done: damage that is still there is beyond repair.
func Repair(f vfs.FS, c clock.Clock, logger *slog.Logger) (Report, error) {
	if _, err := f.Stat(topicsName); errors.Is(err, fs.ErrNotExist) {
		return Report{}, engine.Errorf(engine.ErrInvalidArgument, "there is no log here: %w", err)
	}
	lock, err := takeLock(f)
	if err != nil {
		return Report{}, err
	}
	defer lock.Close()
	r := repair{fs: f, clock: c, logger: logger}
	if err := r.rebuild(); err != nil {
		return Report{}, err
	}
	before, err := Verify(f)
	if err != nil {
		return before, err
	}
	if !before.OK() && len(before.Problems) == 0 {
		if err := r.repairPartitions(before.Partitions); err != nil {
			return Report{}, err
		}
	}
	after, err := Verify(f)
	after.Notes = append(r.notes, after.Notes...)
	return after, err
}

// repair is a Repair under way.
type repair struct {
	fs     vfs.FS
	clock  clock.Clock
	logger *slog.Logger
	id     [16]byte
	notes  []string
}

// repairPartitions repairs those that have problems. One whose directory is not what the journal says is left alone.
func (r *repair) repairPartitions(parts []PartitionReport) error {
	j, err := journal.Open(journal.Options{FS: r.fs, Dir: journalName, ID: r.id, Logger: r.logger})
	if err != nil {
		return ioError(err, "opening the journal")
	}
	epoch, err := (&core{journal: j}).raiseEpoch()
	for _, p := range parts {
		if err == nil && len(p.Problems) > 0 {
			err = r.repairPartition(j, p, epoch)
		}
	}
	return errors.Join(err, j.Close())
}

func (r *repair) repairPartition(j *journal.Journal, p PartitionReport, epoch int32) error {
	b, _ := j.Get(topicKey(p.Topic))
	var s stored
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("%s: %w", path.Join(journalName, topicKey(p.Topic)), err)
	}
	dir := partitionDir(p.Topic, p.Partition)
	if checkMetadata(r.fs, dir, s.ID) != "" {
		return nil
	}
	report, err := log.Repair(r.fs, log.RepairOptions{
		VerifyOptions: log.VerifyOptions{Dir: dir, ID: identity(s.ID, p.Partition), Topic: p.Topic, Partition: int(p.Partition)},
		Epoch:         epoch, Clock: r.clock,
	})
	r.notes = append(r.notes, report.Notes...)
	return err
}
