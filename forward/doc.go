// Package forward sends topics of an embedded client to a cluster whenever that can be reached: store and forward.
//
//	f, err := forward.New(local, "kafka://broker:9092", "truck-17", forward.Topics("readings"))
//	err = f.Run(ctx) // until ctx ends
//
// Programs on the device send to the local client and never wait for the network. A [Forwarder] carries what they have
// sent, partition by partition, in order, with key, value, headers and timestamp. It keeps its position in the target, in
// the topic _forward.<name>, in the transaction that holds the records: no record is lost or doubled, however often the
// connection is cut, the program killed, or the device loses power. A target without transactions gets records at least
// once; [Stats] says so.
//
// A copy of the position stands beside the data, as what the local group _forward.<name> has committed: it shows, also
// without a connection, what can be deleted ([MaxDisk]) and how much there is to send.
//
// The local topics must not delete records by themselves, unless [MaxAge] or [MaxDisk] allow it. What was deleted, or had
// become too old, before it was sent is counted: [Stats.Dropped].
package forward
