package scenario

import (
	"errors"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
)

// op is an operation on the client, with all that it needs to know: whoever carries it out, here or in a process that is
// going to be killed, has no model.
type op struct {
	Do        string
	Topic     string              `json:",omitempty"`
	Group     string              `json:",omitempty"`
	Txn       string              `json:",omitempty"`
	ID        string              `json:",omitempty"`
	To        string              `json:",omitempty"` // reset: start or end; stream: the sink
	Acks      string              `json:",omitempty"`
	Batch     bool                `json:",omitempty"` // the messages go out in one call
	Partition int                 `json:",omitempty"`
	N         int                 `json:",omitempty"`
	First     int64               `json:",omitempty"` // number of the first message under the ID
	Before    int64               `json:",omitempty"`
	At        int64               `json:",omitempty"` // clock in milliseconds, for open
	Pass      time.Duration       `json:",omitempty"` // of the clock; negative sets it back
	Flush     time.Duration       `json:",omitempty"` // close: the flush interval of the next openings
	Members   int                 `json:",omitempty"`
	Config    *engine.TopicConfig `json:",omitempty"`
	Messages  []message           `json:",omitempty"`
	Writers   [][]message         `json:",omitempty"`
	Offsets   map[int]int64       `json:",omitempty"` // next ones to read, by partition
	IDs       []named             `json:",omitempty"` // to ask for the progress of
	Trap      *trap               `json:",omitempty"`
	Rot       string              `json:",omitempty"`
}

// message is a message to be sent. Its serial number, which goes along in a header, tells it from all others.
type message struct {
	Serial    int
	Partition int
	Key       string `json:",omitempty"`
	Value     string `json:",omitempty"`
	Null      bool   `json:",omitempty"`
}

// named is a topic's messages under an ID.
type named struct{ Topic, ID string }

// trap waits for a call of the file system.
type trap struct {
	Kind    string // kill, power, or that of a fault
	After   int    // calls, counted from when it was set
	Again   int    `json:",omitempty"` // calls of the opening that follows a kill, until the next one
	Seed    uint64 `json:",omitempty"`
	Lasting bool   `json:",omitempty"`
}

// outcome is what became of an operation.
type outcome struct {
	Died   bool        `json:",omitempty"` // the process was killed meanwhile, or lost its power
	Shaken bool        `json:",omitempty"` // since it was opened, a call of the file system was made to fail
	Err    engine.Code `json:",omitempty"` // "" went well, "?" is an error without a code
	Text   string      `json:",omitempty"`
	Sent   []sent      `json:",omitempty"`
	Got    []got       `json:",omitempty"`
	View   *view       `json:",omitempty"`
}

// sent is what became of a message.
type sent struct {
	Serial int
	Offset int64 // -1 when that is not known
	OK     bool
}

// got is a message that was read.
type got struct {
	Serial    int
	Partition int
	Offset    int64
	Key       string `json:",omitempty"`
	Value     string `json:",omitempty"`
	Null      bool   `json:",omitempty"`
	Again     bool   `json:",omitempty"` // its reader left in the middle of it, so that it comes again
	At        int64
}

// view is everything that there is.
type view struct {
	Topics   []viewTopic
	Groups   map[string]map[string]map[int]int64 // committed, by group, topic and partition
	Progress []progress
	Ill      []string // what is not well
	Stray    []string // directories that belong to no topic
}

type progress struct {
	named
	Counts map[int]int64
}

type viewTopic struct {
	Name       string
	Config     engine.TopicConfig
	Partitions []viewPartition
}

type viewPartition struct {
	engine.PartitionInfo
	All     []got // what readers of everything see
	Visible []got // what readers of committed transactions see
	Seeks   []seek
	Times   []seek
}

// seek is a position, or a time in milliseconds, and the offset that was found there; -1 is none.
type seek struct{ At, Found int64 }

// fail puts an error into the outcome, where it stays, unless it only tells of damage and the next one of something else.
func (o *outcome) fail(err error) {
	if err == nil {
		return
	}
	code := engine.Code("?")
	var e *kafka.Error
	if errors.As(err, &e) {
		code = e.Code
	}
	if errors.Is(err, kafka.ErrCorrupt) {
		code = kafka.ErrCorrupt
	}
	if o.Err == "" || o.Err == kafka.ErrCorrupt && code != kafka.ErrCorrupt {
		o.Err, o.Text = code, err.Error()
	}
}
