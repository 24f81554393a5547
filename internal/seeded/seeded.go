// Package seeded plants bugs on purpose, to see that the tests find them. In a build without the tag seededbugs [On] is a
// constant false: the compiler leaves out what depends on it, and nothing is paid.
//
// What a bug amounts to is written where it would be made. Only bugs that are the absence of a call of the file system are
// not here: the scenarios leave out such calls themselves.
package seeded

// Bug is a mistake that somebody could make.
type Bug uint8

// The bugs.
const (
	RetriedFsync     Bug = iota + 1 // a failed fsync is tried again, and believed
	UncheckedSum                    // the checksum of a batch is not compared
	UncheckedOffset                 // the base offset of a batch is not compared with the one expected
	EarlyWatermark                  // the checkpoint is written before the fsync that it tells of
	TornTail                        // recovery keeps batches whatever their checksums
	TrustedPages                    // recovery does not write again what may be in the page cache only
	TrustedManifest                 // and acts on a manifest that may be
	TrustedIndex                    // an index is not compared with what was recorded, nor with what it leads to
	EarlyTombstones                 // compaction removes tombstones when it meets them
	EarlyCommit                     // a transaction is committed before its messages are durable
	LostMarker                      // a committed transaction gets no marker
	AbortedShown                    // messages of aborted transactions are shown
	OffsetBack                      // a commit moves a group back
	OffsetAhead                     // a committed offset stays behind the end of a log that a power loss made shorter
	UnsyncedDeletion                // a topic's deletion is acknowledged before it is durable
	RepeatedNumber                  // a message whose number was sent before is appended again
	UnheededFsync                   // an asynchronous send says that all is well although the fsync failed
	UnheededSend                    // a transaction is committed without a message that could not be sent
	ForgottenFlush                  // the flush interval passes without an fsync
	LastAppend                      // retention counts from the last append, also when the clock was set back before it
	UncommittedWork                 // a member gives partitions up without committing what it has finished
	UnfinishedWork                  // a member that leaves commits also what it has not finished
	bugs
)

var names = [...]string{
	RetriedFsync: "RetriedFsync", UncheckedSum: "UncheckedSum", UncheckedOffset: "UncheckedOffset",
	EarlyWatermark: "EarlyWatermark", TornTail: "TornTail", TrustedPages: "TrustedPages", TrustedManifest: "TrustedManifest",
	TrustedIndex: "TrustedIndex", EarlyTombstones: "EarlyTombstones", EarlyCommit: "EarlyCommit", LostMarker: "LostMarker",
	AbortedShown: "AbortedShown", OffsetBack: "OffsetBack", OffsetAhead: "OffsetAhead", UnsyncedDeletion: "UnsyncedDeletion",
	RepeatedNumber: "RepeatedNumber", UnheededFsync: "UnheededFsync", UnheededSend: "UnheededSend",
	ForgottenFlush: "ForgottenFlush", LastAppend: "LastAppend", UncommittedWork: "UncommittedWork",
	UnfinishedWork: "UnfinishedWork",
}

// String is the bug's name.
func (b Bug) String() string {
	if b == 0 || b >= bugs {
		return "none"
	}
	return names[b]
}

// All lists the bugs.
func All() (all []Bug) {
	for b := Bug(1); b < bugs; b++ {
		all = append(all, b)
	}
	return all
}
