package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

func repairCommand(s *shared) *cobra.Command {
	var yes bool
	cmd := s.json(&cobra.Command{
		Use:   "repair [DIR]",
		Short: "Take damage out of a data directory, so that damaged partitions take records again",
		Long: `Take damage out of a data directory. Without --yes it says what is damaged and changes nothing.

Records that are sound keep their offsets. Those that are damaged are lost for reading; their bytes are kept in files that
end with .broken, and their offsets are passed over. No program may have the directory open.

Exit code 0 means that all is well, 3 that something is damaged still.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			dir, err := s.directory(a)
			if err != nil {
				return err
			}
			return s.repair(cmd, dir, yes)
		},
	})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do it")
	return cmd
}

func (s *shared) repair(cmd *cobra.Command, dir string, yes bool) error {
	f, err := vfs.OS(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	work := local.Verify
	if yes {
		work = func(f vfs.FS) (local.Report, error) {
			return local.Repair(f, clock.Real, slog.New(slog.DiscardHandler))
		}
	}
	r, err := work(f)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if s.asJSON {
		err = printJSON(cmd.OutOrStdout(), r)
	} else {
		err = printReport(cmd.OutOrStdout(), r)
	}
	if err != nil || r.OK() {
		return err
	}
	if !yes {
		fmt.Fprintln(cmd.ErrOrStderr(), "Nothing was changed. To repair it, make a copy of the directory and give --yes.")
	}
	return exitError{code: exitDamage}
}
