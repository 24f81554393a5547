// Package rules holds no code: its tests check how the code of the whole module is laid out and written.
package rules
