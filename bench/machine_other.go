//go:build !linux

package main

// fileSystem names the kind of file system that dir is on. Only Linux is asked.
func fileSystem(string) string { return "" }
