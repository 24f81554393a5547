package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress tells somebody at a terminal how far a command is. All methods may be called on nil, which tells nothing.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress begins to tell, if w is a terminal. Total is in whatever unit add counts; -1 is not known.
func newProgress(w io.Writer, what string, total int64) *progress {
	if !isTerminal(w) {
		return nil
	}
	return &progress{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionShowTotalBytes(total >= 0),
		progressbar.OptionShowIts(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// outOf sets the total, for one that is known only later.
func (p *progress) outOf(total int64) {
	if p != nil {
		p.bar.ChangeMax64(max(total, 1)) // which is not -1, for a total that is never known
	}
}

func (p *progress) add(n int) {
	if p != nil {
		_ = p.bar.Add(n) // a terminal that is gone is no reason to stop
	}
}

// done takes it off the screen.
func (p *progress) done() {
	if p != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
	}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
