package record

// Record is one record of a batch. Its slices alias the batch's memory (or the buffer that it was decompressed into)
// and must not be written to.
type Record struct {
	Offset     int64
	Timestamp  int64 // milliseconds since 1970
	Key, Value []byte
	NumHeaders int
	headers    []byte // encoded
}

// Header is a key and a value beside a record.
type Header struct {
	Key   string
	Value []byte // nil is null
}
