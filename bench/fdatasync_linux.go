package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// fdatasync makes what was written to the file durable, without its times.
func fdatasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
