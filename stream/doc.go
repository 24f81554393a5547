// Package stream turns records into other records: filters, maps, windows, aggregations and joins, with state that
// survives a crash and results that are neither lost nor doubled.
//
// A [Stream] or a [Table] describes a topology; nothing runs until a terminal call (To, Each, Results, Branch). That call
// runs all operators fused in its own goroutine, one record after the other: of all input partitions the record with the
// smallest timestamp comes next. Since one task does everything, a grouping on any key needs no repartition topic.
//
// # Time
//
// The time of a record is its timestamp, or what [WithTimestamp] makes of it. Stream time is the smallest of the largest
// times of the input partitions, those left out that are at their end and idle for [WithIdleTimeout]. When all are idle
// it advances with the clock. A window closes when stream time passes its end plus grace; a record that comes for closed
// windows only is late: it is counted and goes to [LateTo] and [OnLate].
//
// # State
//
// State is in memory, so it must fit there; a compacted changelog topic per operator holds a copy. At each commit
// interval one transaction carries outputs, changed state, stream time and input offsets. Whatever the moment of a crash,
// the next run of the same application goes on at the last commit, and readers see of the others nothing. One
// instance of an application runs at a time: a second one takes over, and the first one fails with [engine.ErrFenced].
//
// # Functions
//
// Functions given to operators are called from the goroutine of the terminal call. They should depend on their arguments
// only, since records may be processed again after a crash. A panic in one is an error with the record's place; see
// [WithOnError].
package stream
