//go:build seededbugs

package seeded

import "sync/atomic"

var planted atomic.Uint32

// On reports whether a bug is planted.
func On(b Bug) bool { return planted.Load() == uint32(b) }

// Plant plants a bug in the place of the one before; 0 is none.
func Plant(b Bug) { planted.Store(uint32(b)) }
