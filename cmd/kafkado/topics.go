package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
)

func topicsCommand(s *shared) *cobra.Command {
	return parent("topics", "Create, list, describe, alter and delete topics",
		topicsCreate(s), topicsList(s), topicsDescribe(s), topicsAlter(s), topicsAddPartitions(s), topicsDelete(s))
}

func topicsList(s *shared) *cobra.Command {
	return s.json(&cobra.Command{
		Use:   "list",
		Short: "List topics",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.with(cmd, func(client *kafka.Client) error {
				topics, err := client.Admin().ListTopics(cmd.Context())
				if err != nil {
					return err
				}
				if s.asJSON {
					list := make([]topicJSON, len(topics))
					for i, t := range topics {
						list[i] = toJSON(t)
					}
					return printJSON(cmd.OutOrStdout(), list)
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "TOPIC\tPARTITIONS\tRECORDS\tBYTES\tCODEC\tRETENTION")
				for _, t := range topics {
					records, bytes := totals(t)
					fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\n", t.Name, t.Partitions, records, bytes, t.Codec, forever(t.RetentionMs))
				}
				return w.Flush()
			})
		},
	})
}

func topicsDescribe(s *shared) *cobra.Command {
	return s.json(&cobra.Command{
		Use:   "describe TOPIC",
		Short: "Describe a topic and its partitions",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return s.with(cmd, func(client *kafka.Client) error {
				t, err := client.Admin().DescribeTopic(cmd.Context(), a[0])
				if err != nil {
					return err
				}
				if s.asJSON {
					return printJSON(cmd.OutOrStdout(), toJSON(t))
				}
				return describe(cmd.OutOrStdout(), t)
			})
		},
	})
}

func describe(out io.Writer, t kafka.TopicInfo) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "topic\t%s\nid\t%x\npartitions\t%d\ncodec\t%s\ncompression\t%s\ncleanup\t%s\nretention\t%s\n",
		t.Name, t.ID, t.Partitions, t.Codec, t.Compression, t.CleanupPolicy, forever(t.RetentionMs))
	if t.RetentionBytes >= 0 {
		fmt.Fprintf(w, "retention bytes\t%d\n", t.RetentionBytes)
	}
	fmt.Fprintf(w, "segment bytes\t%d\nmax message bytes\t%d\n\n", t.SegmentBytes, t.MaxMessageBytes)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "PARTITION\tSTART\tEND\tDURABLE\tBYTES\tSEGMENTS\tSTATE")
	for _, p := range t.Details {
		state := "ok"
		if p.ReadOnly {
			state = "read-only"
		}
		if len(p.Damage) > 0 {
			state += fmt.Sprintf(", damaged places: %d", len(p.Damage))
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%s\n", p.Partition, p.Start, p.End, p.DurableEnd, p.Bytes, p.Segments, state)
	}
	return w.Flush()
}

func topicsDelete(s *shared) *cobra.Command {
	return s.json(&cobra.Command{
		Use:   "delete TOPIC",
		Short: "Delete a topic with all its records and committed offsets",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return s.with(cmd, func(client *kafka.Client) error {
				if err := client.Admin().DeleteTopic(cmd.Context(), a[0]); err != nil {
					return err
				}
				return s.printDeleted(cmd, "topic", a[0])
			})
		},
	})
}

// printDeleted says what is gone.
func (s *shared) printDeleted(cmd *cobra.Command, kind, name string) error {
	if s.asJSON {
		return printJSON(cmd.OutOrStdout(), map[string]string{"deleted": kind, kind: name})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "Deleted %s %s.\n", kind, name)
	return err
}
