//go:build !linux

package main

import "os"

// fdatasync makes what was written to the file durable.
func fdatasync(f *os.File) error { return f.Sync() }
