package engine

import "encoding/binary"

// Murmur2 is the 32-bit MurmurHash2 of b with the seed that Kafka's Java client uses
// (org.apache.kafka.common.utils.Utils.murmur2). Like Java's it is signed. It neither keeps nor changes b.
func Murmur2(b []byte) int32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := seed ^ uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := binary.LittleEndian.Uint32(b) * m
		k ^= k >> r
		h = h*m ^ k*m
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(b[0])) * m
	}
	h = (h ^ h>>13) * m
	return int32(h ^ h>>15)
}

// PartitionForKey is the partition, from 0 up to n-1, that Kafka's default partitioner picks for a record with this
// key: the hash without its sign, modulo the number of partitions. A record without a key has no such partition. With
// one partition, or an n below 1, it is 0.
func PartitionForKey(key []byte, n int32) int32 {
	if n <= 1 {
		return 0
	}
	return Murmur2(key) & 0x7fffffff % n
}
