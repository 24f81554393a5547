//go:build !unix

package local

// descriptorLimit is how many files the process may have open: Windows sets no limit of its own that would matter here.
func descriptorLimit() uint64 { return 2 * mostOpenFiles }
