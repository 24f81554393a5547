package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// measureAll runs every scenario, printing each table as soon as it is complete.
func measureAll(
	ctx context.Context, scenarios []Scenario, contenders []Contender, sizes Sizes, dir string, stdout, stderr io.Writer,
) ([]Result, error) {
	var results []Result
	data := preparedData{dir: filepath.Join(dir, "data"), failed: map[string]error{}}
	for i, scenario := range scenarios {
		result := measureScenario(ctx, scenario, contenders, sizes, dir, &data)
		if err := ctx.Err(); err != nil {
			return results, err
		}
		results = append(results, result)
		writeTable(stdout, result)
		for _, row := range result.Rows {
			if row.Error != "" {
				fmt.Fprintf(stderr, "bench: %s: %s: %s\n", scenario.Name, row.Contender, row.Error)
			}
		}
		if err := data.release(scenarios[i+1:]); err != nil {
			return results, err
		}
	}
	return results, nil
}

// measureScenario has the contenders run in turn, the given number of rounds.
func measureScenario(
	ctx context.Context, scenario Scenario, contenders []Contender, sizes Sizes, dir string, data *preparedData,
) Result {
	result := Result{
		Name: scenario.Name, Title: scenario.Title, Unit: scenario.Unit, Goal: scenario.Goal,
		Level: scenario.Level,
	}
	var taking []Contender
	for _, c := range contenders {
		if c.takesPart(scenario) {
			taking = append(taking, c)
			result.Rows = append(result.Rows, Row{Contender: c.Name, Title: c.Title(), Level: c.Reached[scenario.Level]})
		}
	}
	for round := range sizes.Rounds {
		for i := range taking {
			at := (i + round) % len(taking) // whoever comes first meets another disk than who comes last
			row := &result.Rows[at]
			if row.Error != "" || row.Unsupported {
				continue
			}
			figures, err := runOnce(ctx, scenario, taking[at], sizes, dir, data)
			switch {
			case err != nil:
				row.Error = err.Error()
			case figures.Unsupported:
				row.Unsupported = true
			default:
				row.Rounds = append(row.Rounds, figures)
			}
		}
	}
	result.Rows = slices.DeleteFunc(result.Rows, func(row Row) bool { return row.Unsupported })
	result.finish()
	return result
}

func runOnce(
	ctx context.Context, scenario Scenario, c Contender, sizes Sizes, dir string, data *preparedData,
) (Figures, error) {
	task := Task{Scenario: scenario.Name, Contender: c.Name, Sizes: sizes}
	if scenario.Data != nil {
		var err error
		if task.Dir, err = data.ready(ctx, scenario, task); err != nil {
			return Figures{}, err
		}
		return task.perform(ctx)
	}
	task.Dir = filepath.Join(dir, "run")
	if err := os.Mkdir(task.Dir, 0o755); err != nil {
		return Figures{}, err
	}
	defer os.RemoveAll(task.Dir)
	return task.perform(ctx)
}

// preparedData keeps the logs that scenarios read, one for each contender, from their first use to their last.
type preparedData struct {
	dir    string
	failed map[string]error
}

// ready returns the folder with the contender's log for the scenario. It makes the log first if need be.
func (p *preparedData) ready(ctx context.Context, scenario Scenario, task Task) (string, error) {
	task.Dir = filepath.Join(p.dir, scenario.Data.Name, task.Contender)
	if err, failed := p.failed[task.Dir]; failed {
		return "", err
	}
	if _, err := os.Stat(task.Dir); err == nil {
		return task.Dir, nil
	}
	if err := os.MkdirAll(task.Dir, 0o755); err != nil {
		return "", err
	}
	task.Fill = true
	if _, err := task.perform(ctx); err != nil {
		err = fmt.Errorf("making its log: %w", err)
		p.failed[task.Dir] = err
		return "", err
	}
	return task.Dir, nil
}

// release removes the logs that none of the scenarios still to come needs.
func (p *preparedData) release(rest []Scenario) error {
	for _, data := range []*Data{readData, smallData, openData} {
		if slices.ContainsFunc(rest, func(s Scenario) bool { return s.Data == data }) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(p.dir, data.Name)); err != nil {
			return err
		}
	}
	return nil
}
