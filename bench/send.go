package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// linger is how long an asynchronous send may wait for others to share a batch with.
const linger = 5 * time.Millisecond

// sendScenarios are about sends that nobody waits for, and about the way from the sender to the receiver.
func sendScenarios() []Scenario {
	latency := func(percent int, goal string) Scenario {
		by := func(pair func(*Run) (messenger, error)) func(*Run) error {
			return func(r *Run) error { return runLatency(r, percent, pair) }
		}
		return Scenario{
			Name: fmt.Sprintf("latency-p%d", percent), Level: System, Unit: NsPerOperation, Goal: goal,
			Title: fmt.Sprintf("send to receive, another goroutine, to the operating system, p%d", percent),
			By: map[string]func(*Run) error{
				clientName: by(clientMessenger), floorName: by(floorMessenger),
				kfakeCluster.Name: by(kfakeMessenger), natsStream.Name: by(natsMessenger),
			},
		}
	}
	return []Scenario{
		{
			Name: "async-os", Title: "async send with linger, to the operating system", Unit: NsPerRecord, Level: System,
			Goal: "<= 150 ns",
			By: map[string]func(*Run) error{
				clientName: runClientAsync, floorName: runFloorAsync,
				kfakeCluster.Name: runKfakeAsync, natsStream.Name: runNATSAsync,
			},
		},
		latency(50, "<= 5 us"),
		latency(99, "<= 50 us"),
	}
}

// timedAsync measures sends of one record by one goroutine. A record counts when flush, at the end, has found it sent.
func (r *Run) timedAsync(send func(record []byte) error, flush func() error) error {
	records := makeRecords()
	limit := int64(r.Sizes.LimitMiB) << 20 / recordBytes
	once := func(budget time.Duration) (int64, error) {
		n, err := repeat(1, budget, limit, func(int) func() error {
			at := 0
			return func() error {
				at = (at + 1) % len(records)
				return send(records[at])
			}
		})
		if err != nil {
			return n, err
		}
		return n, flush()
	}
	if _, err := once(r.Sizes.Budget / 10); err != nil {
		return err
	}
	r.meter.Start()
	n, err := once(r.Sizes.Budget)
	r.meter.Stop(n)
	r.value = r.meter.NsPerRecord()
	return err
}

// messenger is a log with a sender and a receiver.
type messenger struct {
	send func(record []byte) error
	// listen calls got for each record that comes, in the receiver's goroutine, until ctx ends or close is called.
	listen func(ctx context.Context, got func()) error
	close  func() error
}

// runLatency measures from before a send until a receiver in another goroutine has the record. The next one is sent
// after that.
func runLatency(r *Run, percent int, pair func(*Run) (messenger, error)) error {
	m, err := pair(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	received, ended := make(chan time.Time, 1), make(chan error, 1)
	go func() {
		ended <- m.listen(ctx, func() { received <- clock.Real.Now() })
	}()
	record := makeRecords()[0]
	trip := func() (time.Duration, error) {
		began := clock.Real.Now()
		if err := m.send(record); err != nil {
			return 0, err
		}
		select {
		case at := <-received:
			return at.Sub(began), nil
		case err := <-ended:
			return 0, fmt.Errorf("the receiver ended: %w", err)
		}
	}
	if _, err := trip(); err != nil { // until the receiver is ready
		return err
	}
	var over atomic.Bool
	timer := clock.Real.AfterFunc(r.Sizes.Budget, func() { over.Store(true) })
	defer timer.Stop()
	trips := make([]time.Duration, 0, 1<<20)
	r.meter.Start()
	for len(trips) == 0 || !over.Load() {
		took, err := trip()
		if err != nil {
			return err
		}
		trips = append(trips, took)
	}
	r.meter.Stop(int64(len(trips)))
	slices.Sort(trips)
	r.value = float64(trips[len(trips)*percent/100].Nanoseconds())
	cancel()
	return m.close()
}
