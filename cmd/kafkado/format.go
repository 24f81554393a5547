package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	kafka "github.com/dot-do/kafka-embedded"
)

// formatHelp is what the help of commands says of formats.
const formatHelp = `Formats (-f): %t topic, %p partition, %o offset, %k key, %v value, %T time, %h headers, %% a percent sign, \n, \t and \\.
Text is printed as it is, any other value as JSON.`

// printer prints one message.
type printer func(*bufio.Writer, *kafka.Message) error

// parseFormat makes a printer of a format.
func parseFormat(format string) (printer, error) {
	var parts []printer
	for len(format) > 0 {
		part, n, err := parsePart(format)
		if err != nil {
			return nil, err
		}
		parts, format = append(parts, part), format[n:]
	}
	return func(w *bufio.Writer, m *kafka.Message) error {
		for _, part := range parts {
			if err := part(w, m); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// parsePart parses what a format begins with, and returns its length.
func parsePart(format string) (printer, int, error) {
	if format[0] == '\\' || format[0] == '%' {
		if len(format) == 1 {
			return nil, 0, usage("--format: %q at the end", format)
		}
	}
	switch format[0] {
	case '\\':
		c, ok := map[byte]string{'n': "\n", 't': "\t", '\\': `\`}[format[1]]
		if !ok {
			return nil, 0, usage(`--format: unknown \%c`, format[1])
		}
		return literal(c), 2, nil
	case '%':
		part, ok := fields[format[1]]
		if !ok {
			return nil, 0, usage("--format: unknown %%%c", format[1])
		}
		return part, 2, nil
	}
	n := strings.IndexAny(format, `\%`)
	if n < 0 {
		n = len(format)
	}
	return literal(format[:n]), n, nil
}

func literal(s string) printer {
	return func(w *bufio.Writer, _ *kafka.Message) error {
		_, err := w.WriteString(s)
		return err
	}
}

func text(field func(*kafka.Message) string) printer {
	return func(w *bufio.Writer, m *kafka.Message) error {
		_, err := w.WriteString(field(m))
		return err
	}
}

var fields = map[byte]printer{
	't': text(func(m *kafka.Message) string { return m.Topic }),
	'p': text(func(m *kafka.Message) string { return strconv.Itoa(m.Partition) }),
	'o': text(func(m *kafka.Message) string { return strconv.FormatInt(m.Offset, 10) }),
	'k': text(func(m *kafka.Message) string { return m.Key }),
	'T': text(func(m *kafka.Message) string { return m.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z") }),
	'v': func(w *bufio.Writer, m *kafka.Message) error { return printValue(w, m.Value) },
	'h': printHeaders,
	'%': literal("%"),
}

func printHeaders(w *bufio.Writer, m *kafka.Message) error {
	if len(m.Headers) == 0 {
		_, err := w.WriteString("{}")
		return err
	}
	return printValue(w, m.Headers)
}

// printValue prints text as it is and anything else as JSON.
func printValue(w *bufio.Writer, v any) error {
	b, err := valueBytes(v)
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

func valueBytes(v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return []byte(v), nil
	case []byte:
		return v, nil
	}
	b, err := compactJSON(v)
	if err != nil {
		return nil, fmt.Errorf("a value that JSON cannot show: %w", err)
	}
	return bytes.TrimSuffix(b, []byte("\n")), nil
}

// compactJSON is v as one line.
func compactJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// messageJSON is what consume --json prints. A value of bytes that are no text is base64, as JSON has it.
type messageJSON struct {
	Topic     string            `json:"topic"`
	Partition int               `json:"partition"`
	Offset    int64             `json:"offset"`
	Timestamp time.Time         `json:"timestamp"`
	Key       string            `json:"key"`
	Value     any               `json:"value"`
	Headers   map[string]string `json:"headers,omitempty"`
}

func printMessageJSON(w *bufio.Writer, m *kafka.Message) error {
	j := messageJSON{m.Topic, m.Partition, m.Offset, m.Timestamp.UTC(), m.Key, m.Value, m.Headers}
	if b, ok := m.Value.([]byte); ok && utf8.Valid(b) {
		j.Value = string(b)
	}
	line, err := compactJSON(j)
	if err == nil {
		_, err = w.Write(line)
	}
	return err
}
