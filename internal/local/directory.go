package local

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// Names in the data directory.
const (
	lockName    = "LOCK"
	versionName = "VERSION"
	reserveName = "reserve"
	journalName = "journal"
	topicsName  = "topics"
	trashName   = "trash"
)

// formatVersion is that of the files this version writes. It reads all earlier ones.
const formatVersion = 1

// ioError dresses an error of the file system that has no code yet.
func ioError(err error, doing string) error {
	if err == nil {
		return nil // before anything is declared that is allocated
	}
	var e *engine.Error
	switch {
	case errors.As(err, &e) || errors.Is(err, engine.ErrCorrupt):
		return err
	case vfs.IsNoSpace(err):
		return engine.Errorf(engine.ErrDiskFull, "%s: %w; make room, then try again", doing, err)
	case errors.Is(err, vfs.ErrNotRegular):
		return engine.Errorf(engine.ErrInvalidArgument, "%s: %w; links and special files do not belong in a data directory", doing, err)
	case errors.Is(err, fs.ErrPermission):
		return engine.Errorf(engine.ErrUnauthorized, "%s: %w; the data directory must be readable and writable", doing, err)
	}
	return engine.Errorf(engine.ErrIO, "%s: %w", doing, err)
}

func takeLock(f vfs.FS) (io.Closer, error) {
	lock, err := f.Lock(lockName)
	var held *vfs.LockedError
	if errors.As(err, &held) {
		owner := "another process"
		if held.PID > 0 {
			owner = fmt.Sprintf("process %d", held.PID)
		}
		return nil, engine.Errorf(engine.ErrLocked, "%s has the data directory open: %w; close it there first", owner, err)
	}
	return lock, ioError(err, "locking the data directory")
}

// inspect refuses what is no data directory, or one of a newer format, before anything in it is touched.
func (c *core) inspect() error {
	b, err := readVersionFile(c.fs)
	if errors.Is(err, fs.ErrNotExist) {
		return c.checkNew()
	}
	if err == nil {
		_, err = parseVersion(b)
	}
	return err
}

func readVersionFile(f vfs.FS) ([]byte, error) {
	b, err := vfs.ReadFile(f, versionName, 1024)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case errors.Is(err, vfs.ErrTooLarge):
		return nil, errNoVersion()
	}
	return b, ioError(err, "reading VERSION")
}

// readVersion reads VERSION, or writes it into a directory that is new:
//
//	kafka-embedded 1
//	<UUID, 32 hexadecimal digits>
//	<CRC32C of both lines, 8 hexadecimal digits>
func (c *core) readVersion() (id [16]byte, err error) {
	b, err := readVersionFile(c.fs)
	if errors.Is(err, fs.ErrNotExist) {
		return c.writeVersion()
	}
	if err != nil {
		return id, err
	}
	return parseVersion(b)
}

func errNoVersion() error {
	return &engine.CorruptionError{File: versionName, First: -1, Next: -1, Reason: "not a data directory's VERSION file"}
}

func parseVersion(b []byte) (id [16]byte, err error) {
	lines := strings.Split(string(b), "\n")
	var version int
	if _, err := fmt.Sscanf(lines[0], "kafka-embedded %d", &version); err != nil {
		return id, errNoVersion()
	}
	if version > formatVersion {
		return id, engine.Errorf(engine.ErrInvalidArgument,
			"%w: the data directory has format version %d, this program reads up to %d; use a newer program",
			errors.ErrUnsupported, version, formatVersion)
	}
	if len(lines) < 3 || lines[2] != versionSum(lines[0], lines[1]) || len(lines[1]) != 32 {
		return id, &engine.CorruptionError{File: versionName, First: -1, Next: -1, Reason: "checksum does not match"}
	}
	_, err = hex.Decode(id[:], []byte(lines[1]))
	return id, err
}

func versionSum(first, second string) string {
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(first+"\n"+second+"\n"), crc32.MakeTable(crc32.Castagnoli)))
}

// checkNew refuses to make a data directory out of one with other things in it. What an attempt that was interrupted
// left, and the lost+found of a file system's root, do not count.
func (c *core) checkNew() error {
	entries, err := c.fs.ReadDir(".")
	if err != nil {
		return ioError(err, "reading the data directory")
	}
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == journalName || name == topicsName:
			return &engine.CorruptionError{File: versionName, First: -1, Next: -1, Reason: "the file is missing; run kafkado repair"}
		case name != lockName && name != "lost+found" && !strings.HasPrefix(name, versionName):
			return engine.Errorf(engine.ErrInvalidArgument,
				"the directory is not empty and holds no log (%q is in it); choose another one", name)
		}
	}
	return nil
}

// writeVersion makes a data directory out of an empty one.
func (c *core) writeVersion() (id [16]byte, err error) {
	if err := c.checkNew(); err != nil {
		return id, err
	}
	if _, err := rand.Read(id[:]); err != nil {
		return id, err
	}
	return id, ioError(vfs.WriteFileAtomic(c.fs, versionName, versionText(id)), "writing VERSION")
}

func versionText(id [16]byte) []byte {
	first, second := fmt.Sprintf("kafka-embedded %d", formatVersion), hex.EncodeToString(id[:])
	return []byte(first + "\n" + second + "\n" + versionSum(first, second) + "\n")
}

func (c *core) openJournal() (err error) {
	if err := makeDirs(c.fs, topicsName, trashName); err != nil {
		return err
	}
	if err := c.checkJournal(); err != nil {
		return err
	}
	c.journal, err = journal.Open(journal.Options{
		FS: c.fs, Dir: journalName, ID: c.id, Logger: c.opts.Logger, ReleaseSpace: c.reserve.release,
	})
	if err != nil {
		return ioError(err, "opening the journal")
	}
	c.notes = append(c.notes, c.journal.Notes()...)
	return nil
}

// checkJournal refuses a directory that has topics but has lost its journal: a new one would hide them.
func (c *core) checkJournal() error {
	if _, err := c.fs.Stat(journalName); !errors.Is(err, fs.ErrNotExist) {
		return ioError(err, "looking for the journal")
	}
	entries, err := c.fs.ReadDir(topicsName)
	if err != nil {
		return ioError(err, "reading the topics")
	}
	if len(entries) > 0 {
		return &engine.CorruptionError{
			File: journalName, First: -1, Next: -1, Reason: "the journal is missing although there are topics; run kafkado repair",
		}
	}
	return nil
}

func makeDirs(f vfs.FS, names ...string) error {
	for _, name := range names {
		if err := f.Mkdir(name); err != nil && !errors.Is(err, fs.ErrExist) {
			return ioError(err, "making a directory")
		}
	}
	return ioError(f.SyncDir("."), "making a directory")
}
