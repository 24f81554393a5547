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
)

// Exit codes besides 0.
const (
	exitFailed = 1 // the command could not do its work
	exitUsage  = 2 // wrong flags or arguments
	exitDamage = 3 // verify found damage
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program, and returns its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var exit exitError
	if errors.As(err, &exit) {
		if exit.error != nil {
			fmt.Fprintln(errs, "kafkado:", err)
		}
		return exit.code
	}
	if errors.Is(err, errBroken) {
		return 0
	}
	fmt.Fprintln(errs, "kafkado:", err)
	return exitFailed
}

// exitError is an error with an exit code of its own.
type exitError struct {
	error
	code int
}

func (e exitError) Unwrap() error { return e.error }

// errBroken says that nobody reads the output any more, as when it is piped into head.
var errBroken = syscall.EPIPE

func usage(format string, args ...any) error {
	return exitError{fmt.Errorf(format+" (see --help)", args...), exitUsage}
}

// shared are the flags of all commands that open a log.
type shared struct {
	dir, url string
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

func rootCommand() *cobra.Command {
	s := &shared{}
	root := &cobra.Command{
		Use:   "kafkado",
		Short: "Kafka's log in a directory",
		Long: `kafkado works on a directory of topics, without a server.

The directory is --dir or --url, else the environment's KAFKA_DO_URL, else ./kafka-data.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%w", err) })
	root.PersistentFlags().StringVarP(&s.dir, "dir", "d", "", "data directory")
	root.PersistentFlags().StringVar(&s.url, "url", "", "where the log is: file:///dir, file:dir")
	root.AddCommand(demoCommand(s), topicsCommand(s), produceCommand(s), consumeCommand(s), dumpCommand(), verifyCommand(s))
	return root
}

// args makes cobra's checks of arguments errors of usage.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, a []string) error {
		if err := check(cmd, a); err != nil {
			return usage("%s: %w", cmd.CommandPath(), err)
		}
		return nil
	}
}
