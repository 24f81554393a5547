// Package journal keeps the metadata of a data directory: a small durable map from string keys to bytes, written ahead
// to a file of checksummed entries on github.com/tidwall/wal.
//
// # Files
//
//	journal/CURRENT                                     names the live generation; replaced by atomic rename
//	journal/<generation>/00000000000000000001           the entries, framed as tidwall/wal frames them
//	journal/<generation>/watermark                      the highest entry known to be fsynced
//	journal/<generation>.broken                         a tail that recovery left out, kept for inspection
//
// A generation begins with a snapshot of the map and goes on with one entry for each group of commits. When it has grown
// to the larger of 4 MiB and twice the snapshot of the live state, the live state moves to a fresh generation. Files are
// only ever appended to, by one process, and never used again for anything else.
//
// # What is durable when
//
//  1. A fresh generation is written completely: directory and files, snapshot, watermark, each fsynced, and the entries
//     of the directories too. Only then CURRENT is replaced, and the directory fsynced. Only then the old generation is
//     removed. So whatever CURRENT names has a whole snapshot: damage to it is damage, never an unfinished write.
//  2. A commit is one entry, or shares one with other commits: it is there as a whole or not at all.
//  3. The watermark says what an fsync that returned has covered. It is written after it, to two slots in turn, without
//     an fsync of its own, and each entry repeats what was known when it was written. Both may lag, neither can run ahead.
//  4. An entry that is not valid, at or below the watermark, is damage: Open fails and changes nothing. Above it, it is
//     what a crash left of writes that nobody was promised: Open leaves it out, with all that follows it.
//  5. Open trusts no page cache. A process that was killed may have left bytes that can be read but were never written to
//     the disk, or that a failed fsync marked as clean. Therefore, unless the last owner closed the journal, Open moves
//     the state to a fresh generation, and fsyncs that, before it returns. The old file is not even cut: until CURRENT is
//     replaced everything is as it was found, so a crash during recovery changes nothing. Close ends the file with a
//     closing entry, written after the fsync of all others returned; finding that, Open removes just this entry, and goes
//     on appending behind bytes that are known to be on the disk.
//  6. After a failed write or fsync the file is not touched again: neither is retried. The live state, which is in
//     memory, moves to a fresh generation; if that fails too, commits fail.
//
// # Use of tidwall/wal
//
// Only its Open (with NoSync), Write and Close are called. Its Sync holds the lock that its Write needs, so that every
// commit would wait for the disk: the fsync goes through a second descriptor of the same file, opened before anything is
// written. After an error a handle is abandoned, not closed, because Close would fsync again; its descriptor is closed by
// the garbage collector, as that of any os.File that is no longer used. A file that is going to be removed is emptied
// before Close, which would write megabytes of it to the disk. The segment size is without bound, so that it
// never starts a second file, and our own scanner has checked the whole file before Open reads it.
//
// Where there is no directory of the operating system below the [vfs.FS], a small writer of the same bytes takes the place
// of tidwall/wal.
package journal
