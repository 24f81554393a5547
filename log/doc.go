// Package log is one partition: a run of segments with one writer and any number of readers.
//
// # The route of a batch
//
// [Log.Append] holds the partition's one mutex while it checks the producer's sequence, patches the base offset and
// epoch into the batch (both stand before the bytes that the batch's checksum covers), makes one positional write and
// publishes the new end. [Log.Sync] makes everything appended so far durable; callers that come while an fsync is under
// way share the next one, and no lock is held during it.
//
// # Three ends
//
//	start ──── durable end ──── last stable offset ──── end
//
// The end is what was written to the operating system. The durable end is what an fsync covers; it survives power loss.
// The last stable offset is the first offset of the oldest open transaction, or the end.
//
// # Order of durability
//
// Bytes of a batch, then (by one fsync, shared) the durable end, then the checkpoint that remembers it. A segment that is
// full is fsynced, then recorded in the manifest with its length and checksum. What is derived (indexes, producer
// snapshots) needs no order: it is compared with what was recorded, or rebuilt.
//
// # Files that take the place of others
//
// Compaction (compact.go) and repair (repair.go) never write into a segment. They write new ones under names of their own,
// make them durable, and record in the manifest that they take the place of others; swap.go tells the order and what a
// crash leaves. Verify (verify.go) only reads.
package log
