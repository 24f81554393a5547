package segment

import (
	"errors"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
)

// recognition is what was found out of a file about which only an Info was known.
type recognition struct {
	done    atomic.Bool // it may be read
	mu      sync.Mutex
	foreign *engine.CorruptionError
}

// Recognise tells whether the file is the one of which Info was recorded, once after Open. Batches say nothing of where
// they belong, and their checksums leave the offset out:
//
//   - A file of another partition may well fit. So the first batch is compared with the one that was recorded.
//   - Where compaction left gaps, a damaged offset may well fit, too. So a compacted file is read as a whole. When its
//     checksum differs although each batch is sound, nobody can say which offset is wrong.
//
// Both are a *engine.CorruptionError, every time, for all offsets of the segment. A batch that is not sound is left for Read
// to find. Other errors are those of the file system.
func (s *Segment) Recognise() error {
	if s.recognition.done.Load() {
		return nil
	}
	s.recognition.mu.Lock()
	defer s.recognition.mu.Unlock()
	if s.recognition.foreign != nil {
		return s.recognition.foreign
	}
	recognise := s.recogniseFirst
	if s.info.Compacted {
		recognise = s.recogniseWhole
	}
	reason, err := recognise()
	if err == nil && reason != "" {
		s.recognition.foreign = &engine.CorruptionError{File: s.Path(), First: s.base, Next: s.Next(), Reason: reason}
		return s.recognition.foreign
	}
	s.recognition.done.Store(err == nil)
	return err
}

// recogniseFirst says what is wrong with the first batch, unless it is not sound at all.
func (s *Segment) recogniseFirst() (reason string, err error) {
	var head [record.HeaderSize]byte
	n, err := s.file.ReadAt(head[:], 0)
	if n < len(head) && err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if n == len(head) && record.Batch(head[:]).CRC() == s.info.First {
		return "", nil
	}
	sound, _, err := s.sound(1)
	if err != nil || !sound {
		return "", err
	}
	return "it is another file: the first batch is not the one that was recorded", nil
}

// recogniseWhole says what is wrong with the file, unless it is cut or holds a batch that is not sound.
func (s *Segment) recogniseWhole() (reason string, err error) {
	whole, err := s.Whole()
	if err != nil || whole {
		return "", err
	}
	sound, crc, err := s.sound(s.info.Size)
	if err != nil {
		return "", err
	}
	if !sound {
		return s.recogniseFirst()
	}
	return mismatch(crc, s.info.CRC), nil
}

// Whole reports whether the file begins with exactly the bytes that were recorded.
func (s *Segment) Whole() (bool, error) {
	size, err := s.file.Size()
	if err != nil || size < s.info.Size {
		return false, err
	}
	crc := uint32(0)
	err = s.chunks(0, s.info.Size, func(b []byte) error {
		crc = crc32.Update(crc, castagnoli, b)
		return nil
	})
	return err == nil && crc == s.info.CRC, err
}

// sound reports whether each batch that begins below a position is sound by itself, and the checksum over them.
func (s *Segment) sound(below int64) (ok bool, crc uint32, err error) {
	size, err := s.file.Size()
	if err != nil {
		return false, 0, err
	}
	sc := NewScanner(s.file, 0, size, Chain{})
	for sc.Position() < below {
		sc.Chain = Chain{Next: -1, Epoch: -1}
		b, err := sc.Scan()
		if bad := new(Invalid); errors.Is(err, io.EOF) || errors.As(err, &bad) {
			return false, 0, nil
		}
		if err != nil {
			return false, 0, err
		}
		crc = crc32.Update(crc, castagnoli, b)
	}
	return true, crc, nil
}
