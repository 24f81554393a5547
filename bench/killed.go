package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// runOpenKilled has a process write the log that open is timed on, and kills it while it goes on appending. Where the
// records had reached the operating system all of those must be there afterwards.
func runOpenKilled(r *Run) error {
	if err := r.killWriter(); err != nil {
		return err
	}
	r.meter.Start()
	log, err := r.open(batchSize, 1)
	r.meter.Stop(1)
	if err != nil {
		return err
	}
	r.value = r.meter.NsPerRecord() / 1e6
	records, _, err := log.ReadAll()
	if err != nil {
		return err
	}
	if want := r.killedRecords(); records < want && r.Contender.Reached[r.Level] == System {
		return fmt.Errorf("%d records of %d survived", records, want)
	}
	return log.Close()
}

// killedRecords is how many records there are before the writer is killed.
func (r *Run) killedRecords() int64 {
	return int64(r.Sizes.OpenMiB) << 20 / recordBytes / batchSize * batchSize
}

func (r *Run) killWriter() error {
	task := Task{Scenario: r.Scenario, Contender: r.Contender.Name, Dir: r.Dir, Sizes: r.Sizes, Endless: true}
	_, err := killWhenReady(task, childLimit, 0)
	return err
}

// killWhenReady has a child process do the task, and kills it when it has printed readyByte and so many bytes more,
// which it returns.
func killWhenReady(task any, limit time.Duration, more int) ([]byte, error) {
	writer, cancel, err := childFor(context.Background(), task, limit)
	if err != nil {
		return nil, err
	}
	defer cancel()
	stdout, err := writer.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := writer.Start(); err != nil {
		return nil, err
	}
	said := make([]byte, 1+more)
	_, err = io.ReadFull(stdout, said)
	err = errors.Join(err, writer.Process.Kill())
	_ = writer.Wait() // it was killed
	if err == nil && said[0] != readyByte {
		err = errors.New("the writer failed before it was killed")
	}
	return said[1:], err
}

// readyByte is what the writer says when the log is as long as it has to be.
const readyByte = '!'

// appendUntilKilled appends, says when there is enough, and goes on appending. It gives up at twice that.
func (r *Run) appendUntilKilled(ready io.Writer) error {
	log, err := r.open(batchSize, 1)
	if err != nil {
		return err
	}
	records, enough := makeRecords(), r.killedRecords()
	for n := int64(0); n < 2*enough; n += batchSize {
		if n == enough {
			if _, err := ready.Write([]byte{readyByte}); err != nil {
				return err
			}
		}
		if err := log.Append(records); err != nil {
			return err
		}
	}
	return errors.New("nobody killed the writer")
}
