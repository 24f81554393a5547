package record

// Compression is a codec by Kafka's number.
type Compression int8

// Kafka's codec numbers, as stored in bits 0 to 2 of a batch's attributes.
const (
	None Compression = iota
	Gzip
	Snappy
	LZ4
	Zstd
)
