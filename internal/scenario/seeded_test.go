//go:build seededbugs

package scenario

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// mostScripts bounds how many scripts a bug may live through.
const mostScripts = 200

// lie is a file system that leaves out the calls of some kinds on files with some names, and says that they went well: as
// if the library had forgotten to make them.
type lie struct {
	vfs.FS
	calls vfs.OpKind
	names *regexp.Regexp
}

type lyingFile struct {
	vfs.File
}

func (lyingFile) Sync() error { return nil }

func (l lie) OpenFile(name string, flag int) (vfs.File, error) {
	f, err := l.FS.OpenFile(name, flag)
	if err == nil && l.calls == vfs.OpSync && l.names.MatchString(name) {
		f = lyingFile{f}
	}
	return f, err
}

func (l lie) SyncDir(name string) error {
	if l.calls == vfs.OpSyncDir && l.names.MatchString(name) {
		return nil
	}
	return l.FS.SyncDir(name)
}

// lies are the calls that could be forgotten.
var lies = map[string]lie{
	"fsync of a log":                {calls: vfs.OpSync, names: regexp.MustCompile(`\.log$`)},
	"fsync of a manifest":           {calls: vfs.OpSync, names: regexp.MustCompile(`/manifest$`)},
	"fsync of the journal":          {calls: vfs.OpSync, names: regexp.MustCompile(`^journal/.*/[0-9]+$`)},
	"fsync of a partition's folder": {calls: vfs.OpSyncDir, names: regexp.MustCompile(`^topics/`)},
	"fsync of the topics' folder":   {calls: vfs.OpSyncDir, names: regexp.MustCompile(`^topics$`)},
	"fsync of the journal's folder": {calls: vfs.OpSyncDir, names: regexp.MustCompile(`^journal`)},
}

// TestSeededBugs plants one bug after the other. Each must be caught.
func TestSeededBugs(t *testing.T) {
	first := *seed
	if first == 0 {
		first = 1
	}
	t.Run("none", func(t *testing.T) {
		for name, s := range scripts(t) {
			_, err := play(newMachine(), s)
			require.NoError(t, err, name)
		}
	})
	for _, bug := range seeded.All() {
		t.Run(bug.String(), func(t *testing.T) {
			seeded.Plant(bug)
			defer seeded.Plant(0)
			hunt(t, first, newMachine)
		})
	}
	for name, l := range lies {
		t.Run("no "+name, func(t *testing.T) {
			hunt(t, first, func() *machine {
				m := newMachine()
				m.wrap = func(f vfs.FS) vfs.FS { return lie{f, l.calls, l.names} }
				return m
			})
		})
	}
}

// hunt plays the scripts of testdata, and then random ones, until the oracle finds something.
func hunt(t *testing.T, first uint64, on func() *machine) {
	for name, s := range scripts(t) {
		if err := playBuggy(on(), s); err != nil {
			caught(t, name, err)
			return
		}
	}
	for n := range uint64(mostScripts) {
		if err := playBuggy(on(), drawScript(first+n, true)); err != nil {
			caught(t, fmt.Sprintf("random script %d", n+1), err)
			return
		}
	}
	t.Fatalf("nothing was found in %d scripts", mostScripts)
}

// playBuggy plays a script. A bug may well make the library panic.
func playBuggy(m *machine, s script) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("playing: panic: %v", p)
		}
	}()
	_, err = play(m, s)
	return err
}

func caught(t *testing.T, by string, err error) {
	text := err.Error()
	if at := strings.Index(text, ": "); at >= 0 {
		text = text[at+2:]
	}
	t.Logf("| %s | %s | %.110s |", strings.TrimPrefix(t.Name(), "TestSeededBugs/"), by, text)
}
