package main

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
)

// args makes cobra's checks of arguments errors of usage.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, a []string) error {
		if err := check(cmd, a); err != nil {
			return usage("%s: %w", cmd.CommandPath(), err)
		}
		return nil
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// The types below are what --json prints: names that stay when the library's change, and -1 where there is no bound.

type topicJSON struct {
	Topic           string          `json:"topic"`
	ID              string          `json:"id"`
	Partitions      int             `json:"partitions"`
	Records         int64           `json:"records"`
	Bytes           int64           `json:"bytes"`
	Codec           string          `json:"codec"`
	Compression     string          `json:"compression"`
	Cleanup         string          `json:"cleanup"`
	RetentionMs     int64           `json:"retention_ms"`
	RetentionBytes  int64           `json:"retention_bytes"`
	SegmentBytes    int64           `json:"segment_bytes"`
	MaxMessageBytes int             `json:"max_message_bytes"`
	Details         []partitionJSON `json:"details"`
}

type partitionJSON struct {
	Partition int32        `json:"partition"`
	Start     int64        `json:"start"`
	End       int64        `json:"end"`
	Durable   int64        `json:"durable"`
	Bytes     int64        `json:"bytes"`
	Segments  int          `json:"segments"`
	ReadOnly  bool         `json:"read_only"`
	Damage    []damageJSON `json:"damage,omitempty"`
}

type damageJSON struct {
	File   string `json:"file"`
	Detail string `json:"detail"`
	First  int64  `json:"first"`
	Next   int64  `json:"next"`
}

func toJSON(t kafka.TopicInfo) topicJSON {
	j := topicJSON{
		Topic: t.Name, ID: hex.EncodeToString(t.ID[:]), Partitions: t.Partitions, Codec: t.Codec,
		Compression: t.Compression.String(), Cleanup: string(t.CleanupPolicy), RetentionMs: t.RetentionMs,
		RetentionBytes: t.RetentionBytes, SegmentBytes: t.SegmentBytes, MaxMessageBytes: t.MaxMessageBytes,
	}
	j.Records, j.Bytes = totals(t)
	for _, p := range t.Details {
		pj := partitionJSON{
			Partition: p.Partition, Start: p.Start, End: p.End, Durable: p.DurableEnd, Bytes: p.Bytes, Segments: p.Segments,
			ReadOnly: p.ReadOnly,
		}
		for _, d := range p.Damage {
			pj.Damage = append(pj.Damage, damageJSON(d))
		}
		j.Details = append(j.Details, pj)
	}
	return j
}

// totals counts offsets, which is records unless compaction left gaps.
func totals(t kafka.TopicInfo) (records, bytes int64) {
	for _, p := range t.Details {
		records += p.End - p.Start
		bytes += p.Bytes
	}
	return records, bytes
}

// forever shows a bound of which -1 is none.
func forever(ms int64) string {
	if ms < 0 {
		return "forever"
	}
	return (time.Duration(ms) * time.Millisecond).String()
}
