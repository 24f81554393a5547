package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
)

type produceFlags struct {
	key, separator    string
	asJSON            bool
	tombstones        bool
	headers           []string
	acks, compression string
	partition         int
	quiet             bool

	fixed map[string]string // headers of all messages
}

// mostLines is how many lines are sent as one batch.
const mostLines = 1000

func produceCommand(s *shared) *cobra.Command {
	var f produceFlags
	cmd := &cobra.Command{
		Use:   "produce TOPIC",
		Short: "Send the lines of standard input, or JSON values, one message each",
		Example: `  seq 1 1000000 | kafkado produce numbers
  echo 'customer-4:paid' | kafkado produce orders -K :
  echo '{"amount": 99.99}' | kafkado produce orders --json -H source=shop
  echo 'customer-4:' | kafkado produce customers -K : --tombstones`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			opts, err := f.options()
			if err != nil {
				return err
			}
			return s.with(cmd, func(client *kafka.Client) error {
				send, end := f.sender(client, a[0], opts)
				n, err := f.produce(cmd, send)
				err = firstError(err, end())
				interrupted := errors.Is(err, context.Canceled)
				if (err == nil || interrupted) && !f.quiet {
					fmt.Fprintf(cmd.ErrOrStderr(), "%d messages sent to %s\n", n, a[0])
				}
				if err != nil {
					return fmt.Errorf("after %d messages: %w", n, err)
				}
				return nil
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.key, "key", "k", "", "key of all messages")
	fl.StringVarP(&f.separator, "separator", "K", "", "what stands between key and value in a line")
	fl.BoolVar(&f.asJSON, "json", false, "each line is a JSON value; null is a tombstone")
	fl.BoolVar(&f.tombstones, "tombstones", false, "an empty value is a tombstone")
	fl.StringArrayVarP(&f.headers, "header", "H", nil, "a header of all messages, key=value; may be repeated")
	fl.StringVar(&f.acks, "acks", "all", "durability: all, leader or none")
	fl.StringVar(&f.compression, "compression", "", "codec of batches: none, gzip, snappy, lz4 or zstd; default the topic's")
	fl.IntVarP(&f.partition, "partition", "p", -1, "send to this partition")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "say nothing at the end")
	return cmd
}

func (f *produceFlags) options() (opts []kafka.ProducerOption, err error) {
	acks, ok := map[string]kafka.Acks{"all": kafka.AcksAll, "leader": kafka.AcksLeader, "none": kafka.AcksNone}[f.acks]
	if !ok {
		return nil, usage("--acks %q: there are all, leader and none", f.acks)
	}
	opts = append(opts, kafka.WithAcks(acks))
	for _, h := range f.headers {
		key, value, ok := strings.Cut(h, "=")
		if !ok || key == "" {
			return nil, usage("--header %q: write key=value", h)
		}
		if f.fixed == nil {
			f.fixed = map[string]string{}
		}
		f.fixed[key] = value
	}
	if f.compression != "" {
		var c kafka.Compression
		if err := c.UnmarshalText([]byte(f.compression)); err != nil {
			return nil, usage("--compression: %w", err)
		}
		opts = append(opts, kafka.WithCompression(c))
	}
	return opts, nil
}

// produce sends lines in batches: what there is at once, so that a line typed by hand goes out when it ends.
func (f *produceFlags) produce(cmd *cobra.Command, send sender) (sent int, err error) {
	in := bufio.NewReaderSize(&interruptible{ctx: cmd.Context(), in: cmd.InOrStdin()}, 256<<10)
	bar := f.progress(cmd)
	defer bar.done()
	var batch []kafka.Message
	flush := func() error {
		if err := send(cmd.Context(), batch); err != nil {
			return err
		}
		sent += len(batch)
		bar.add(len(batch))
		batch = batch[:0]
		return nil
	}
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if len(text) > 0 {
			m, err := f.message(bytes.TrimRight(text, "\r\n"))
			if err != nil {
				return sent, errors.Join(fmt.Errorf("line %d: %w", line, err), flush())
			}
			batch = append(batch, m)
		}
		if err == io.EOF {
			return sent, flush()
		}
		if err != nil {
			return sent, firstError(flush(), err)
		}
		if len(batch) >= mostLines || !lineWaits(in) {
			if err := flush(); err != nil {
				return sent, err
			}
		}
	}
}

// progress is shown while lines come from elsewhere than the terminal.
func (f *produceFlags) progress(cmd *cobra.Command) *progress {
	if f.quiet || isTerminal(cmd.InOrStdin()) {
		return nil
	}
	return newProgress(cmd.ErrOrStderr(), "messages", -1)
}

// sender sends messages, in their order.
type sender func(context.Context, []kafka.Message) error

// sender returns what sends batches, and what ends it. A batch to one partition shares its writes and fsyncs, too.
func (f *produceFlags) sender(client *kafka.Client, topic string, opts []kafka.ProducerOption) (send sender, end func() error) {
	if f.partition < 0 {
		p := client.Producer(topic, opts...)
		return p.SendBatch, p.Close
	}
	p := client.AsyncProducer(topic, opts...)
	return func(ctx context.Context, batch []kafka.Message) error {
		deliveries := make([]*kafka.Delivery, len(batch))
		for i, m := range batch {
			deliveries[i] = p.SendTo(ctx, f.partition, m)
		}
		err := p.Flush(ctx)
		for _, d := range deliveries {
			if _, e := d.Wait(ctx); e != nil {
				return e // also of a message that was not taken
			}
		}
		return err
	}, p.Close
}

// lineWaits reports whether a whole line can be read without waiting.
func lineWaits(r *bufio.Reader) bool {
	b, _ := r.Peek(r.Buffered())
	return bytes.IndexByte(b, '\n') >= 0
}

func (f *produceFlags) message(line []byte) (m kafka.Message, err error) {
	m.Key, m.Headers = f.key, f.fixed
	if f.separator != "" {
		key, value, ok := bytes.Cut(line, []byte(f.separator))
		if !ok {
			return m, fmt.Errorf("no %q between key and value", f.separator)
		}
		m.Key, line = string(key), value
	}
	if f.tombstones && len(line) == 0 {
		return m, nil
	}
	if !f.asJSON {
		m.Value = string(line)
		return m, nil
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&m.Value); err != nil {
		return m, err
	}
	if d.More() {
		return m, errors.New("more than one JSON value")
	}
	return m, nil
}
