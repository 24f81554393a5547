package main

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/raft"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/tidwall/wal"
)

// walker is a log whose records are read one after the other. visit is called with each value; the error is why the walk
// did not reach the end. A log that goes on behind a damaged place returns what it met there, joined.
type walker interface {
	walk(visit func(value []byte)) error
}

// reporter is a log that tells what it found when it was opened.
type reporter interface {
	report() string // empty for nothing
}

// notFound are the errors by which a log says that it never had a record. That is no word about damage.
var notFound = []error{
	fs.ErrNotExist, wal.ErrNotFound, pebble.ErrNotFound, badger.ErrKeyNotFound, raft.ErrLogNotFound,
	jetstream.ErrMsgNotFound, sql.ErrNoRows,
}

// survey opens a damaged log of n records and reads all that it gives. What only a logger would be told is not counted.
func survey(c Contender, dir string, o OpenOptions, n int64) (found Survey) {
	log, err := c.Open(dir, o)
	if err != nil {
		found.Open, found.Refused = "fails: "+err.Error(), n
		return found
	}
	if r, ok := log.(reporter); ok {
		found.Open = r.report()
	}
	if w, ok := log.(walker); ok {
		found.walk(w, n)
	} else {
		found.lookUp(log, n)
	}
	missing := n - found.Right - found.Wrong - found.Refused
	if _, walked := log.(walker); found.Open != "" || walked && found.Read != "" {
		found.Refused += missing
	} else {
		found.Lost = missing
	}
	return found // the process ends with the log open: closing is not what is asked about
}

// walk counts a value as right when it is that of its number, and a number once.
func (s *Survey) walk(w walker, n int64) {
	seen := make([]bool, n)
	err := w.walk(func(value []byte) {
		index := int64(-1)
		if len(value) == recordBytes {
			index = int64(binary.BigEndian.Uint64(value))
		}
		if index < 0 || index >= n || seen[index] || !bytes.Equal(value, numbered(index)) {
			s.Wrong++
			return
		}
		seen[index] = true
		s.Right++
	})
	if err != nil {
		s.Read = err.Error()
	}
}

func (s *Survey) lookUp(log Log, n int64) {
	for index := range n {
		value, err := log.Read(index)
		switch {
		case err == nil && bytes.Equal(value, numbered(index)):
			s.Right++
		case err == nil && len(value) > 0:
			s.Wrong++
		case err != nil && !isNotFound(err):
			s.Refused++
			if s.Read == "" {
				s.Read = fmt.Sprintf("record %d: %v", index, err)
			}
		}
	}
}

func isNotFound(err error) bool {
	for _, target := range notFound {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// plain is a message in one line, without the directory of this run, and not too long for a table.
func plain(message, dir string) string {
	const most = 160
	message = strings.ReplaceAll(message, dir, "")
	message = strings.Join(strings.Fields(message), " ")
	if letters := []rune(message); len(letters) > most {
		message = string(letters[:most-1]) + "…"
	}
	return message
}
