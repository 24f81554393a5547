package kafka

import (
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// Clock tells the time and starts timers; see [WithClock].
type Clock = clock.Clock

// Config configures a client. Zero fields mean the defaults.
type Config struct {
	// URL chooses where records are kept: file:///absolute/dir, file:relative/dir, mem: or mem:name, and in programs that
	// import package cluster kafka://host:port. Empty means the environment's KAFKA_DO_URL, and without it the directory
	// kafka-data.
	URL string
	// APIKey holds credentials for a cluster, as user:secret. The embedded engine needs none and ignores it.
	APIKey string
	// Timeout bounds calls to a cluster; default 30 s. Calls to the embedded engine end when their context does.
	Timeout time.Duration
	// Retries is how often a send that failed with a retriable error is tried again; default 3, -1 is never.
	Retries int
	// Logger gets what nobody can be told otherwise; nil is silent.
	Logger *slog.Logger
	// Codec of topics that are made by use; default MsgPack.
	Codec Codec
	// NoAutoCreateTopics makes the use of a topic that does not exist an error.
	NoAutoCreateTopics bool
	// DefaultPartitions of topics that are made by use; default 1.
	DefaultPartitions int
	// Quota bounds the bytes of all logs together; 0 is no bound.
	Quota int64
	// FlushInterval fsyncs in the background what was sent with AcksLeader or AcksNone; 0 leaves it to the next
	// AcksAll send, 8 MiB of data, or Close.
	FlushInterval time.Duration
	// Clock is the time; nil is the real one.
	Clock Clock
}

// ConfigFromEnv is what KAFKA_DO_URL and KAFKA_DO_API_KEY say.
func ConfigFromEnv() Config {
	return Config{URL: os.Getenv("KAFKA_DO_URL"), APIKey: os.Getenv("KAFKA_DO_API_KEY")}
}

// DefaultDir is where records are kept when nothing says otherwise.
const DefaultDir = "kafka-data"

// withDefaults fills in what was left at zero.
func (c Config) withDefaults() Config {
	env := ConfigFromEnv()
	if c.URL == "" {
		c.URL = env.URL
	}
	if c.URL == "" {
		c.URL = "file:" + DefaultDir
	}
	if c.APIKey == "" {
		c.APIKey = env.APIKey
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Retries == 0 {
		c.Retries = 3
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Codec == nil {
		c.Codec = MsgPack
	}
	if c.DefaultPartitions <= 0 {
		c.DefaultPartitions = 1
	}
	if c.Clock == nil {
		c.Clock = clock.Real
	}
	return c
}

// Option changes a client's configuration.
type Option func(*Config)

// WithConfig takes the whole configuration from a struct; options after it change it further.
func WithConfig(c Config) Option { return func(to *Config) { *to = c } }

// WithURL chooses where records are kept; see [Config].
func WithURL(url string) Option { return func(c *Config) { c.URL = url } }

// WithDir keeps records in a directory, which is made when it does not exist.
func WithDir(dir string) Option { return func(c *Config) { c.URL = "file:" + filepath.ToSlash(dir) } }

// WithInMemory keeps records in memory, for this client alone.
func WithInMemory() Option { return func(c *Config) { c.URL = "mem:" } }

// WithAPIKey sets the credentials for a cluster, as user:secret. On the embedded engine it has no effect.
func WithAPIKey(key string) Option { return func(c *Config) { c.APIKey = key } }

// WithTimeout bounds calls to a cluster.
func WithTimeout(d time.Duration) Option { return func(c *Config) { c.Timeout = d } }

// WithRetries sets how often a send that failed with a retriable error is tried again.
func WithRetries(n int) Option {
	return func(c *Config) {
		if c.Retries = n; n == 0 {
			c.Retries = -1
		}
	}
}

// WithLogger sets the logger; nil is silent.
func WithLogger(l *slog.Logger) Option { return func(c *Config) { c.Logger = l } }

// WithCodec sets the codec of topics that are made by use.
func WithCodec(codec Codec) Option { return func(c *Config) { c.Codec = codec } }

// WithAutoCreateTopics says whether the use of a topic makes it; by default it does.
func WithAutoCreateTopics(on bool) Option { return func(c *Config) { c.NoAutoCreateTopics = !on } }

// WithDefaultPartitions sets the number of partitions of topics that are made by use.
func WithDefaultPartitions(n int) Option { return func(c *Config) { c.DefaultPartitions = n } }

// WithQuota bounds the bytes of all logs together.
func WithQuota(bytes int64) Option { return func(c *Config) { c.Quota = bytes } }

// WithFlushInterval fsyncs in the background what was sent with AcksLeader or AcksNone.
func WithFlushInterval(d time.Duration) Option { return func(c *Config) { c.FlushInterval = d } }

// WithClock sets the clock, for tests.
func WithClock(clock Clock) Option { return func(c *Config) { c.Clock = clock } }
