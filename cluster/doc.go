// Package cluster is the engine that keeps records on a Kafka cluster. Importing it makes URLs with the schemes kafka,
// kafkas and kafka+ssl (both with TLS) known to [kafka.NewClient] and to the environment's KAFKA_DO_URL, so that a
// program moves from a directory to a cluster by changing a URL:
//
//	import _ "github.com/dot-do/kafka-embedded/cluster"
//
//	client, err := kafka.NewClient(ctx, kafka.WithURL("kafka://broker1:9092,broker2:9092"))
//
// # URL
//
//	kafka://[user:secret@]host[:port][,host[:port]...][?name=value&...]
//
// The port is 9092 unless given. User and secret are percent-encoded where they need to be. [kafka.WithAPIKey], or the
// environment's KAFKA_DO_API_KEY, with user:secret gives them otherwise; the URL's win. The names are:
//
//	sasl  plain (the default when there is a user), scram-sha-256 or scram-sha-512
//	tls   true for TLS; kafkas: and kafka+ssl: are short for it
//	ca    a PEM file with the authorities to trust instead of the system's
//	cert  a PEM file with the client's certificate, and key its key
//
// Credentials are in no error and in no line of the log.
//
// # Codec
//
// A cluster does not keep what a topic's values are encoded with. So each record says it, in a header that is called
// [engine.CodecHeader]: msgpack, json or raw. A topic's codec is what the first record that it still has says, or what
// the topic was made with by this process; otherwise it is the client's. Records without the header are read with the
// topic's codec. A client that shares topics with programs in other languages is best opened with WithCodec(JSON).
//
// # What differs
//
// An acknowledgement says that in-sync replicas have a record in their memory, not that it is on disk: no send reports
// DurabilityFsync. Numbered sends (WithIdempotence, SendFrom, Progress) match [errors.ErrUnsupported]; sends are
// idempotent as far as Kafka's producers are, within the life of a producer. docs/cluster.md has a table of it all.
package cluster
