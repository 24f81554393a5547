package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func verifyCommand(s *shared) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [DIR]",
		Short: "Read everything and say what is damaged; nothing is changed",
		Long: `Read every file of a data directory and compare it with its checksums. Nothing is written, and no lock is taken: in a
directory that a program has open, the newest records may show as a tail.

Exit code 0 means that all is well, 3 that something is damaged.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			dir, err := s.directory(a)
			if err != nil {
				return err
			}
			f, err := vfs.OS(dir)
			if err != nil {
				return err
			}
			defer f.Close()
			r, err := local.Verify(f)
			if err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), r)
			} else {
				err = printReport(cmd.OutOrStdout(), r)
			}
			if err == nil && !r.OK() {
				err = exitError{code: exitDamage}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// directory is the data directory that an argument, a flag or the environment names.
func (s *shared) directory(a []string) (string, error) {
	if len(a) == 1 {
		return a[0], nil
	}
	if s.dir != "" {
		return s.dir, nil
	}
	url := s.url
	if url == "" {
		url = kafka.ConfigFromEnv().URL
	}
	if url == "" {
		return kafka.DefaultDir, nil
	}
	if !strings.HasPrefix(url, "file:") {
		return "", usage("%q is no directory on this machine", url)
	}
	return local.Directory(url)
}

func printReport(out io.Writer, r local.Report) error {
	var problems []engine.Damage
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PARTITION\tSEGMENTS\tBATCHES\tRECORDS\tBYTES\tSTART\tEND\tSTATE")
	for _, p := range r.Partitions {
		state := "ok"
		if len(p.Problems) > 0 {
			state = "DAMAGED"
		} else if p.TailBytes > 0 {
			state = fmt.Sprintf("ok, and %d bytes that were never promised", p.TailBytes)
		}
		fmt.Fprintf(w, "%s-%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n",
			p.Topic, p.Partition, p.Segments, p.Batches, p.Records, p.Bytes, p.Start, p.End, state)
		problems = append(problems, p.Problems...)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, note := range r.Notes {
		fmt.Fprintln(out, "note:", note)
	}
	problems = append(r.Problems, problems...)
	for _, d := range problems {
		fmt.Fprintf(out, "damage: %s: %s", d.File, d.Detail)
		if d.First >= 0 && d.Next >= 0 {
			fmt.Fprintf(out, " (offsets %d to %d)", d.First, d.Next-1)
		}
		fmt.Fprintln(out)
	}
	if len(problems) > 0 {
		_, err := fmt.Fprintf(out, "%s damaged.\n", places(len(problems)))
		return err
	}
	_, err := fmt.Fprintln(out, "All is well.")
	return err
}

func places(n int) string {
	if n == 1 {
		return "1 place is"
	}
	return fmt.Sprintf("%d places are", n)
}
