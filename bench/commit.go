package main

// commitScenarios are about the progress of consumers, and transactions.
func commitScenarios() []Scenario {
	txn := func(goroutines int, goal string) Scenario {
		// What other stores have instead: three entries in one transaction of their own.
		entries := func(r *Run) error { return runEntries(r, goroutines) }
		title := "transaction: 2 partitions and an offset, fsynced"
		name := "txn-fsync"
		if goroutines > 1 {
			name, title = "txn-fsync-64", title+", 64 goroutines"
		}
		return Scenario{
			Name: name, Title: title + " (peers: one transaction of three entries)",
			Unit: NsPerOperation, Level: Fsync, Goal: goal,
			By: map[string]func(*Run) error{
				clientName:    func(r *Run) error { return runClientTransactions(r, goroutines, 2) },
				floorName:     func(r *Run) error { return runFloorGrowing(r, goroutines) },
				pebbleDB.Name: entries, bboltDB.Name: entries, sqliteDB.Name: entries, badgerDB.Name: entries,
			},
		}
	}
	return []Scenario{
		{
			Name: "commit-os", Title: "commit an offset, to the operating system", Unit: NsPerOperation, Level: System,
			Goal: "<= 2 us",
			By: map[string]func(*Run) error{
				clientName: runClientCommits, floorName: func(r *Run) error { return runFloorGrowing(r, 1) },
				kfakeCluster.Name: runKfakeCommits, natsStream.Name: runNATSAcks,
			},
		},
		{
			Name: "commit-fsync-64", Title: "commit an offset in a transaction, fsynced, 64 goroutines", Unit: NsPerOperation,
			Level: Fsync, Goal: "shares fsyncs",
			By: map[string]func(*Run) error{
				clientName: func(r *Run) error { return runClientTransactions(r, 64, 0) },
				floorName:  func(r *Run) error { return runFloorGrowing(r, 64) },
			},
		},
		txn(1, "<= 2.5 x floor"),
		txn(64, "<= 50 us (20,000/s)"),
	}
}

// runEntries appends three records in one unit, again and again.
func runEntries(r *Run, goroutines int) error {
	const entries = 3
	log, err := r.open(entries, goroutines)
	if err != nil {
		return err
	}
	records := makeRecords()
	err = r.timed(goroutines, func(i int) func() error {
		return func() error { return log.Append(records[i : i+entries]) }
	})
	if err != nil {
		return err
	}
	return log.Close()
}

// runFloorGrowing appends a record to a file that grows with each of them.
func runFloorGrowing(r *Run, goroutines int) error {
	log, err := openGrowingFloor(r.Dir, OpenOptions{Level: r.Level, Batch: 1, Goroutines: goroutines})
	if err != nil {
		return err
	}
	record := makeRecords()[:1]
	if err := r.timed(goroutines, func(int) func() error { return func() error { return log.Append(record) } }); err != nil {
		return err
	}
	return log.Close()
}
