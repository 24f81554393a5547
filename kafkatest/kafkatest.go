// Package kafkatest opens clients for tests: on disk, each in a directory of its own that is gone after the test, and with
// a look at the end at what was left behind.
package kafkatest

import (
	"context"
	"strings"
	"sync"
	"testing"

	kafka "github.com/dot-do/kafka-embedded"
)

// New opens a client in a directory of the test's own and closes it when the test is over. Options may change
// everything, also the place. The test fails when the client cannot be opened or closed, and when goroutines of the
// library or, on Linux, open files in the directory are left: an async producer that was not closed, a loop that was left
// running, or a mistake of ours.
//
// Tests may run in parallel: each answers for the goroutines it started itself, directly or not. So a producer or
// consumer must not outlive the test that made it.
func New(t testing.TB, opts ...kafka.Option) *kafka.Client {
	t.Helper()
	dir := t.TempDir()
	watch(t, dir)
	client, err := kafka.NewClient(context.Background(), append([]kafka.Option{kafka.WithDir(dir)}, opts...)...)
	if err != nil {
		t.Fatalf("kafkatest: opening a client: %v", err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("kafkatest: closing the client: %v", err)
		}
	})
	return client
}

// watched holds the labels of tests that have clients, so that a test with several is looked at once, at its end.
var watched sync.Map

// watch looks for what is left when everything that the test cleans up later than now is cleaned up.
func watch(t testing.TB, dir string) {
	t.Cleanup(func() {
		if files := openFiles(dir); len(files) > 0 {
			t.Errorf("kafkatest: files are open after the client was closed:\n%s", strings.Join(files, "\n"))
		}
	})
	if _, again := watched.LoadOrStore(t, true); again {
		return
	}
	label := label(t)
	t.Cleanup(func() {
		watched.Delete(t)
		if left := label.leaked(); left != "" {
			t.Errorf("kafkatest: goroutines are left after the client was closed:\n%s", left)
		}
	})
}
