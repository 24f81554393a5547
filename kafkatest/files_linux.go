package kafkatest

import (
	"os"
	"path/filepath"
	"strings"
)

// openFiles lists the files in dir that this process has open.
func openFiles(dir string) (names []string) {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	const descriptors = "/proc/self/fd"
	entries, err := os.ReadDir(descriptors)
	if err != nil {
		return nil // there need not be a /proc
	}
	for _, e := range entries {
		name, err := os.Readlink(filepath.Join(descriptors, e.Name()))
		if err == nil && (name == dir || strings.HasPrefix(name, dir+"/")) {
			names = append(names, name)
		}
	}
	return names
}
