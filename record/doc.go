// Package record is Kafka's record batch, format version 2, as bytes: a view over one batch, a decoder of its records,
// a builder, and the compression codecs with the framings that Kafka gives them. It does no input or output.
//
// A batch is a header of 61 bytes and the records behind it, all integers big-endian. Its records may be compressed,
// all of them together, the header never:
//
//	 0 ┌───────────────────────────┐
//	   │ base offset           i64 │  offset of the first record
//	 8 ├───────────────────────────┤
//	   │ length                i32 │  bytes that follow this field: at least 49
//	12 ├───────────────────────────┤
//	   │ partition leader epoch i32│
//	16 ├───────────────────────────┤
//	   │ magic                  i8 │  2
//	17 ├───────────────────────────┤
//	   │ CRC-32C               u32 │  of everything from the attributes to the end
//	21 ├───────────────────────────┤
//	   │ attributes            i16 │  bits 0-2 codec, 3 log append time, 4 transactional, 5 control,
//	   │                           │  6 delete horizon, the rest reserved
//	23 ├───────────────────────────┤
//	   │ last offset delta     i32 │  compaction keeps it when it removes records
//	27 ├───────────────────────────┤
//	   │ base timestamp        i64 │  of the first record; the delete horizon where bit 6 is set
//	35 ├───────────────────────────┤
//	   │ max timestamp         i64 │  -1 without timestamps
//	43 ├───────────────────────────┤
//	   │ producer id           i64 │  -1 without
//	51 ├───────────────────────────┤
//	   │ producer epoch        i16 │  -1 without
//	53 ├───────────────────────────┤
//	   │ base sequence         i32 │  -1 without
//	57 ├───────────────────────────┤
//	   │ record count          i32 │  0 only in a batch that compaction has emptied
//	61 ├───────────────────────────┤
//	   │ records                   │
//	   └───────────────────────────┘
//
// A record is made of varints (zigzag, least significant seven bits first) and the bytes that they measure:
//
//	length            varint     bytes that follow this field
//	attributes        i8         0, all bits reserved
//	timestamp delta   varlong    from the base timestamp
//	offset delta      varint     from the base offset, strictly rising
//	key length        varint     -1 for null
//	key
//	value length      varint     -1 for null
//	value
//	header count      varint
//	  key length      varint     of each header
//	  key                        UTF-8
//	  value length    varint     -1 for null
//	  value
//
// The source of the format is Kafka's documentation, https://kafka.apache.org/documentation/#recordbatch.
package record
