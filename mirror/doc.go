// Package mirror carries topics and the offsets of groups from one client to another: from a directory into a cluster,
// back again, or from one directory into another.
//
//	summary, err := mirror.Run(ctx, from, to)
//
// Records keep partition, order, key, value, headers and timestamp. Their offsets are the target's: a source has gaps where
// records were compacted away or where transactions ended, and the target has others. Only committed records are carried;
// which of them shared a transaction is not.
//
// Each record is carried exactly once, however often Run is stopped, killed and started again, if the target has
// transactions; how far it has come is kept there, in the topic _mirror.<id>, in the transaction that holds the records. A
// target without transactions gets each record at least once, and [Summary.ExactlyOnce] says so.
//
// What a group has committed is translated to the target's offsets: a consumer that goes on there gets every record that it
// had not processed. It gets none twice if nobody else writes to the target's topic and nothing was compacted there; else
// a few may come again.
package mirror
