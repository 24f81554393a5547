//go:build unix

package vfs

import (
	"errors"
	"os"
	"syscall"
)

func syncDir(root *os.Root, local string) error {
	d, err := root.Open(local)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}
