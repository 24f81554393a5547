package record

import "fmt"

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

var compressionNames = [...]string{None: "none", Gzip: "gzip", Snappy: "snappy", LZ4: "lz4", Zstd: "zstd"}

func (c Compression) valid() bool { return c >= None && c <= Zstd }

// String returns the codec's name in Kafka's configuration: none, gzip, snappy, lz4 or zstd.
func (c Compression) String() string {
	if !c.valid() {
		return fmt.Sprintf("codec(%d)", int8(c))
	}
	return compressionNames[c]
}

// ParseCompression is the codec with a name, the reverse of [Compression.String].
func ParseCompression(name string) (Compression, error) {
	for c, known := range compressionNames {
		if name == known {
			return Compression(c), nil
		}
	}
	return None, fmt.Errorf("record: unknown compression %q: use none, gzip, snappy, lz4 or zstd", name)
}

// MarshalText returns the codec's name. It fails for a codec that does not exist.
func (c Compression) MarshalText() ([]byte, error) {
	if !c.valid() {
		return nil, fmt.Errorf("record: unknown compression %d", int8(c))
	}
	return []byte(c.String()), nil
}

// UnmarshalText sets the codec by its name, as [ParseCompression] reads it.
func (c *Compression) UnmarshalText(text []byte) error {
	parsed, err := ParseCompression(string(text))
	if err == nil {
		*c = parsed
	}
	return err
}
