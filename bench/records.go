package main

import "math/rand/v2"

const (
	recordBytes = 100  // value of one record
	batchSize   = 1000 // records in a batch, where a scenario speaks of batches
	smallBatch  = 32   // records in a batch that fills most of a page of 4 KiB
)

// makeRecords returns batchSize different records that do not compress, the same ones in every process.
func makeRecords() [][]byte {
	random := rand.NewChaCha8([32]byte{1})
	records := make([][]byte, batchSize)
	for i := range records {
		records[i] = make([]byte, recordBytes)
		_, _ = random.Read(records[i]) // documented never to fail
	}
	return records
}
