package engine

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// Options are what a client asks of the engine behind it.
type Options struct {
	URL               string // the scheme chooses the engine
	APIKey            string // credentials as user:secret, for engines that need any
	Timeout           time.Duration
	Logger            *slog.Logger
	Clock             clock.Clock
	DefaultPartitions int           // of topics that are made by use
	Codec             string        // of topics that are made by use
	Quota             int64         // bytes of all logs together; 0 is no bound
	FlushInterval     time.Duration // background fsync of what AcksLeader wrote; 0 is none
}

// Opener opens an engine.
type Opener func(ctx context.Context, o Options) (Engine, error)

var (
	registryMu sync.RWMutex
	registry   = map[string]Opener{}
)

// Register makes an engine available under a URL scheme, without colon. It panics when the scheme is taken.
func Register(scheme string, open Opener) {
	registryMu.Lock()
	defer registryMu.Unlock()
	if registry[scheme] != nil {
		panic("engine: scheme registered twice: " + scheme)
	}
	registry[scheme] = open
}

// Open opens the engine that the URL's scheme names.
func Open(ctx context.Context, o Options) (Engine, error) {
	scheme, _, ok := strings.Cut(o.URL, ":")
	registryMu.RLock()
	open := registry[scheme]
	known := slices.Sorted(maps.Keys(registry))
	registryMu.RUnlock()
	if ok && open != nil {
		return open(ctx, o)
	}
	hint := ""
	if strings.HasPrefix(scheme, "kafka") {
		hint = "; import github.com/dot-do/kafka-embedded/cluster for kafka:"
	}
	return nil, Errorf(ErrInvalidArgument, "no engine for URL %q: it must begin with %s:%s",
		redact(o.URL), strings.Join(known, ": or "), hint)
}

// redact leaves credentials out. A secret may hold any character that somebody forgot to encode, so they are taken for all
// up to the last @.
func redact(url string) string {
	at := strings.LastIndexByte(url, '@')
	if at < 0 {
		return url
	}
	scheme, _, _ := strings.Cut(url[:at], "://")
	return scheme + "://…@" + url[at+1:]
}
