package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/engine"
)

// codes are the kinds of the errors that Kafka's protocol has. What is not in it is [engine.ErrIO]: the cluster could
// not do it, for a reason of its own.
var codes = map[*kerr.Error]engine.Code{
	kerr.UnknownTopicOrPartition: engine.ErrTopicNotFound,
	kerr.UnknownTopicID:          engine.ErrTopicNotFound,
	kerr.TopicAlreadyExists:      engine.ErrTopicExists,

	kerr.MessageTooLarge:    engine.ErrMessageTooLarge,
	kerr.RecordListTooLarge: engine.ErrMessageTooLarge,
	kerr.OffsetOutOfRange:   engine.ErrOffsetOutOfRange,

	kerr.LeaderNotAvailable:           engine.ErrNotLeader,
	kerr.NotLeaderForPartition:        engine.ErrNotLeader,
	kerr.BrokerNotAvailable:           engine.ErrNotLeader,
	kerr.ReplicaNotAvailable:          engine.ErrNotLeader,
	kerr.NotController:                engine.ErrNotLeader,
	kerr.FencedLeaderEpoch:            engine.ErrNotLeader,
	kerr.UnknownLeaderEpoch:           engine.ErrNotLeader,
	kerr.OffsetNotAvailable:           engine.ErrNotLeader,
	kerr.NotEnoughReplicas:            engine.ErrNotLeader,
	kerr.NotEnoughReplicasAfterAppend: engine.ErrNotLeader,

	kerr.CoordinatorLoadInProgress:    engine.ErrGroupCoordinator,
	kerr.CoordinatorNotAvailable:      engine.ErrGroupCoordinator,
	kerr.NotCoordinator:               engine.ErrGroupCoordinator,
	kerr.TransactionCoordinatorFenced: engine.ErrGroupCoordinator,
	kerr.ConcurrentTransactions:       engine.ErrGroupCoordinator,
	kerr.UnstableOffsetCommit:         engine.ErrGroupCoordinator,

	kerr.RebalanceInProgress: engine.ErrRebalanceInProgress,
	kerr.IllegalGeneration:   engine.ErrRebalanceInProgress,
	kerr.StaleMemberEpoch:    engine.ErrRebalanceInProgress,
	kerr.UnknownMemberID:     engine.ErrFenced,
	kerr.FencedMemberEpoch:   engine.ErrFenced,
	kerr.FencedInstanceID:    engine.ErrFenced,
	kerr.GroupIDNotFound:     engine.ErrGroupNotFound,
	kerr.NonEmptyGroup:       engine.ErrGroupNotEmpty,

	kerr.ProducerFenced:           engine.ErrFenced,
	kerr.InvalidProducerEpoch:     engine.ErrFenced,
	kerr.InvalidProducerIDMapping: engine.ErrFenced,
	kerr.OutOfOrderSequenceNumber: engine.ErrOutOfOrderSequence,
	kerr.UnknownProducerID:        engine.ErrOutOfOrderSequence,

	kerr.TopicAuthorizationFailed:           engine.ErrUnauthorized,
	kerr.GroupAuthorizationFailed:           engine.ErrUnauthorized,
	kerr.ClusterAuthorizationFailed:         engine.ErrUnauthorized,
	kerr.TransactionalIDAuthorizationFailed: engine.ErrUnauthorized,
	kerr.SaslAuthenticationFailed:           engine.ErrUnauthorized,
	kerr.UnsupportedSaslMechanism:           engine.ErrUnauthorized,
	kerr.IllegalSaslState:                   engine.ErrUnauthorized,
	kerr.SecurityDisabled:                   engine.ErrUnauthorized,

	kerr.RequestTimedOut:         engine.ErrTimeout,
	kerr.NetworkException:        engine.ErrDisconnected,
	kerr.ThrottlingQuotaExceeded: engine.ErrQuotaExceeded,
	kerr.GroupMaxSizeReached:     engine.ErrQuotaExceeded,
	kerr.CorruptMessage:          engine.ErrCorrupt,

	kerr.InvalidTopicException:     engine.ErrInvalidArgument,
	kerr.InvalidPartitions:         engine.ErrInvalidArgument,
	kerr.InvalidReplicationFactor:  engine.ErrInvalidArgument,
	kerr.InvalidConfig:             engine.ErrInvalidArgument,
	kerr.InvalidRequest:            engine.ErrInvalidArgument,
	kerr.InvalidGroupID:            engine.ErrInvalidArgument,
	kerr.InvalidSessionTimeout:     engine.ErrInvalidArgument,
	kerr.InvalidTransactionTimeout: engine.ErrInvalidArgument,
	kerr.InvalidTimestamp:          engine.ErrInvalidArgument,
	kerr.InvalidRecord:             engine.ErrInvalidArgument,
	kerr.PolicyViolation:           engine.ErrInvalidArgument,
	kerr.InconsistentGroupProtocol: engine.ErrInvalidArgument,
	kerr.TopicDeletionDisabled:     engine.ErrInvalidArgument,
}

