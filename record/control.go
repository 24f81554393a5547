package record

import "encoding/binary"

// The one record of a control batch has a key of version i16 and type i16. That of the marker which ends a transaction
// has a value of version i16 and coordinator epoch i32. Later versions only add fields.
const (
	controlAbort  = 0
	controlCommit = 1

	controlKeySize   = 4
	controlValueSize = 6
)

// EndTxnMarker makes the control batch that ends a producer's transaction in a partition, with room for no other.
// The caller sets the base offset and the partition leader epoch. It panics when producerID or epoch is negative or ts,
// in milliseconds since 1970, below -1.
func EndTxnMarker(commit bool, producerID int64, epoch int16, coordinatorEpoch int32, ts int64) Batch {
	var key [controlKeySize]byte
	if commit {
		key[3] = controlCommit
	}
	var value [controlValueSize]byte
	binary.BigEndian.PutUint32(value[2:], uint32(coordinatorEpoch))

	o := Plain(None)
	o.ProducerID, o.ProducerEpoch = producerID, epoch
	o.Transactional, o.Control = true, true
	var b Builder
	b.Reset(o)
	err := b.Append(ts, key[:], value[:], nil)
	if err != nil {
		panic(err)
	}
	batch, err := b.Finish()
	if err != nil {
		panic(err)
	}
	return batch
}

// ParseControl reads a record of a control batch: whether it commits its producer's transaction or aborts it. Any
// other kind of control record is a [*FieldError].
func ParseControl(r Record) (commit bool, err error) {
	if len(r.Key) < controlKeySize || len(r.Value) < controlValueSize {
		return false, fieldErrorf("control record", "key of %d and value of %d bytes", len(r.Key), len(r.Value))
	}
	version, kind := binary.BigEndian.Uint16(r.Key), binary.BigEndian.Uint16(r.Key[2:])
	if version&0x8000 != 0 || kind != controlAbort && kind != controlCommit {
		return false, fieldErrorf("control record", "unknown version %d or type %d", int16(version), int16(kind))
	}
	return kind == controlCommit, nil
}
