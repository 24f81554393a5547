//go:build !unix

package vfs_test

// RLIMIT_FSIZE is POSIX: nobody starts the test binary to hit it here.
func writeBeyondLimit(string) {}
