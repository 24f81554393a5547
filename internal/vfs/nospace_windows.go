package vfs

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// The POSIX numbers are here as well: [Mem] and [Faulty] use them on every system.
func isNoSpace(errno syscall.Errno) bool {
	switch errno {
	case windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED,
		syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG:
		return true
	}
	return false
}
