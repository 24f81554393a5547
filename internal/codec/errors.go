package codec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
)

// pathSteps bounds the part of a path that a message shows; a value that refers to itself has a path without end.
const pathSteps = 16

// failure is an error on its way out of nested values. Each level that it passes adds its step to the path.
type failure struct {
	reason string
	cause  error    // of a method of the caller's type; never part of the text, since it may quote the payload
	path   []string // innermost first: ".Name" of a struct's field, "[3]" of an element, "{}" of a map's value
	pos    int      // of the byte concerned; -1 when encoding
	size   int      // of the whole input
}

func (f *failure) Error() string { return f.reason }

func unencodable(format string, args ...any) error {
	return &failure{reason: fmt.Sprintf(format, args...), pos: -1}
}

// methodFailed reports an error or a result of a method of the caller's type t.
func methodFailed(t reflect.Type, method string, cause error) *failure {
	return &failure{reason: fmt.Sprintf("%s of %s failed with %T", method, t, cause), cause: cause, pos: -1}
}

// within adds the step from the level above to err.
func within(err error, step string) error {
	if f, ok := err.(*failure); ok {
		f.path = append(f.path, step)
	}
	return err
}

// public makes the error that callers see. Root is the type that encoding or decoding began with; nil when untyped.
func public(codec string, err error, root reflect.Type) error {
	f, ok := err.(*failure)
	if !ok {
		f = &failure{reason: fmt.Sprintf("failed with %T", err), cause: err, pos: -1}
	}
	var b strings.Builder
	b.WriteString(codec)
	if f.pos >= 0 {
		fmt.Fprintf(&b, ": at byte %d of %d", f.pos, f.size)
	}
	if root != nil {
		fmt.Fprintf(&b, ": %s", root)
		f.writePath(&b)
	}
	b.WriteString(": ")
	b.WriteString(f.reason)
	return &engine.Error{Code: engine.ErrSerialization, Message: b.String(), Partition: -1, Err: f.cause}
}

func (f *failure) writePath(b *strings.Builder) {
	for i, step := range slices.Backward(f.path) {
		if len(f.path)-i > pathSteps {
			b.WriteString("…")
			return
		}
		b.WriteString(step)
	}
}
