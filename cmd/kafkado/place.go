package main

import (
	"math"
	"strconv"
	"strings"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
)

// place says where in a topic: at its start, its end, a time, an offset, or so many before the end.
type place struct {
	kind   placeKind
	at     time.Time
	offset int64 // or how many before the end
}

type placeKind int

const (
	placeStart placeKind = iota
	placeEnd
	placeTime
	placeOffset
	placeBeforeEnd
)

// placeHelp is what flags say of it.
const placeHelp = "start, end, an offset, -N before the end, or @time (RFC 3339, or milliseconds)"

func parsePlace(flag, s string) (p place, err error) {
	switch {
	case s == "start":
		return place{kind: placeStart}, nil
	case s == "end":
		return place{kind: placeEnd}, nil
	case strings.HasPrefix(s, "@"):
		if p.at, err = parseTime(s[1:]); err != nil {
			return p, usage("--%s %s: give a time as @2026-01-31T12:00:00Z, or as @ and milliseconds since 1970", flag, s)
		}
		p.kind = placeTime
		return p, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return p, usage("--%s %q: give %s", flag, s, placeHelp)
	}
	if n < 0 || strings.HasPrefix(s, "-") {
		return place{kind: placeBeforeEnd, offset: -max(n, -math.MaxInt64)}, nil
	}
	return place{kind: placeOffset, offset: n}, nil
}

func parseTime(s string) (time.Time, error) {
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	return time.Parse(time.RFC3339, s)
}

// in is the offset of the place in a partition. A time has none that can be known without looking.
func (p place) in(i kafka.PartitionInfo) int64 {
	switch p.kind {
	case placeEnd:
		return i.End
	case placeOffset:
		return p.offset
	case placeBeforeEnd:
		if p.offset > i.End-i.Start {
			return i.Start
		}
		return i.End - p.offset
	}
	return i.Start
}
