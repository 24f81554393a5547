// Command kafkado looks into, fills and checks the logs of kafka-embedded. Run it without arguments for help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
	_ "github.com/dot-do/kafka-embedded/cluster" // kafka:
)

// Exit codes besides 0. The help of the root command lists them.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitDamage      = 3
	exitInterrupted = 130 // as a shell reports a program that SIGINT ended
)

func main() {
	// A write into a pipe that nobody reads any more is to fail rather than to end the program, so that the log is closed.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program, and returns its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := rootCommand()
	started := false
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err != nil && !started {
		err = usage("%w", err)
	}
	var exit exitError
	switch {
	case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
		return exitInterrupted
	case err == nil || isBroken(err):
		return 0
	case errors.As(err, &exit):
		if exit.error != nil {
			fmt.Fprintln(errs, "kafkado:", err)
		}
		return exit.code
	}
	fmt.Fprintln(errs, "kafkado:", err)
	return exitFailed
}

// exitError is an error with an exit code of its own. Without an error, what there is to say has been said.
type exitError struct {
	error
	code int
}

func (e exitError) Unwrap() error { return e.error }

func usage(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	var exit exitError
	if errors.As(err, &exit) {
		return exit // it is one already
	}
	return exitError{fmt.Errorf("%w (see --help)", err), exitUsage}
}

// shared are the flags that several commands have.
type shared struct {
	dir, url string
	asJSON   bool
}

// json gives a command the flag --json.
func (s *shared) json(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&s.asJSON, "json", false, "print JSON")
	return cmd
}

func (s *shared) client(ctx context.Context, opts ...kafka.Option) (*kafka.Client, error) {
	if s.dir != "" && s.url != "" {
		return nil, usage("give --dir or --url, not both")
	}
	if s.dir != "" {
		opts = append(opts, kafka.WithDir(s.dir))
	}
	if s.url != "" {
		opts = append(opts, kafka.WithURL(s.url))
	}
	return kafka.NewClient(ctx, opts...)
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

func rootCommand() *cobra.Command {
	s := &shared{}
	root := parent("kafkado", "Kafka's log in a directory",
		demoCommand(s), topicsCommand(s), groupsCommand(s), produceCommand(s), consumeCommand(s), dumpCommand(s),
		verifyCommand(s), repairCommand(s), mirrorCommand(s), benchCommand(s))
	root.Long = `kafkado works on a directory of topics, without a server.

The directory is --dir or --url, else the environment's KAFKA_DO_URL, else ./kafka-data.

Exit codes: 0 done, 1 failed, 2 wrong flags or arguments, 3 damage was found, 130 interrupted. After Ctrl-C everything that
was acknowledged is kept, and a group has committed what was printed.`
	root.SilenceUsage, root.SilenceErrors = true, true
	root.PersistentFlags().StringVarP(&s.dir, "dir", "d", "", "data directory")
	root.PersistentFlags().StringVar(&s.url, "url", "", "where the log is: file:///dir, file:dir, kafka://host:port")
	return root
}

// parent makes a command that only has others. Without one of them it shows its help; an unknown one is wrong usage.
func parent(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, a []string) error {
			if len(a) == 0 {
				return cmd.Help()
			}
			hint := ""
			if similar := cmd.SuggestionsFor(a[0]); len(similar) > 0 {
				hint = fmt.Sprintf("; did you mean %s?", similar[0])
			}
			return usage("%s has no command %q%s", cmd.CommandPath(), a[0], hint)
		},
		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(commands...)
	return cmd
}
