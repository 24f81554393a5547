package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/dot-do/kafka-embedded/engine"
)

// How long what is known of topics may be used. Partitions that are added are seen after at most the first; when
// something turns out to be wrong, it is looked up again, but not more often than the second.
const (
	metadataAge    = 10 * time.Second
	metadataMinAge = 100 * time.Millisecond
)

// Request keys whose versions are held back for the engine's own requests.
const (
	keyOffsetCommit    = 8
	keyEndTxn          = 26
	keyTxnOffsetCommit = 28
)

// connection is what all of an engine's clients of the cluster have in common. Their connections end with closing.
func (a *address) connection(o engine.Options, closing context.Context) ([]kgo.Opt, error) {
	dial, err := a.dialer(min(o.Timeout, 10*time.Second))
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(a.seeds...),
		kgo.ClientID("kafka-embedded"),
		kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
			c, err := dial(ctx, network, host)
			if err != nil {
				return nil, err
			}
			return &connection{c, context.AfterFunc(closing, func() { _ = c.Close() })}, nil
		}),
		kgo.RetryTimeout(o.Timeout),
		kgo.MetadataMaxAge(metadataAge),
		kgo.MetadataMinAge(metadataMinAge),
		kgo.DisableClientMetrics(),
		kgo.WithLogger(logger{o.Logger}),
	}
	return append(opts, a.authentication()...), nil
}

// connection is one to a broker. A client that is closed waits for what it reads, however long the broker takes; ending
// the connection ends that.
type connection struct {
	net.Conn
	stop func() bool
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.stop()
	return c.Conn.Close()
}

type dialFunc func(ctx context.Context, network, host string) (net.Conn, error)

// dialer makes connections, with TLS if the address says so.
func (a *address) dialer(timeout time.Duration) (dialFunc, error) {
	plain := &net.Dialer{Timeout: timeout}
	if !a.tls {
		return plain.DialContext, nil
	}
	c, err := a.tlsConfig()
	if err != nil {
		return nil, err
	}
	return (&tls.Dialer{NetDialer: plain, Config: c}).DialContext, nil
}

// adminVersions are those that the engine's own requests are made for: offsets are committed by topic name, and a
// transaction's end leaves the producer's epoch as it is.
func adminVersions() *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(keyOffsetCommit, 9)
	v.SetMaxKeyVersion(keyEndTxn, 4)
	v.SetMaxKeyVersion(keyTxnOffsetCommit, 5)
	return v
}

func (a *address) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.ca != "" {
		pem, err := os.ReadFile(a.ca)
		if err != nil {
			return nil, engine.Errorf(engine.ErrInvalidArgument, "reading the authorities to trust: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, engine.Errorf(engine.ErrInvalidArgument, "ca=%s: there is no PEM certificate in it", a.ca)
		}
	}
	if a.crt != "" {
		pair, err := tls.LoadX509KeyPair(a.crt, a.key)
		if err != nil {
			return nil, engine.Errorf(engine.ErrInvalidArgument, "reading the client's certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// logger passes on what goes wrong.
type logger struct{ to *slog.Logger }

func (logger) Level() kgo.LogLevel { return kgo.LogLevelWarn }

func (l logger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	if level == kgo.LogLevelError {
		l.to.Error(msg, keyvals...)
	} else {
		l.to.Warn(msg, keyvals...)
	}
}
