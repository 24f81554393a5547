package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
)

// topicFlags are the flags of a topic's configuration.
type topicFlags struct {
	kafka.TopicConfig
	retention            time.Duration
	compression, cleanup string
}

func (f *topicFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.DurationVar(&f.retention, "retention", 0, "delete records this long after they were appended; 0 keeps forever")
	fl.Int64Var(&f.RetentionBytes, "retention-bytes", 0, "bound of a partition's size; 0 is none")
	fl.Int64Var(&f.SegmentBytes, "segment-bytes", 64<<20, "size of a segment file")
	fl.IntVar(&f.MaxMessageBytes, "max-message-bytes", 1<<20, "bound of a record's size")
	fl.StringVar(&f.compression, "compression", "none", "codec of batches: none, gzip, snappy, lz4 or zstd")
	fl.StringVar(&f.cleanup, "cleanup", "delete", "cleanup policy: delete, compact or compact,delete")
}

// config is what the flags say, with -1 for no bound.
func (f *topicFlags) config() (kafka.TopicConfig, error) {
	c := f.TopicConfig
	if err := c.Compression.UnmarshalText([]byte(f.compression)); err != nil {
		return c, usage("--compression: %w", err)
	}
	if f.retention < 0 || f.retention > 0 && f.retention < time.Millisecond {
		return c, usage("--retention %v: give at least 1ms, or 0 to keep forever", f.retention)
	}
	if f.RetentionBytes < 0 {
		return c, usage("--retention-bytes %d: give a bound, or 0 for none", f.RetentionBytes)
	}
	c.CleanupPolicy = kafka.CleanupPolicy(f.cleanup)
	if c.RetentionMs = f.retention.Milliseconds(); c.RetentionMs == 0 {
		c.RetentionMs = -1
	}
	if c.RetentionBytes == 0 {
		c.RetentionBytes = -1
	}
	return c, nil
}

// changes is the configuration with only those fields set whose flags were given.
func (f *topicFlags) changes(cmd *cobra.Command) (change kafka.TopicConfig, err error) {
	c, err := f.config()
	if err != nil {
		return change, err
	}
	given := cmd.Flags().Changed
	if given("retention") {
		change.RetentionMs = c.RetentionMs
	}
	if given("retention-bytes") {
		change.RetentionBytes = c.RetentionBytes
	}
	if given("segment-bytes") {
		change.SegmentBytes = c.SegmentBytes
	}
	if given("max-message-bytes") {
		change.MaxMessageBytes = c.MaxMessageBytes
	}
	if given("cleanup") {
		change.CleanupPolicy = c.CleanupPolicy
	}
	if given("compression") {
		if change.Compression = c.Compression; c.Compression == kafka.CompressionNone {
			change.Compression = -1
		}
	}
	if change == (kafka.TopicConfig{}) {
		return change, usage("nothing to alter: give a flag")
	}
	return change, nil
}

func topicsCreate(s *shared) *cobra.Command {
	var f topicFlags
	cmd := s.json(&cobra.Command{
		Use:     "create TOPIC",
		Short:   "Create a topic",
		Example: `  kafkado topics create orders -p 3 --retention 168h --compression zstd`,
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			c, err := f.config()
			if err != nil {
				return err
			}
			if c.Partitions < 1 {
				return usage("--partitions %d: a topic has at least 1", c.Partitions)
			}
			return s.with(cmd, func(client *kafka.Client) error {
				if err := client.Admin().CreateTopic(cmd.Context(), a[0], c); err != nil {
					return err
				}
				return s.printTopic(cmd, client, "Created", a[0])
			})
		},
	})
	f.register(cmd)
	cmd.Flags().IntVarP(&f.Partitions, "partitions", "p", 1, "number of partitions")
	cmd.Flags().StringVar(&f.Codec, "codec", "msgpack", "codec of values: msgpack, json or raw")
	return cmd
}

func topicsAlter(s *shared) *cobra.Command {
	var f topicFlags
	cmd := s.json(&cobra.Command{
		Use:     "alter TOPIC",
		Short:   "Change the configuration of a topic: what is given, at once and without a restart",
		Example: `  kafkado topics alter orders --retention 720h`,
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			c, err := f.changes(cmd)
			if err != nil {
				return err
			}
			return s.with(cmd, func(client *kafka.Client) error {
				if err := client.Admin().AlterTopic(cmd.Context(), a[0], c); err != nil {
					return err
				}
				return s.printTopic(cmd, client, "Altered", a[0])
			})
		},
	})
	f.register(cmd)
	return cmd
}

func topicsAddPartitions(s *shared) *cobra.Command {
	return s.json(&cobra.Command{
		Use:   "add-partitions TOPIC N",
		Short: "Give a topic N more partitions; keys may then map to others than before",
		Args:  args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			n, err := strconv.Atoi(a[1])
			if err != nil || n < 1 {
				return usage("%q partitions: give a number from 1", a[1])
			}
			return s.with(cmd, func(client *kafka.Client) error {
				t, err := client.Admin().DescribeTopic(cmd.Context(), a[0])
				if err != nil {
					return err
				}
				if err := client.Admin().CreatePartitions(cmd.Context(), a[0], t.Partitions+n); err != nil {
					return err
				}
				return s.printTopic(cmd, client, "Extended", a[0])
			})
		},
	})
}

// printTopic says what was done and what the topic is now.
func (s *shared) printTopic(cmd *cobra.Command, client *kafka.Client, done, name string) error {
	t, err := client.Admin().DescribeTopic(cmd.Context(), name)
	if err != nil {
		return err
	}
	if s.asJSON {
		return printJSON(cmd.OutOrStdout(), toJSON(t))
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s topic %s: partitions %d, codec %s, compression %s, cleanup %s, retention %s.\n",
		done, name, t.Partitions, t.Codec, t.Compression, t.CleanupPolicy, forever(t.RetentionMs))
	return err
}
