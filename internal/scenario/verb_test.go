package scenario

import (
	"bufio"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// verb is a line of a script.
type verb struct {
	name string
	args []string
	opts map[string]string
}

// grammar is the arguments and options of each verb.
var grammar = map[string]struct{ args, opts string }{
	"create":   {"topic", "partitions segment policy retention bytes tombstones compression"},
	"alter":    {"topic", "retention bytes"},
	"grow":     {"topic", "partitions"},
	"delete":   {"topic", ""},
	"send":     {"topic", "p n acks size keys"},
	"erase":    {"topic", "p keys acks"},
	"async":    {"topic", "p n acks size keys"},
	"number":   {"topic", "p n acks size id again"},
	"storm":    {"topic", "writers n acks size"},
	"begin":    {"txn", ""},
	"put":      {"txn topic", "p n size keys"},
	"take":     {"txn topic group", "n"},
	"commit":   {"txn", ""},
	"abort":    {"txn", ""},
	"consume":  {"topic group", "n commit"},
	"share":    {"topic group", "members n"},
	"reset":    {"topic group", "to"},
	"truncate": {"topic", "p keep"},
	"stream":   {"topic sink", ""},
	"advance":  {"duration", ""},
	"back":     {"duration", ""},
	"expect":   {"topic", "p start end records"},
	"check":    {"", ""},
	"close":    {"", "flush"},
	"rot":      {"topic", "p what seed"},
	"kill":     {"", "after again"},
	"power":    {"", "seed after again"},
	"fault":    {"", "kind after lasting"},
}

// words are the options whose values are one of some words. The values of all others are numbers or durations.
var words = map[string][]string{
	"policy":      {"delete", "compact", "compact,delete"},
	"compression": {"none", "gzip", "snappy", "lz4", "zstd"},
	"acks":        {"all", "leader", "none"},
	"commit":      {"yes", "no"},
	"to":          {"start", "end"},
	"what":        {"log", "index", "offset"},
	"kind":        {"eio", "nospace", "short", "sync"},
	"lasting":     {"yes", "no"},
}

var durations = []string{"retention", "tombstones", "flush", "duration"}

// parseVerb reads a line that is not empty.
func parseVerb(line string) (verb, error) {
	fields := strings.Fields(line)
	v := verb{name: fields[0], opts: map[string]string{}}
	g, ok := grammar[v.name]
	if !ok {
		return v, fmt.Errorf("%q: there is no verb %s", line, v.name)
	}
	for _, f := range fields[1:] {
		key, value, option := strings.Cut(f, "=")
		if !option {
			v.args = append(v.args, f)
			continue
		}
		if _, twice := v.opts[key]; twice || !slices.Contains(strings.Fields(g.opts), key) {
			return v, fmt.Errorf("%q: %s has no option %s, or not twice", line, v.name, key)
		}
		if err := checkValue(key, value); err != nil {
			return v, fmt.Errorf("%q: %w", line, err)
		}
		v.opts[key] = value
	}
	if want := strings.Fields(g.args); len(v.args) != len(want) {
		return v, fmt.Errorf("%q: %s has the arguments %q", line, v.name, want)
	}
	if v.name == "advance" || v.name == "back" {
		if err := checkValue("duration", v.args[0]); err != nil {
			return v, fmt.Errorf("%q: %w", line, err)
		}
	}
	return v, nil
}

func checkValue(key, value string) (err error) {
	switch {
	case key == "id":
	case words[key] != nil:
		if !slices.Contains(words[key], value) {
			err = fmt.Errorf("%s is one of %q", key, words[key])
		}
	case slices.Contains(durations, key):
		var d time.Duration
		if d, err = time.ParseDuration(value); d < 0 {
			err = fmt.Errorf("%s is negative", key)
		}
	default:
		_, err = strconv.ParseUint(value, 10, 31)
	}
	return err
}

// String is the line.
func (v verb) String() string {
	parts := append([]string{v.name}, v.args...)
	for _, key := range slices.Sorted(maps.Keys(v.opts)) {
		parts = append(parts, key+"="+v.opts[key])
	}
	return strings.Join(parts, " ")
}

func (v verb) has(key string) bool { return v.opts[key] != "" }

// number is the value of an option, which parseVerb has checked.
func (v verb) number(key string, otherwise int) int {
	n, err := strconv.Atoi(v.opts[key])
	if err != nil {
		return otherwise
	}
	return n
}

func (v verb) word(key string) string {
	if w := v.opts[key]; w != "" || words[key] == nil {
		return w
	}
	return words[key][0]
}

func (v verb) duration(key string) time.Duration {
	d, _ := time.ParseDuration(v.opts[key])
	return d
}

// script is what is played.
type script []verb

func parseScript(text string) (s script, err error) {
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		v, err := parseVerb(line)
		if err != nil {
			return nil, err
		}
		s = append(s, v)
	}
	return s, lines.Err()
}

func (s script) String() string {
	var b strings.Builder
	for _, v := range s {
		b.WriteString(v.String() + "\n")
	}
	return b.String()
}
