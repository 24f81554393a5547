//go:build !linux

package main

import "errors"

const canDropCache = false

func dropCache(string) error { return errors.ErrUnsupported }
