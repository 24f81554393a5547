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
// is lost. It takes the directory's lock, so it fails with ErrLocked while a program has it open. It returns what Verify
// finds afterwards, with notes of what was done: damage that is still there is beyond repair. VERSION and the journal are
// never repaired; while one of them is damaged nothing is touched.
func Repair(f vfs.FS, c clock.Clock, logger *slog.Logger) (Report, error) {
	b, err := vfs.ReadFile(f, versionName, 1024)
	if errors.Is(err, fs.ErrNotExist) {
		return Report{}, engine.Errorf(engine.ErrInvalidArgument, "there is no log here: %w", err)
	}
	if err != nil {
		return Report{}, ioError(err, "reading VERSION")
	}
	id, err := parseVersion(b)
	if err != nil {
		return Report{}, err
	}
	lock, err := takeLock(f)
	if err != nil {
		return Report{}, err
	}
	defer lock.Close()
	before, err := Verify(f)
	if err != nil || before.OK() || len(before.Problems) > 0 {
		return before, err
	}
	j, err := journal.Open(journal.Options{FS: f, Dir: journalName, ID: id, Logger: logger})
	if err != nil {
		return Report{}, ioError(err, "opening the journal")
	}
	notes, err := repairPartitions(f, c, j, before.Partitions)
	if err := errors.Join(err, j.Close()); err != nil {
		return Report{}, err
	}
	after, err := Verify(f)
	after.Notes = append(notes, after.Notes...)
	return after, err
}

// repairPartitions repairs those that have problems. One whose directory is not what the journal says is left alone.
func repairPartitions(f vfs.FS, c clock.Clock, j *journal.Journal, parts []PartitionReport) (notes []string, err error) {
	epoch, err := (&core{journal: j}).raiseEpoch()
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if len(p.Problems) == 0 {
			continue
		}
		b, _ := j.Get(topicKey(p.Topic))
		var s stored
		if err := json.Unmarshal(b, &s); err != nil {
			return notes, fmt.Errorf("%s: %w", path.Join(journalName, topicKey(p.Topic)), err)
		}
		dir := partitionDir(p.Topic, p.Partition)
		if checkMetadata(f, dir, s.ID) != "" {
			continue
		}
		r, err := log.Repair(f, log.RepairOptions{
			VerifyOptions: log.VerifyOptions{Dir: dir, ID: identity(s.ID, p.Partition), Topic: p.Topic, Partition: int(p.Partition)},
			Epoch:         epoch, Clock: c,
		})
		if err != nil {
			return notes, err
		}
		notes = append(notes, r.Notes...)
	}
	return notes, nil
}
