package mock

import (
	"fmt"
	"slices"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
)

// Verb names what a client asks of its engine.
type Verb string

// The verbs. Each is one method of [engine.Engine], [engine.Producer] or [engine.Consumer].
const (
	OpenProducer Verb = "open producer" // with the first send
	Produce      Verb = "produce"
	Flush        Verb = "flush"
	Progress     Verb = "progress"
	Begin        Verb = "begin"
	SendOffsets  Verb = "send offsets"
	End          Verb = "end" // of a transaction, either way

	OpenConsumer Verb = "open consumer" // with the first loop
	Poll         Verb = "poll"
	Commit       Verb = "commit"
	Committed    Verb = "committed"
	Seek         Verb = "seek"
	Ends         Verb = "ends"

	CreateTopic      Verb = "create topic"
	ListTopics       Verb = "list topics"
	DescribeTopic    Verb = "describe topic"
	AlterTopic       Verb = "alter topic"
	DeleteTopic      Verb = "delete topic"
	CreatePartitions Verb = "create partitions"
	DeleteRecords    Verb = "delete records"
	OffsetAt         Verb = "offset at"
	ListGroups       Verb = "list groups"
	DescribeGroup    Verb = "describe group"
	DeleteGroup      Verb = "delete group"
	SetOffsets       Verb = "set offsets"
)

var verbs = []Verb{
	OpenProducer, Produce, Flush, Progress, Begin, SendOffsets, End, OpenConsumer, Poll, Commit, Committed, Seek, Ends, CreateTopic,
	ListTopics, DescribeTopic, AlterTopic, DeleteTopic, CreatePartitions, DeleteRecords, OffsetAt, ListGroups, DescribeGroup,
	DeleteGroup, SetOffsets,
}

// faults are the errors that calls are to return.
type faults struct {
	mu   sync.Mutex
	next map[Verb][]error
}

func (f *faults) add(verb Verb, err error) {
	if !slices.Contains(verbs, verb) {
		panic(fmt.Sprintf("mock: no verb %q: there are %q", verb, verbs))
	}
	if err == nil {
		panic("mock: a fault without an error")
	}
	if code, ok := err.(engine.Code); ok {
		err = engine.Errorf(code, "the mock was asked to fail %q", verb)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == nil {
		f.next = map[Verb][]error{}
	}
	f.next[verb] = append(f.next[verb], err)
}

// take returns the error of this call, or nil.
func (f *faults) take(verb Verb) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	errs := f.next[verb]
	if len(errs) == 0 {
		return nil
	}
	f.next[verb] = errs[1:]
	return errs[0]
}
