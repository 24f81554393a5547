package vfs

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// dataSync is fdatasync(2): it writes the contents and what is needed to read them back, which includes the length,
// but not the time stamps; so a write below the old length costs no journal commit.
func dataSync(f *osFile) error {
	for {
		err := unix.Fdatasync(f.fd)
		runtime.KeepAlive(f)
		if err != unix.EINTR {
			return err
		}
	}
}
