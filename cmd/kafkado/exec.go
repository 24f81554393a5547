package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
)

// execHelp is what the help of consume says of --exec.
const execHelp = `With --exec a command is run for each message, by the shell, one at a time and in order, with the value on its standard
input (or what -f or --json make of the message) and KAFKA_TOPIC, KAFKA_PARTITION, KAFKA_OFFSET, KAFKA_KEY, KAFKA_TIMESTAMP
and KAFKA_HEADERS (JSON) in its environment. Exit code 0 means that the message is processed, and commits it. Any other is
a failure: it is tried again up to --attempts, with a growing pause, and then goes to --dead-letter; without such a topic
kafkado stops there, and the message comes again next time. After Ctrl-C a command that runs has 30 seconds to end.`

// execFlags are the flags of a queue worker.
type execFlags struct {
	command, deadLetter string
	attempts            int
	backoff             time.Duration
}

func (f *execFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.command, "exec", "", "run this command for each message")
	fl.StringVar(&f.deadLetter, "dead-letter", "", "topic for messages whose command failed too often")
	fl.IntVar(&f.attempts, "attempts", 3, "how often a command is tried in all")
	fl.DurationVar(&f.backoff, "backoff", time.Second, "pause before the second attempt; it doubles with each further one, up to 30s")
}

// check looks at the flags beside those of consume.
func (f *execFlags) check(cmd *cobra.Command, c *consumeFlags) error {
	given := cmd.Flags().Changed
	switch {
	case f.command == "" && (given("dead-letter") || given("attempts") || given("backoff")):
		return usage("--dead-letter, --attempts and --backoff go with --exec")
	case f.command == "":
		return nil
	case c.group == "":
		return usage("--exec needs a group, which remembers what is processed")
	case c.count > 0:
		return usage("--exec does not go with --count")
	case f.attempts < 1 || f.backoff < 0:
		return usage("--attempts %d --backoff %v: give at least 1, and 0s", f.attempts, f.backoff)
	}
	if !given("format") {
		c.format = "%v"
	}
	return nil
}

// work runs a worker on the command.
func (f *consumeFlags) work(cmd *cobra.Command, client *kafka.Client, topic string) error {
	if _, err := client.Admin().DescribeTopic(cmd.Context(), topic); err != nil {
		return err
	}
	opts := append(f.options(), kafka.WithAttempts(f.exec.attempts), kafka.WithBackoff(f.exec.backoff, 30*time.Second))
	if f.exec.deadLetter != "" {
		opts = append(opts, kafka.WithDeadLetter(f.exec.deadLetter, f.exec.attempts))
	}
	w := kafka.NewWorker(client, topic, f.group, func(ctx context.Context, m *kafka.Message) error {
		err := f.runCommand(ctx, cmd, m)
		if err != nil {
			err = fmt.Errorf("%s-%d offset %d: %w", m.Topic, m.Partition, m.Offset, err)
			fmt.Fprintln(cmd.ErrOrStderr(), "kafkado:", err)
		}
		return err
	}, opts...)
	if err := w.Run(cmd.Context()); err != nil {
		return fmt.Errorf("stopped: %w", err)
	}
	return cmd.Context().Err()
}

// runCommand runs the command for one message.
func (f *consumeFlags) runCommand(ctx context.Context, cmd *cobra.Command, m *kafka.Message) error {
	var in bytes.Buffer
	w := bufio.NewWriter(&in)
	if err := errors.Join(f.print(w, m), w.Flush()); err != nil {
		return err
	}
	headers, err := compactJSON(m.Headers)
	if err != nil {
		return err
	}
	shell := []string{"sh", "-c", f.exec.command}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/C", f.exec.command}
	}
	c := exec.CommandContext(ctx, shell[0], shell[1:]...)
	c.Stdin, c.Stdout, c.Stderr = &in, cmd.OutOrStdout(), cmd.ErrOrStderr()
	c.Env = append(os.Environ(),
		"KAFKA_TOPIC="+m.Topic, "KAFKA_PARTITION="+strconv.Itoa(m.Partition), "KAFKA_OFFSET="+strconv.FormatInt(m.Offset, 10),
		"KAFKA_KEY="+m.Key, "KAFKA_TIMESTAMP="+m.Timestamp.UTC().Format(time.RFC3339Nano),
		"KAFKA_HEADERS="+string(bytes.TrimSpace(headers)))
	c.WaitDelay = time.Second
	ownGroup(c)
	err = c.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil // it succeeded, and left something behind that has its output open
	}
	return err
}
