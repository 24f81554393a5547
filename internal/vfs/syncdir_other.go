//go:build !unix

package vfs

import "os"

// syncDir has nothing to do: Windows cannot sync a directory, and NTFS journals changes of directories in order.
func syncDir(*os.Root, string) error { return nil }
