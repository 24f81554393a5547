//go:build unix

package local

import "golang.org/x/sys/unix"

// descriptorLimit is how many files the process may have open. Go's runtime has raised it as far as it goes.
func descriptorLimit() uint64 {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 2 * leastOpenFiles
	}
	return uint64(l.Cur)
}
