// Package local is the embedded engine: a directory with a lock, a metadata journal and one log for each partition, put
// together with the consumer-group coordinator.
//
//	<dir>/
//	  LOCK                    held while open
//	  VERSION                 format version and the directory's UUID
//	  journal/                topics, committed offsets, producer ids, the epoch
//	  topics/<topic>-<n>/     a partition
//	  trash/                  partitions of deleted topics on their way out
//	  reserve                 room that is given up when the disk is full
//
// Keys in the journal: epoch; topic/<name>; offset/<group>/<topic>/<partition>; producers (the next producer id);
// producer/<name>; transactional (the producer ids of transactions); commit/<producer id>/<epoch> (see decisions).
package local
