package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
)

func groupsCommand(s *shared) *cobra.Command {
	return parent("groups", "List, describe, reset and delete consumer groups",
		groupsList(s), groupsDescribe(s), groupsReset(s), groupsDelete(s))
}

type groupJSON struct {
	Group    string            `json:"group"`
	State    string            `json:"state"`
	Protocol string            `json:"protocol,omitempty"`
	Lag      int64             `json:"lag"`
	Members  []memberJSON      `json:"members"`
	Offsets  []groupOffsetJSON `json:"offsets"`
}

type memberJSON struct {
	Member   string   `json:"member"`
	Instance string   `json:"instance,omitempty"`
	Topics   []string `json:"topics"`
	Assigned []string `json:"assigned"` // topic-partition
}

type groupOffsetJSON struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed int64  `json:"committed"`
	End       int64  `json:"end"`
	Lag       int64  `json:"lag"`
}

func groupToJSON(g kafka.GroupInfo) groupJSON {
	j := groupJSON{Group: g.ID, State: g.State, Protocol: g.Protocol, Lag: g.TotalLag, Members: []memberJSON{}, Offsets: []groupOffsetJSON{}}
	for _, m := range g.Members {
		j.Members = append(j.Members, memberJSON{Member: m.ID, Instance: m.InstanceID, Topics: m.Topics, Assigned: assigned(m)})
	}
	for _, o := range g.Offsets {
		j.Offsets = append(j.Offsets, groupOffsetJSON{o.Topic, o.Partition, o.Committed, o.End, o.Lag})
	}
	return j
}

func assigned(m kafka.MemberInfo) []string {
	names := []string{}
	for _, tp := range m.Assignment {
		names = append(names, fmt.Sprintf("%s-%d", tp.Topic, tp.Partition))
	}
	return names
}

func groupsList(s *shared) *cobra.Command {
	return s.json(&cobra.Command{
		Use:   "list",
		Short: "List groups",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.with(cmd, func(client *kafka.Client) error {
				groups, err := client.Admin().ListGroups(cmd.Context())
				if err != nil {
					return err
				}
				if s.asJSON {
					list := make([]groupJSON, len(groups))
					for i, g := range groups {
						list[i] = groupToJSON(g)
					}
					return printJSON(cmd.OutOrStdout(), list)
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "GROUP\tSTATE\tMEMBERS\tLAG")
				for _, g := range groups {
					fmt.Fprintf(w, "%s\t%s\t%d\t%d\n", g.ID, g.State, g.MemberCount, g.TotalLag)
				}
				return w.Flush()
			})
		},
	})
}

func groupsDescribe(s *shared) *cobra.Command {
	return s.json(&cobra.Command{
		Use:   "describe GROUP",
		Short: "Describe a group, its members and how far it has read",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return s.with(cmd, func(client *kafka.Client) error { return s.printGroup(cmd.Context(), cmd.OutOrStdout(), client, a[0]) })
		},
	})
}

func (s *shared) printGroup(ctx context.Context, out io.Writer, client *kafka.Client, name string) error {
	g, err := client.Admin().DescribeGroup(ctx, name)
	if err != nil {
		return err
	}
	if s.asJSON {
		return printJSON(out, groupToJSON(g))
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "group\t%s\nstate\t%s\nlag\t%d\n\n", g.ID, g.State, g.TotalLag)
	if len(g.Members) > 0 {
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(w, "MEMBER\tASSIGNED")
		for _, m := range g.Members {
			fmt.Fprintf(w, "%s\t%s\n", m.ID, strings.Join(assigned(m), " "))
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "TOPIC\tPARTITION\tCOMMITTED\tEND\tLAG")
	for _, o := range g.Offsets {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", o.Topic, o.Partition, o.Committed, o.End, o.Lag)
	}
	return w.Flush()
}

func groupsDelete(s *shared) *cobra.Command {
	return s.json(&cobra.Command{
		Use:   "delete GROUP",
		Short: "Forget a group and its committed offsets",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return s.with(cmd, func(client *kafka.Client) error {
				if err := client.Admin().DeleteGroup(cmd.Context(), a[0]); err != nil {
					return err
				}
				return s.printDeleted(cmd, "group", a[0])
			})
		},
	})
}

type resetFlags struct {
	topic, to string
	partition int
}

func groupsReset(s *shared) *cobra.Command {
	var f resetFlags
	cmd := s.json(&cobra.Command{
		Use:   "reset GROUP",
		Short: "Move the committed offsets of a group, back or forward; one that does not exist is made",
		Example: `  kafkado groups reset billing --topic orders --to start
  kafkado groups reset billing --topic orders --to @2026-01-31T12:00:00Z
  kafkado groups reset billing --topic orders --partition 2 --to 1500`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if f.topic == "" || f.to == "" {
				return usage("give --topic and --to")
			}
			to, err := parsePlace("to", f.to)
			if err != nil {
				return err
			}
			if to.kind == placeTime && f.partition >= 0 {
				return usage("--to a time moves all partitions; leave --partition out")
			}
			return s.with(cmd, func(client *kafka.Client) error {
				if err := f.reset(cmd.Context(), client.Admin(), a[0], to); err != nil {
					return err
				}
				return s.printGroup(cmd.Context(), cmd.OutOrStdout(), client, a[0])
			})
		},
	})
	cmd.Flags().StringVarP(&f.topic, "topic", "t", "", "the topic")
	cmd.Flags().StringVar(&f.to, "to", "", "where to: "+placeHelp)
	cmd.Flags().IntVarP(&f.partition, "partition", "p", -1, "this partition only")
	return cmd
}

func (f *resetFlags) reset(ctx context.Context, admin *kafka.Admin, group string, to place) error {
	if to.kind == placeTime {
		return admin.ResetOffsetsToTime(ctx, group, f.topic, to.at)
	}
	info, err := admin.DescribeTopic(ctx, f.topic)
	if err != nil {
		return err
	}
	offsets := map[int]int64{}
	for _, p := range info.Details {
		if f.partition < 0 || f.partition == int(p.Partition) {
			offsets[int(p.Partition)] = to.in(p)
		}
	}
	if f.partition >= 0 && len(offsets) == 0 {
		offsets[f.partition] = 0 // which the engine refuses, in its words
	}
	return admin.ResetOffsetsTo(ctx, group, f.topic, offsets)
}
