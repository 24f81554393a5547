package local

// mostOpenFiles bounds the descriptors that partitions use, whatever the process may have: each takes about a kilobyte of
// the kernel's memory. A partition that is written to needs one of its own, or a send to it waits for the fsync of the
// file that is closed for it.
const mostOpenFiles = 16 << 10

// leastOpenFiles is what partitions use even where the process may not have twice as many: reads and writes still take
// turns with fewer, but slowly.
const leastOpenFiles = 64

// openFiles is how many descriptors partitions use: half of those that the process may have, which leaves as many for
// everything else in it.
func openFiles(limit uint64) int { return int(max(leastOpenFiles, min(limit/2, mostOpenFiles))) }
