package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/mirror"
)

type mirrorFlags struct {
	topics             []string
	id                 string
	following, appends bool
}

func mirrorCommand(s *shared) *cobra.Command {
	var f mirrorFlags
	cmd := s.json(&cobra.Command{
		Use:   "mirror FROM TO",
		Short: "Carry topics, their records and the offsets of groups from one log to another",
		Long: `Carry topics, their records and the offsets of groups from one log to another. Each of the two is a directory or a URL.

Records keep partition, order, key, value, headers and timestamp; their offsets are the target's, and what groups have
committed is translated. Topics that the target does not have are made as they are in the source.

It can be stopped, or killed, and run again at any time: each record is carried once. How far it has come stands in the
target, in the topic _mirror.<id>. Where the target has no transactions records may come twice after a kill; the summary
says so.

A directory can be mirrored while no program has it open.`,
		Example: `  kafkado mirror ./kafka-data kafka://broker:9092
  kafkado mirror kafka://broker:9092 ./copy --topic 'orders.*' --follow`,
		Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error { return f.run(cmd, s, a[0], a[1]) },
	})
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.topics, "topic", "t", nil, "carry only this topic, or those like 'orders.*'; may be given again")
	flags.StringVar(&f.id, "id", mirror.DefaultID, "name of the mirror, for several with one target")
	flags.BoolVarP(&f.following, "follow", "f", false, "go on with what comes, until Ctrl-C")
	flags.BoolVar(&f.appends, "append", false, "carry also into topics that have other records")
	return cmd
}

func (f *mirrorFlags) run(cmd *cobra.Command, s *shared, from, to string) (err error) {
	if s.dir != "" || s.url != "" {
		return usage("mirror takes both logs as arguments: leave out --dir and --url")
	}
	ctx := cmd.Context()
	if err := exists(from); err != nil {
		return err
	}
	source, err := openLog(ctx, from)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, source.Close()) }()
	target, err := openLog(ctx, to)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, target.Close()) }()
	view := newMirrorView(cmd.ErrOrStderr())
	summary, err := mirror.Run(ctx, source, target, f.options(view)...)
	view.bar.done()
	if err != nil && (ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
		if errors.Is(err, kafka.ErrCorrupt) {
			err = exitError{err, exitDamage}
		}
		return err
	}
	if s.asJSON {
		return printJSON(cmd.OutOrStdout(), newMirrorJSON(summary, err == nil))
	}
	return printMirror(cmd.OutOrStdout(), summary, err == nil)
}

func (f *mirrorFlags) options(view *mirrorView) []mirror.Option {
	opts := []mirror.Option{mirror.ID(f.id), mirror.OnProgress(view.show)}
	if len(f.topics) > 0 {
		opts = append(opts, mirror.Topics(f.topics...))
	}
	if f.following {
		opts = append(opts, mirror.Follow())
	}
	if f.appends {
		opts = append(opts, mirror.Append())
	}
	return opts
}

// openLog opens a log that is named by a URL, or by a directory. Records of a cluster that name no codec were written by
// other programs: they are carried as bytes.
func openLog(ctx context.Context, name string) (*kafka.Client, error) {
	switch {
	case strings.HasPrefix(name, "kafka+ssl:"), strings.HasPrefix(name, "kafka:"), strings.HasPrefix(name, "kafkas:"):
		return kafka.NewClient(ctx, kafka.WithURL(name), kafka.WithCodec(kafka.Raw))
	case isURL(name):
		return kafka.NewClient(ctx, kafka.WithURL(name))
	}
	return kafka.NewClient(ctx, kafka.WithDir(name))
}

// isURL tells a URL from a directory: its scheme has more letters than the drive of a Windows path.
func isURL(name string) bool {
	scheme, _, found := strings.Cut(name, ":")
	return found && len(scheme) > 1 && !strings.ContainsAny(scheme, `/\.`)
}

// exists refuses a source directory that is not there: it would be made, and be empty.
func exists(name string) error {
	dir := name
	if isURL(name) {
		if !strings.HasPrefix(name, "file:") {
			return nil
		}
		var err error
		if dir, err = local.Directory(name); err != nil {
			return err
		}
	}
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	return nil
}

// mirrorView shows how far a mirror has come: a bar at a terminal, otherwise a line now and then.
type mirrorView struct {
	errs  io.Writer
	bar   *progress
	shown int64
	next  time.Time
}

// lineEvery is how often a line is printed where there is no terminal.
const lineEvery = 10 * time.Second

func newMirrorView(errs io.Writer) *mirrorView {
	return &mirrorView{errs: errs, bar: newProgress(errs, "offsets", 0), next: time.Now().Add(lineEvery)}
}

func (v *mirrorView) show(p mirror.Progress) {
	v.bar.outOf(p.Total)
	v.bar.add(int(p.Offsets - v.shown))
	v.shown = p.Offsets
	if now := time.Now(); v.bar == nil && !now.Before(v.next) {
		v.next = now.Add(lineEvery)
		fmt.Fprintf(v.errs, "%d of %d offsets, %d records, %d bytes\n", p.Offsets, p.Total, p.Records, p.Bytes)
	}
}

type mirrorJSON struct {
	Topics      int      `json:"topics"`
	Partitions  int      `json:"partitions"`
	Records     int64    `json:"records"`
	Bytes       int64    `json:"bytes"`
	Skipped     int64    `json:"skipped"`
	Groups      int      `json:"groups"`
	GroupsInUse []string `json:"groups_in_use"`
	ExactlyOnce bool     `json:"exactly_once"`
	ElapsedMs   int64    `json:"elapsed_ms"`
	Complete    bool     `json:"complete"` // not interrupted
}

func newMirrorJSON(s mirror.Summary, complete bool) mirrorJSON {
	return mirrorJSON{
		Topics: s.Topics, Partitions: s.Partitions, Records: s.Records, Bytes: s.Bytes, Skipped: s.Skipped, Groups: s.Groups,
		GroupsInUse: append([]string{}, s.GroupsInUse...), ExactlyOnce: s.ExactlyOnce, ElapsedMs: s.Elapsed.Milliseconds(),
		Complete: complete,
	}
}

func printMirror(out io.Writer, s mirror.Summary, complete bool) error {
	if !complete {
		fmt.Fprintln(out, "Interrupted; run it again to go on.")
	}
	fmt.Fprintf(out, "Carried %d records, %d bytes, of %d topics with %d partitions in %v.\n",
		s.Records, s.Bytes, s.Topics, s.Partitions, s.Elapsed.Round(time.Millisecond))
	if s.Skipped > 0 {
		fmt.Fprintf(out, "%d offsets were deleted from the source before they could be carried.\n", s.Skipped)
	}
	fmt.Fprintf(out, "Groups whose offsets were translated: %d.\n", s.Groups)
	if len(s.GroupsInUse) > 0 {
		fmt.Fprintf(out, "Groups that were left alone, because they have members in the target: %s.\n", strings.Join(s.GroupsInUse, ", "))
	}
	if !s.ExactlyOnce && s.Topics > 0 {
		fmt.Fprintln(out, "The target has no transactions: after a kill or an error records may be there twice.")
	}
	return nil
}
