package scenario

import (
	"regexp"
	"slices"
)

// mostTries bounds how often a script is played to make it smaller.
const mostTries = 400

// particulars are what errors of one kind differ in.
var particulars = regexp.MustCompile(`^line \d+, [^:]*: |\d+`)

// shrink leaves out of a failing script what it fails without in the same way: first large pieces, then single lines.
func shrink(s script, err error, play func(script) (lines int, err error)) (script, error) {
	tries, kind := 0, particulars.ReplaceAllString(err.Error(), "")
	try := func(smaller script) bool {
		tries++
		lines, e := play(smaller)
		if e == nil || particulars.ReplaceAllString(e.Error(), "") != kind {
			return false
		}
		s, err = smaller[:min(lines, len(smaller))], e
		return true
	}
	try(s)
	for size := len(s) / 2; size > 0; size /= 2 {
		for at := 0; at < len(s) && tries < mostTries; {
			if !try(slices.Delete(slices.Clone(s), at, min(at+size, len(s)))) {
				at += size
			}
		}
	}
	return s, err
}
