package record

import "encoding/binary"

// AppendEmptied appends to dst what compaction leaves of b when it removes every record, but offsets and sequence
// numbers must stay known: the header, with the largest timestamp that there was. It returns that batch.
func (b Batch) AppendEmptied(dst []byte) Batch {
	n := len(dst)
	e := Batch(append(dst, b[:HeaderSize]...)[n:])
	e.put32(posLength, HeaderSize-logOverhead)
	e.put16(posAttributes, b.Attributes()&^(attrCodec|attrDeleteHorizon))
	e.put64(posBaseTimestamp, -1)
	e.put32(posCount, 0)
	binary.BigEndian.PutUint32(e[posCRC:], e.checksum())
	return e
}
