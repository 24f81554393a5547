// Package carry moves records from one engine to another, each exactly once.
//
// How far it has come is kept in the target, in a topic of its own, the ledger. A transaction of the target holds both the
// records and the new positions, so there is no moment at which one is there without the other:
//
//	begin
//	  orders-0   | records with key, value, headers, timestamp as in the source
//	  orders-1   | records
//	  ledger     | key <id of the source's topic>/0  value {"topic":"orders","partition":0,"next":1042,...}
//	  ledger     | key <id of the source's topic>/1  value {"topic":"orders","partition":1,"next":998,...}
//	commit
//
// The ledger is compacted and the last record of a key counts. Committed offsets of a group in the target would be simpler,
// but they say which offsets of the target were read: an engine may refuse one beyond the end of the target's partition,
// and a cluster forgets them when a group was silent for a week.
//
// A carrier that opens takes the transactional id of its ledger over, which ends what an earlier one has open, and writes
// a claim into the ledger in a first transaction. Then it reads the ledger, in which it must find that claim: whatever a
// carrier before it had sent is decided below it.
//
// Records of the source that a power loss there could still take back are made durable before they are sent: otherwise
// other records could come to have their offsets, and would never be carried.
//
// A target that has no transactions gets records first and positions after them. Then what was sent since the last
// position comes again after a crash; [Carrier.ExactlyOnce] says which it is.
package carry
