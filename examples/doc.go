// Package examples holds no code: the programs are in its folders, one for each family of stream operators. Each runs by
// itself (go run ./examples/windows), needs nothing, and ends with a comment that has its output, which a test checks.
package examples
