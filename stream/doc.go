// Package stream turns records into other records: filters, maps, windows, aggregations and joins, with state that
// survives a crash and results that are neither lost nor doubled.
//
// A [Stream] or a [Table] describes a topology; nothing runs until a terminal call (To, Each, Results, Branch).
//
// # Tasks
//
// A topology is cut where elements must be spread anew: at a grouping, or a join by other keys than the records', of a
// source with several partitions. There the elements go through a repartition topic. Each part, a sub-topology, runs as
// one task for each partition of its input, with its own state, stream time and transactions. The operators of a task are
// fused: they are nested calls, one record after the other, the one with the smallest timestamp of the task's partitions
// first. Sources with one partition, and topologies that store nothing, run as one task without repartition topics.
//
// Calls that run the same application, in one process or in several that share a log, are members of one consumer group
// and divide the tasks among themselves. When one ends or dies, the others go on with its tasks where it made its last
// commit. All tasks of a call run in the goroutine of that call.
//
// # Time
//
// The time of a record is its timestamp, or what [WithTimestamp] makes of it. Stream time is a task's own: the smallest of
// the largest times of its partitions, those left out that are at their end and idle for [WithIdleTimeout]. When all are
// idle it advances with the clock. Elements carry their writer's stream time through a repartition topic, so that those
// of a task that is behind are not late there. A window closes when stream time passes its end plus grace; a record that
// comes for closed windows only is late: it is counted and goes to [LateTo] and [OnLate].
//
// # State
//
// State is in memory, so it must fit there; a compacted changelog topic per operator holds a copy. At each commit
// interval one transaction for each task carries outputs, changed state, stream time and input offsets. Whatever the
// moment of a crash, or of a task's move, its next holder goes on at the last commit, and readers see of the others
// nothing. Whoever takes a task over fences the one that had it.
//
// # Functions
//
// Functions given to operators are called from the goroutine of the terminal call. They should depend on their arguments
// only, since records may be processed again after a crash. A panic in one is an error with the record's place; see
// [WithOnError].
package stream
