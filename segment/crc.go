package segment

import (
	"hash/crc32"

	"github.com/dot-do/kafka-embedded/record"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// combineFrom is the size of a batch from which deriving the file's checksum from the batch's own is cheaper than
// reading the batch again.
const combineFrom = 16 << 10

// fold extends the checksum of a file by a batch whose own checksum is right.
func fold(crc uint32, b record.Batch) uint32 {
	if len(b) < combineFrom {
		return crc32.Update(crc, castagnoli, b)
	}
	head, rest := b.Checksummed()
	return combine(crc32.Update(crc, castagnoli, head), b.CRC(), len(rest))
}

// combine is the CRC-32C of two runs of bytes put together, from that of each and the length of the second. Appending n
// bytes multiplies a checksum by x^8n modulo the polynomial, which takes one multiplication for each bit of n; see Mark
// Adler's crc32_combine in zlib.
func combine(first, second uint32, n int) uint32 {
	for k := 3; n > 0; k, n = k+1, n>>1 {
		if n&1 != 0 {
			first = multiply(powers[k], first)
		}
	}
	return first ^ second
}

// powers holds x^2^k modulo the polynomial.
var powers = func() (p [3 + 32]uint32) {
	p[0] = 1 << 30 // x; the lowest power is the highest bit
	for k := 1; k < len(p); k++ {
		p[k] = multiply(p[k-1], p[k-1])
	}
	return p
}()

// multiply multiplies two polynomials over GF(2) modulo that of CRC-32C.
func multiply(a, b uint32) (product uint32) {
	for ; a != 0; a <<= 1 {
		product ^= b & -(a >> 31)
		b = b>>1 ^ crc32.Castagnoli&-(b&1)
	}
	return product
}