// unsupported are what says that the cluster is too old, or is not configured, for what was asked.
var unsupported = map[*kerr.Error]bool{
	kerr.UnsupportedVersion: true, kerr.UnsupportedForMessageFormat: true, kerr.UnsupportedCompressionType: true,
	kerr.UnsupportedAssignor: true,
}

// explain turns what a client of the cluster returns into the library's errors, which keep it as their cause.
func explain(err error) error {
	var known *engine.Error
	var answer *kerr.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.As(err, &answer):
		return explainAnswer(err, answer)
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, kgo.ErrRecordTimeout):
		return engine.Errorf(engine.ErrTimeout, "no broker took the records in time; some may be written all the same: %w", err)
	case errors.Is(err, kgo.ErrClientClosed):
		return errClosed()
	}
	return explainConnection(err)
}

func explainAnswer(err error, answer *kerr.Error) error {
	if unsupported[answer] {
		return engine.Errorf(engine.ErrInvalidArgument, "the cluster does not support this: %w, %w", err, errors.ErrUnsupported)
	}
	code, ok := codes[answer]
	if !ok {
		code = engine.ErrIO
	}
	e := engine.Errorf(code, "the cluster says %w%s", err, advice(answer))
	if !ok {
		e.Retriable = answer.Retriable
	}
	return e
}

// advice is what to do about an answer, where that is not plain.
func advice(answer *kerr.Error) string {
	switch answer {
	case kerr.SaslAuthenticationFailed:
		return "; check the credentials and sasl= in the URL"
	case kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed:
		return "; the user lacks a permission (ACL)"
	case kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend:
		return "; too many brokers are down for min.insync.replicas"
	}
	return ""
}

// explainConnection explains why a broker could not be talked to.
func explainConnection(err error) error {
	var hangUp *kgo.ErrFirstReadEOF
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	switch {
	case errors.As(err, &record):
		return engine.Errorf(engine.ErrDisconnected, "the broker does not speak TLS on this port; leave tls out of the URL, "+
			"or use the port that does: %w", err)
	case errors.As(err, &authority), errors.As(err, &hostname):
		return engine.Errorf(engine.ErrUnauthorized, "the broker's certificate is not trusted; name its authority with ca=FILE "+
			"and its host as the certificate does: %w", err)
	case strings.Contains(err.Error(), "tls alert"): // for which the client has no type
		return engine.Errorf(engine.ErrDisconnected, "the broker speaks TLS on this port; add tls=true to the URL, or use the "+
			"port that does not: %w", err)
	case errors.As(err, &hangUp), errors.Is(err, io.EOF):
		return engine.Errorf(engine.ErrDisconnected, "the broker hung up; it may expect TLS (tls=true) or credentials: %w", err)
	case isTimeout(err):
		return engine.Errorf(engine.ErrTimeout, "no broker answered in time; check that its address can be reached, or give it "+
			"more time with WithTimeout: %w", err)
	}
	return engine.Errorf(engine.ErrDisconnected, "no broker can be reached; check the addresses in the URL, and that a broker "+
		"runs there: %w", err)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// at explains an error and puts a place into it, unless it has one.
func at(err error, tp engine.TopicPartition) error {
	err = explain(err)
	if e, ok := err.(*engine.Error); ok && e.Topic == "" {
		return e.At(tp.Topic, int(tp.Partition))
	}
	return err
}

// atTopic is at for a whole topic.
func atTopic(err error, topic string) error {
	return at(err, engine.TopicPartition{Topic: topic, Partition: -1})
}

// answered is the error that a code of an answer stands for.
func answered(code int16, tp engine.TopicPartition) error {
	if code == 0 {
		return nil
	}
	return at(kerr.ErrorForCode(code), tp)
}

// ctxError dresses the error of a context: a deadline matches ErrTimeout too.
func ctxError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return engine.Errorf(engine.ErrTimeout, "%w", err)
	}
	return err
}

func errClosed() error {
	return engine.Errorf(engine.ErrClosed, "the client is closed; open a new one")
}

func errUnsupported(what string) error {
	return engine.Errorf(engine.ErrInvalidArgument, "%s is not offered on a cluster: %w", what, errors.ErrUnsupported)
}

func errPartition(tp engine.TopicPartition, n int) error {
	return engine.Errorf(engine.ErrPartitionNotFound, "there are partitions 0 to %d", n-1).At(tp.Topic, int(tp.Partition))
}

// errTopic says that there is no topic, and where there cannot be one that its name is the reason.
func errTopic(topic string) error {
	if err := engine.ValidateName("topic", topic); err != nil {
		return err
	}
	return engine.Errorf(engine.ErrTopicNotFound, "there is no such topic; create it, or let its use make it").At(topic, -1)
}
