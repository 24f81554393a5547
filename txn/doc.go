// Package txn makes records in many partitions, and consumed offsets, appear together or not at all.
//
// The bytes in the logs are Kafka's: transactional batches of a producer id and epoch, and a marker in each partition
// that ends them. What differs is where the decision is: one unit of the metadata journal takes the place of Kafka's
// transaction log, and carries the offsets too.
//
// # The order of a commit
//
//  1. The batches are appended while the transaction is open; readers of committed records wait before the first of them.
//  2. The partitions are fsynced, side by side.
//  3. One unit of the journal is written and fsynced: the transaction's id, its partitions, the offsets. This is the
//     commit. A crash before it aborts, a crash after it commits.
//  4. The offsets and then the markers are published. The markers need no fsync: [Coordinator.Recover] writes those that
//     are missing.
//  5. Once all markers are durable by other fsyncs, the decision is forgotten, in a unit of a later transaction or on
//     Close.
//
// An abort writes markers and no decision: without one, whatever is open in a log when it is opened is aborted.
//
// # Epochs
//
// Producer ids are taken from a pool and given back, so that as many are used as transactions are open at once. Each
// transaction has an epoch of its own (as KIP-890): its markers carry the next one, which makes the logs refuse anything
// late. An id and epoch is never used by two transactions as long as a log or the journal knows of the first: that is
// how recovery tells whose records they are. A used-up id leaves the pool.
//
// An id whose markers could not be written everywhere does not go back: the next transaction would join the open one.
// [Coordinator.Settle] tries again.
//
// # Names
//
// A transactional id fences within the process, since no other has the directory open: who opens it anew aborts what the
// one before has open. Nothing about names is stored.
//
// # Locks
//
// A transaction's mu is held during its appends, its commit and its abort; the coordinator's mu, taken after it, for a
// moment.
package txn
