package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
)

type consumeFlags struct {
	group, offset, format string
	count                 int
	asJSON, follow        bool
}

func consumeCommand(s *shared) *cobra.Command {
	var f consumeFlags
	cmd := &cobra.Command{
		Use:   "consume TOPIC",
		Short: "Print messages, up to the end or as they come",
		Long: `Print messages. With a group its committed offsets are where reading begins, and what was printed is committed.

Formats (-f): %t topic, %p partition, %o offset, %k key, %v value, %T time, %h headers, %% a percent sign, \n and \t.`,
		Example: `  kafkado consume numbers -g counters -n 1000000
  kafkado consume orders -o -10 --follow
  kafkado consume orders -o @2026-01-01T00:00:00Z -f '%p/%o %k: %v'`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if f.count < 0 {
				return usage("-n %d", f.count)
			}
			return s.with(cmd, func(client *kafka.Client) error { return f.consume(cmd, client, a[0]) })
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.group, "group", "g", "", "consumer group")
	fl.StringVarP(&f.offset, "offset", "o", "start", "where to begin: start, end, -N from the end, an offset, or @time (RFC 3339 or ms)")
	fl.StringVarP(&f.format, "format", "f", `%v\n`, "what to print of each message")
	fl.IntVarP(&f.count, "count", "n", 0, "stop after this many; 0 is no bound")
	fl.BoolVar(&f.asJSON, "json", false, "print each message as a JSON object")
	fl.BoolVar(&f.follow, "follow", false, "wait for more at the end")
	return cmd
}

func (f *consumeFlags) consume(cmd *cobra.Command, client *kafka.Client, topic string) error {
	ctx := cmd.Context()
	info, err := client.Admin().DescribeTopic(ctx, topic)
	if err != nil {
		return err
	}
	opts, from, err := f.options(info)
	if err != nil {
		return err
	}
	k := client.Consumer(topic, f.group, opts...)
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
	write := f.formatter()
	n, last := 0, map[int]*kafka.Message{}
	// commit stores what was printed: the output first, so that nothing is committed that was not seen.
	commit := func() error {
		if err := out.Flush(); err != nil {
			return err
		}
		for p, m := range last {
			if f.group != "" {
				if err := m.Commit(ctx); err != nil && ctx.Err() == nil {
					return err
				}
			}
			delete(last, p)
		}
		return nil
	}
	for m := range k.Messages(ctx) {
		if m.Offset < from[m.Partition] {
			continue
		}
		if err := write(out, m); err != nil {
			return err
		}
		last[m.Partition] = m
		if n++; n == f.count {
			break
		}
		if n%1000 == 0 || f.follow {
			if err := commit(); err != nil {
				return err
			}
		}
	}
	return firstError(k.Err(), commit(), k.Close())
}

// options decides where to begin. The offsets it returns are where printing begins in each partition.
func (f *consumeFlags) options(t kafka.TopicInfo) (opts []kafka.ConsumerOption, from map[int]int64, err error) {
	if !f.follow {
		opts = append(opts, kafka.WithUntilEnd())
	}
	from = map[int]int64{}
	switch o := f.offset; {
	case o == "start":
	case o == "end":
		opts = append(opts, kafka.WithOffset(kafka.OffsetLatest))
	case strings.HasPrefix(o, "@"):
		at, err := parseTime(o[1:])
		if err != nil {
			return nil, nil, usage("--offset %s: %w", o, err)
		}
		opts = append(opts, kafka.WithOffsetTime(at))
	default:
		n, err := strconv.ParseInt(o, 10, 64)
		if err != nil {
			return nil, nil, usage("--offset %q: give start, end, -N, an offset or @time", o)
		}
		for _, p := range t.Details {
			if from[int(p.Partition)] = n; n < 0 {
				from[int(p.Partition)] = max(p.End+n, p.Start)
			}
		}
	}
	return opts, from, nil
}

func parseTime(s string) (time.Time, error) {
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	return time.Parse(time.RFC3339, s)
}

// formatter returns how to print a message.
func (f *consumeFlags) formatter() func(*bufio.Writer, *kafka.Message) error {
	if f.asJSON {
		return func(w *bufio.Writer, m *kafka.Message) error {
			b, err := json.Marshal(map[string]any{
				"topic": m.Topic, "partition": m.Partition, "offset": m.Offset, "key": m.Key, "value": m.Value,
				"timestamp": m.Timestamp.UTC(), "headers": m.Headers,
			})
			if err != nil {
				return err
			}
			_, err = w.Write(append(b, '\n'))
			return err
		}
	}
	format := strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(f.format)
	return func(w *bufio.Writer, m *kafka.Message) error { return printFormat(w, format, m) }
}

func printFormat(w *bufio.Writer, format string, m *kafka.Message) error {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			w.WriteByte(format[i])
			continue
		}
		i++
		switch format[i] {
		case 't':
			w.WriteString(m.Topic)
		case 'p':
			w.WriteString(strconv.Itoa(m.Partition))
		case 'o':
			w.WriteString(strconv.FormatInt(m.Offset, 10))
		case 'k':
			w.WriteString(m.Key)
		case 'v':
			if err := printValue(w, m.Value); err != nil {
				return err
			}
		case 'T':
			w.WriteString(m.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z"))
		case 'h':
			b, err := json.Marshal(m.Headers)
			if err != nil {
				return err
			}
			w.Write(b)
		case '%':
			w.WriteByte('%')
		default:
			return usage("--format: unknown %%%c", format[i])
		}
	}
	// A bufio.Writer keeps its first error.
	_, err := w.Write(nil)
	return err
}

// printValue prints text as it is and anything else as JSON.
func printValue(w *bufio.Writer, v any) error {
	switch v := v.(type) {
	case string:
		_, err := w.WriteString(v)
		return err
	case []byte:
		_, err := w.Write(v)
		return err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("printing a value: %w", err)
	}
	_, err = w.Write(b)
	return err
}
