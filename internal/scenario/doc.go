// Package scenario holds tests only: scripts in a small language drive the client over a file system that is killed, loses
// power or fails at chosen calls, and one oracle judges what is there afterwards against what was acknowledged before.
//
// A script is a verb a line, with names first and then options; # begins a comment:
//
//	create orders partitions=2 segment=1024    a topic; also policy, retention, bytes, tombstones, compression
//	alter orders retention=1m                  also bytes
//	grow orders partitions=3                   adds partitions
//	delete orders                              deletes the topic
//	send orders p=0 n=3 acks=leader size=80    n messages, each by itself; with keys=4 in one batch, with keys of 4
//	erase orders p=0 keys=4                    a tombstone of the next of these keys
//	async orders p=0 n=9 acks=none             through an asynchronous producer, until all is written
//	number orders p=0 n=3 id=src again=2       under an ID, together with what is in doubt and 2 that were sent before
//	storm orders writers=3 n=5 acks=all        several senders at once, to all partitions
//	begin t1 / put t1 orders p=0 n=2 / take t1 orders g n=3 / commit t1 / abort t1
//	consume orders g n=5                       reads as a member of a group, and commits unless commit=no
//	share orders g members=2 n=3               members of a group read at once; the first one leaves at its 3rd message, in
//	                                           the middle of it, and one more reads what is left
//	reset orders g to=start                    moves the group's offsets
//	truncate orders p=0 keep=3                 deletes the records before the last 3 offsets
//	stream orders totals                       counts the messages of each key, exactly once
//	advance 1m                                 time passes, then retention and compaction do what is due
//	back 1m                                    the clock is set back
//	expect orders p=0 start=3 records=4        what a reader of committed records finds
//	check                                      the oracle looks at everything
//	close flush=1s                             closes and opens, from now on with this flush interval, if there is one
//	rot orders p=0 what=log seed=1             the same, and meanwhile a bit of a log changes, or of an index, or
//	                                           (what=offset) of a log's first offset, which no checksum covers
//	kill after=7 again=5                       kill -9 at the 7th call of the file system from here, and once more at the
//	                                           5th of the opening that follows; at once without after
//	power seed=1 after=7 again=5               the same with a loss of power; seed draws what of the rest survives
//	fault kind=eio after=7 lasting=yes         a call fails: eio, nospace, short or sync; lasting: all from then on
//
// Verbs that make no sense where they stand (a commit of a transaction that a kill has ended) are passed over. So any line
// of a script can be left out, which is how a script that fails is made smaller.
package scenario
