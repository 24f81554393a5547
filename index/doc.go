// Package index holds the three files that stand beside a segment: offset index, time index and aborted-transaction
// index, in Apache Kafka's layouts.
//
// All are fixed-width big-endian entries in rising order and carry no checksum of their own. Their length and checksum
// are kept where the segment's are (manifest or checkpoint), compared when an index is first used, and a file that does
// not match is rebuilt from the log by the segment that owns it: an index is derived, never trusted.
package index
