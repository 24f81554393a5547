package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// corruptName is the scenario in which each contender's files are damaged behind its back. It has counts and words in
// place of figures, so it stands beside the others.
const (
	corruptName  = "corrupt"
	corruptTitle = "what is left of records, and what is said, after damage to the files"
	corruptGoal  = "no wrong byte, nothing lost without a word, every record but the damaged one readable"
)

// damage is one thing that happens to the files of a log.
type damage struct {
	Name, Title string
	Killed      bool // the writer ends without closing its log, and so may have promised less
	do          func(dir string, records int64) error
}

func allDamage() []damage {
	return []damage{
		{Name: "cut", Title: "closed, then the newest file loses its last 7 bytes", do: cutNewest},
		{Name: "cut-killed", Title: "the writer killed, then the newest file loses its last 7 bytes", Killed: true, do: cutNewest},
		{Name: "flip", Title: "closed, then one bit flipped in the record in the middle", do: flipOld},
	}
}

// corruptStep is what a child process does in the scenario.
type corruptStep string

const (
	corruptFill     corruptStep = "fill"      // append the records and close
	corruptFillOnly corruptStep = "fill-only" // append the records, and end as if killed
	corruptSurvey   corruptStep = "survey"    // open the damaged log and read it
)

// Survey is what one contender made of one kind of damage.
type Survey struct {
	Damage    string `json:"damage"`
	Contender string `json:"contender"`
	Title     string `json:"title"` // with the version
	Level     Level  `json:"durability,omitempty"`
	Open      string `json:"open,omitempty"` // what it says when it is opened; empty for nothing
	Read      string `json:"read,omitempty"` // the first error of a read; empty for none
	Right     int64  `json:"right"`          // records that were read as they were written
	Wrong     int64  `json:"wrong"`          // read without an error, but not as they were written
	Refused   int64  `json:"refused"`        // not read, and an error or a report says so
	Lost      int64  `json:"lost"`           // not there, and nothing says so

	NotApplicable string `json:"not_applicable,omitempty"` // why there is nothing to tell
}

// surveyAll damages every contender's files in every way, and prints a table for each way.
func surveyAll(ctx context.Context, contenders []Contender, sizes Sizes, dir string, stdout io.Writer) ([]Survey, error) {
	var surveys []Survey
	for _, d := range allDamage() {
		var rows []Survey
		for _, c := range contenders {
			if c.Name == floorName {
				continue // it has no records to find again
			}
			survey := surveyOne(ctx, d, c, sizes, filepath.Join(dir, corruptName))
			if err := ctx.Err(); err != nil {
				return surveys, err
			}
			rows = append(rows, survey)
		}
		writeSurveys(stdout, d, rows)
		surveys = append(surveys, rows...)
	}
	return surveys, nil
}

// surveyOne writes a log, damages it, and has a new process look at it. Each is a process of its own, since some end
// themselves over what they find.
func surveyOne(ctx context.Context, d damage, c Contender, sizes Sizes, dir string) Survey {
	survey := Survey{Damage: d.Name, Contender: c.Name, Title: c.Title()}
	asked, ok := c.weakest()
	if !ok {
		survey.NotApplicable = "keeps nothing in files"
		return survey
	}
	survey.Level = c.Reached[asked]
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		survey.NotApplicable = err.Error()
		return survey
	}
	task := Task{Contender: c.Name, Dir: dir, Sizes: sizes, Corrupt: corruptFill}
	if d.Killed {
		task.Corrupt = corruptFillOnly
	}
	if _, err := task.perform(ctx); err != nil {
		survey.NotApplicable = "the log cannot be made: " + err.Error()
		return survey
	}
	if err := d.do(dir, sizes.Damaged); err != nil {
		survey.NotApplicable = err.Error()
		return survey
	}
	task.Corrupt = corruptSurvey
	var reply answer
	err := inChild(ctx, task, childLimit, &reply)
	if err == nil && reply.Error != "" {
		err = errors.New(reply.Error)
	}
	if err != nil {
		survey.Open, survey.Refused = plain("the process ends: "+err.Error(), dir), sizes.Damaged
		return survey
	}
	found := reply.Survey
	survey.Open, survey.Read = plain(found.Open, dir), plain(found.Read, dir)
	survey.Right, survey.Wrong, survey.Refused, survey.Lost = found.Right, found.Wrong, found.Refused, found.Lost
	return survey
}

// corrupt does the child's part.
func (t Task) corrupt(c Contender) (Survey, error) {
	level, _ := c.weakest()
	options := OpenOptions{Level: level, Batch: 1, Goroutines: 1}
	if t.Corrupt == corruptSurvey {
		return survey(c, t.Dir, options, t.Sizes.Damaged), nil
	}
	log, err := c.Open(t.Dir, options)
	if err != nil {
		return Survey{}, err
	}
	for i := range t.Sizes.Damaged {
		if err := log.Append([][]byte{numbered(i)}); err != nil {
			return Survey{}, fmt.Errorf("record %d: %w", i, err)
		}
	}
	if t.Corrupt == corruptFillOnly {
		return Survey{}, nil // the process ends with the log open
	}
	return Survey{}, log.Close()
}
