package mock

import (
	"context"
	"sync"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// scheme is that of the URLs under which [NewClient] finds the engine that it wants.
const scheme = "mock"

// maintenance is how often retention and compaction have a look, on the client's clock.
const maintenance = 10 * time.Second

func init() { engine.Register(scheme, open) }

// pending holds the worlds whose clients are being opened, by URL.
var pending sync.Map

// world is an engine and the faults in front of it. NewClient opens it twice: first with them, then without.
type world struct {
	faults *faults
	engine *local.Engine
}

func open(_ context.Context, o engine.Options) (engine.Engine, error) {
	found, ok := pending.Load(o.URL)
	if !ok {
		return nil, engine.Errorf(engine.ErrInvalidArgument, "%q is no URL to open: use mock.NewClient", o.URL)
	}
	w := found.(*world)
	if w.engine != nil {
		return w.engine, nil
	}
	e, err := local.Open(local.Options{
		FS: vfs.NewVolatile(), Clock: o.Clock, Logger: o.Logger, DefaultPartitions: o.DefaultPartitions, Codec: o.Codec,
		Quota: o.Quota, Unattended: true,
	})
	if err != nil {
		return nil, err
	}
	w.engine = e
	maintain(e, o.Clock)
	return faulty{e, w.faults}, nil
}

// maintain does on the goroutine that moves the clock what the engine otherwise does on one of its own.
func maintain(e *local.Engine, c clock.Clock) {
	var timer clock.Timer
	timer = c.AfterFunc(maintenance, func() {
		e.Maintain(context.Background())
		timer.Reset(maintenance)
	})
}
