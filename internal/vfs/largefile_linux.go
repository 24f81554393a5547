package vfs

import "golang.org/x/sys/unix"

// largeFile lifts the limit of 2 GiB on 32-bit systems: os.OpenFile sets it by itself, an os.Root (as of Go 1.26) does
// not.
const largeFile = unix.O_LARGEFILE
