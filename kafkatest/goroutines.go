package kafkatest

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// module is in the stack of the library's goroutines, and not in those of a test's own.
const module = "github.com/dot-do/kafka-embedded"

// patience is how long a goroutine may take to end that has been told to.
const patience = time.Second

// mark is a profiler label that tells the goroutines of one test from those of tests that run beside it: a goroutine
// inherits the labels of the one that starts it.
type mark struct{ key, value string }

var marks atomic.Int64

// label marks the test's goroutine, and so all that it will start.
func label(t testing.TB) mark {
	m := mark{"kafkatest-" + strconv.FormatInt(marks.Add(1), 10), t.Name()}
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(m.key, m.value)))
	return m
}

// leaked returns the stacks of the library's goroutines that carry the mark, all but the caller's, after those that are
// about to end had time to.
func (m mark) leaked() (stacks string) {
	pprof.SetGoroutineLabels(context.Background())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for pause := time.Millisecond; ; pause *= 2 {
		if stacks = m.find(); stacks == "" || clock.Sleep(ctx, clock.Real, pause) != nil {
			return stacks
		}
	}
}

// find looks through the goroutine profile: paragraphs of equal stacks, each with a line of labels if it has any.
func (m mark) find() string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return err.Error()
	}
	var found []string
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(stack, strconv.Quote(m.key)) && ours(stack) {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}

// ours reports whether the stack has a function of the library that is not a test's. A goroutine that has not begun to
// run shows only what starts it; it counts, and is looked at again.
func ours(stack string) bool {
	begun := false
	for line := range strings.Lines(stack) {
		if strings.Contains(line, module) && !strings.Contains(line, "_test.go:") {
			return true
		}
		if strings.HasPrefix(line, "#\t") && !strings.Contains(line, "sync.(*WaitGroup).Go") {
			begun = true
		}
	}
	return !begun
}
