//go:build unix && !linux

package vfs

// dataSync is os.File.Sync: on macOS that is F_FULLFSYNC, the only call there that empties the drive's cache.
func dataSync(f *osFile) error { return f.file.Sync() }
