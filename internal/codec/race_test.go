//go:build race

package codec_test

// raceDetector says that sync.Pool drops things at random, so that allocations cannot be counted.
const raceDetector = true
