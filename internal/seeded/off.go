//go:build !seededbugs

package seeded

// On reports whether a bug is planted: never, in this build.
func On(Bug) bool { return false }
