package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
)

func topicsCommand(s *shared) *cobra.Command {
	cmd := &cobra.Command{Use: "topics", Short: "Create, list, describe and delete topics"}
	cmd.AddCommand(topicsCreate(s), topicsList(s), topicsDescribe(s), topicsDelete(s))
	return cmd
}

func topicsCreate(s *shared) *cobra.Command {
	var c kafka.TopicConfig
	var retention time.Duration
	var compression, cleanup string
	cmd := &cobra.Command{
		Use:   "create TOPIC",
		Short: "Create a topic",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := c.Compression.UnmarshalText([]byte(compression)); err != nil {
				return usage("--compression: %w", err)
			}
			c.CleanupPolicy = kafka.CleanupPolicy(cleanup)
			c.RetentionMs = retention.Milliseconds()
			return s.with(cmd, func(client *kafka.Client) error {
				return client.Admin().CreateTopic(cmd.Context(), a[0], c)
			})
		},
	}
	f := cmd.Flags()
	f.IntVarP(&c.Partitions, "partitions", "p", 1, "number of partitions")
	f.DurationVar(&retention, "retention", 0, "delete records this long after they were appended; 0 keeps forever")
	f.Int64Var(&c.RetentionBytes, "retention-bytes", 0, "bound of a partition's size; 0 is none")
	f.Int64Var(&c.SegmentBytes, "segment-bytes", 0, "size of a segment file; 0 is 64 MiB")
	f.IntVar(&c.MaxMessageBytes, "max-message-bytes", 0, "bound of a record's size; 0 is 1 MiB")
	f.StringVar(&c.Codec, "codec", "msgpack", "codec of values: msgpack, json or raw")
	f.StringVar(&compression, "compression", "none", "codec of batches: none, gzip, snappy, lz4 or zstd")
	f.StringVar(&cleanup, "cleanup", "delete", "cleanup policy: delete, compact or compact,delete")
	return cmd
}

// with runs fn on a client and closes it.
func (s *shared) with(cmd *cobra.Command, fn func(*kafka.Client) error) error {
	client, err := s.client(cmd.Context())
	if err != nil {
		return err
	}
	err = fn(client)
	if closed := client.Close(); err == nil {
		err = closed
	}
	return err
}

func topicsList(s *shared) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List topics",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.with(cmd, func(client *kafka.Client) error {
				topics, err := client.Admin().ListTopics(cmd.Context())
				if err != nil || asJSON {
					return firstError(err, printJSON(cmd.OutOrStdout(), topics))
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "TOPIC\tPARTITIONS\tRECORDS\tBYTES\tCODEC\tRETENTION")
				for _, t := range topics {
					records, bytes := totals(t)
					fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\n", t.Name, t.Partitions, records, bytes, t.Codec, retention(t.RetentionMs))
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// totals counts offsets, which is records unless compaction left gaps.
func totals(t kafka.TopicInfo) (records, bytes int64) {
	for _, p := range t.Details {
		records += p.End - p.Start
		bytes += p.Bytes
	}
	return records, bytes
}

func retention(ms int64) string {
	if ms < 0 {
		return "forever"
	}
	return (time.Duration(ms) * time.Millisecond).String()
}

func topicsDescribe(s *shared) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "describe TOPIC",
		Short: "Describe a topic and its partitions",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return s.with(cmd, func(client *kafka.Client) error {
				t, err := client.Admin().DescribeTopic(cmd.Context(), a[0])
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), t)
				}
				return describe(cmd.OutOrStdout(), t)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func describe(out io.Writer, t kafka.TopicInfo) error {
	fmt.Fprintf(out, "topic        %s\nid           %x\npartitions   %d\ncodec        %s\ncompression  %s\ncleanup      %s\nretention    %s\n\n",
		t.Name, t.ID, t.Partitions, t.Codec, t.Compression, t.CleanupPolicy, retention(t.RetentionMs))
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PARTITION\tSTART\tEND\tDURABLE\tBYTES\tSEGMENTS\tSTATE")
	for _, p := range t.Details {
		state := "ok"
		if p.ReadOnly {
			state = "read-only"
		}
		if len(p.Damage) > 0 {
			state += fmt.Sprintf(", %d damaged places", len(p.Damage))
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%s\n", p.Partition, p.Start, p.End, p.DurableEnd, p.Bytes, p.Segments, state)
	}
	return w.Flush()
}

func topicsDelete(s *shared) *cobra.Command {
	return &cobra.Command{
		Use:   "delete TOPIC",
		Short: "Delete a topic with all its records and committed offsets",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return s.with(cmd, func(client *kafka.Client) error { return client.Admin().DeleteTopic(cmd.Context(), a[0]) })
		},
	}
}
