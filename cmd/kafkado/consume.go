package main

import (
	"bufio"
	"context"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
)

type consumeFlags struct {
	group, offset, format string
	count                 int
	asJSON, follow        bool
	exec                  execFlags

	from  place
	print printer
}

func consumeCommand(s *shared) *cobra.Command {
	var f consumeFlags
	cmd := &cobra.Command{
		Use:   "consume TOPIC [GROUP]",
		Short: "Print messages, up to the end or as they come",
		Long: `Print messages. With a group its committed offsets are where reading begins, and what was printed is committed.

` + formatHelp + "\n\n" + execHelp,
		Example: `  kafkado consume numbers counters -n 1000000
  kafkado consume orders -o -10 --follow
  kafkado consume orders -o @2026-01-01T00:00:00Z -f '%p/%o %k: %v\n'
  kafkado consume orders mailer --follow --exec ./mail.sh --dead-letter orders-failed`,
		Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := f.check(cmd, a); err != nil {
				return err
			}
			return s.with(cmd, func(client *kafka.Client) error {
				if f.exec.command != "" {
					return f.work(cmd, client, a[0])
				}
				return f.consume(cmd, client, a[0])
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.group, "group", "g", "", "consumer group")
	fl.StringVarP(&f.offset, "offset", "o", "start", "where to begin: "+placeHelp)
	fl.StringVarP(&f.format, "format", "f", `%v\n`, "what to print of each message")
	fl.IntVarP(&f.count, "count", "n", 0, "stop after this many; 0 is no bound")
	fl.BoolVar(&f.asJSON, "json", false, "print each message as a JSON object")
	fl.BoolVar(&f.follow, "follow", false, "wait for more at the end")
	f.exec.register(cmd)
	return cmd
}

// check looks at flags and arguments before anything is opened.
func (f *consumeFlags) check(cmd *cobra.Command, a []string) (err error) {
	if len(a) == 2 {
		if f.group != "" && f.group != a[1] {
			return usage("two groups, %s and %s", a[1], f.group)
		}
		f.group = a[1]
	}
	if f.count < 0 {
		return usage("--count %d", f.count)
	}
	if f.from, err = parsePlace("offset", f.offset); err != nil {
		return err
	}
	if f.group != "" && f.from.seeks() {
		return usage("--offset %s: a group begins at its committed offsets; move them with groups reset", f.offset)
	}
	if err := f.exec.check(cmd, f); err != nil {
		return err
	}
	if f.print, err = parseFormat(f.format); f.asJSON {
		f.print = printMessageJSON
	}
	return err
}

// seeks reports whether the place is one that only a seek finds.
func (p place) seeks() bool { return p.kind == placeOffset || p.kind == placeBeforeEnd }

func (f *consumeFlags) consume(cmd *cobra.Command, client *kafka.Client, topic string) error {
	ctx := cmd.Context()
	info, err := client.Admin().DescribeTopic(ctx, topic)
	if err != nil {
		return err
	}
	k := client.Consumer(topic, f.group, f.options()...)
	if f.from.seeks() {
		for _, p := range info.Details {
			if err := k.Seek(ctx, topic, int(p.Partition), f.from.in(p)); err != nil {
				return err
			}
		}
	}
	out := printed{w: bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10), commits: f.group != "", newest: map[int]*kafka.Message{}}
	if !isTerminal(cmd.OutOrStdout()) {
		out.bar = newProgress(cmd.ErrOrStderr(), "messages", -1)
	}
	defer out.bar.done()
	err = f.loop(ctx, k, &out)
	return firstError(err, out.commit(context.WithoutCancel(ctx)), k.Close(), ctx.Err())
}

func (f *consumeFlags) options() (opts []kafka.ConsumerOption) {
	if !f.follow {
		opts = append(opts, kafka.WithUntilEnd())
	}
	switch f.from.kind {
	case placeEnd:
		opts = append(opts, kafka.WithOffset(kafka.OffsetLatest))
	case placeTime:
		opts = append(opts, kafka.WithOffsetTime(f.from.at))
	}
	return opts
}

// printEvery is how many messages are printed between two commits.
const printEvery = 1000

func (f *consumeFlags) loop(ctx context.Context, k *kafka.Consumer, out *printed) error {
	n := 0
	for m := range k.Messages(ctx) {
		if err := f.print(out.w, m); err != nil {
			return err
		}
		out.newest[m.Partition] = m
		if n++; n == f.count {
			break
		}
		if n%printEvery == 0 || f.follow {
			if err := out.commit(ctx); err != nil {
				return err
			}
		}
		out.bar.add(1)
	}
	return k.Err()
}

// printed is output, and the newest message in it of each partition.
type printed struct {
	w       *bufio.Writer
	bar     *progress
	commits bool
	newest  map[int]*kafka.Message
}

// commit stores what was printed: the output first, so that nothing is committed that was not seen.
func (p *printed) commit(ctx context.Context) error {
	if err := p.w.Flush(); err != nil {
		return err
	}
	for partition, m := range p.newest {
		if p.commits {
			if err := m.Commit(ctx); err != nil {
				return err
			}
		}
		delete(p.newest, partition)
	}
	return nil
}
