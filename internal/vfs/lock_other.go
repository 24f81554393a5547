//go:build aix || (solaris && !illumos) || (!unix && !windows)

package vfs

import (
	"errors"
	"os"
)

func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
