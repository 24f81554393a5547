package cluster

import (
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/dot-do/kafka-embedded/engine"
)

// The mechanisms, as the URL calls them.
const (
	saslPlain       = "plain"
	saslScramSHA256 = "scram-sha-256"
	saslScramSHA512 = "scram-sha-512"
)

func (a *address) checkSASL() error {
	switch a.sasl {
	case saslPlain, saslScramSHA256, saslScramSHA512:
		return nil
	}
	return engine.Errorf(engine.ErrInvalidArgument, "sasl=%s: there are %s, %s and %s",
		a.sasl, saslPlain, saslScramSHA256, saslScramSHA512)
}

// authentication is how connections say who they are; none without credentials.
func (a *address) authentication() []kgo.Opt {
	scrams := scram.Auth{User: a.user, Pass: a.secret}
	switch a.sasl {
	case saslPlain:
		return []kgo.Opt{kgo.SASL(plain.Auth{User: a.user, Pass: a.secret}.AsMechanism())}
	case saslScramSHA256:
		return []kgo.Opt{kgo.SASL(scrams.AsSha256Mechanism())}
	case saslScramSHA512:
		return []kgo.Opt{kgo.SASL(scrams.AsSha512Mechanism())}
	}
	return nil
}
