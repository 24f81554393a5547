// Package segment is one file of a partition's log and the indexes beside it.
//
// A segment is a run of record batches, byte for byte as Apache Kafka writes them, named by its first offset:
//
//	00000000000000004217.log        batches
//	00000000000000004217.index      see package index; made when the first entry is due
//	00000000000000004217.timeindex
//	00000000000000004217.txnindex
//
// One goroutine appends, any number read. That needs no lock, because
//
//  1. bytes below the visible size are never written again while the segment is open,
//  2. the visible size is stored only after the bytes below it were written,
//  3. a reader loads the visible size before it reads and never reads beyond it, and
//  4. an index entry is only a hint: what it leads to is checked against the batch that stands there.
//
// The simpler design, a read-write lock around the file, would make every reader wait for every write.
package segment
