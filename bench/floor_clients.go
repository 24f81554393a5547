package main

import (
	"context"
)

// openGrowingFloor is the floor without growing its file ahead: each fsync has a change of length to write.
func openGrowingFloor(dir string, o OpenOptions) (Log, error) {
	log, err := openFloor(dir, o)
	if err == nil {
		log.(*floorLog).growth = 0
	}
	return log, err
}

// runFloorAsync copies records into a buffer and writes that when a batch is full.
func runFloorAsync(r *Run) error {
	opened, err := openFloor(r.Dir, OpenOptions{Level: r.Level, Batch: batchSize, Goroutines: 1})
	if err != nil {
		return err
	}
	log := opened.(*floorLog)
	batch := make([][]byte, batchSize)
	n, at := 0, floorBatchHeader
	flush := func() error {
		err := log.Append(batch[:n])
		n, at = 0, floorBatchHeader
		return err
	}
	send := func(record []byte) error {
		copy(log.encoded[at:], record)
		at += floorRecord + recordBytes
		if n++; n < batchSize {
			return nil
		}
		return flush()
	}
	if err := r.timedAsync(send, flush); err != nil {
		return err
	}
	return log.Close()
}

// floorMessenger writes, wakes a goroutine through a channel, and has that read.
func floorMessenger(r *Run) (messenger, error) {
	opened, err := openFloor(r.Dir, OpenOptions{Level: r.Level, Batch: 1, Goroutines: 1})
	if err != nil {
		return messenger{}, err
	}
	log, wake, part := opened.(*floorLog), make(chan int64, 1), make([]byte, floorSize(1))
	return messenger{
		send: func(record []byte) error {
			at := log.end
			if err := log.Append([][]byte{record}); err != nil {
				return err
			}
			wake <- at
			return nil
		},
		listen: func(ctx context.Context, got func()) error {
			for {
				select {
				case at := <-wake:
					if _, err := log.file.ReadAt(part, at); err != nil {
						return err
					}
					got()
				case <-ctx.Done():
					return nil
				}
			}
		},
		close: log.Close,
	}, nil
}
