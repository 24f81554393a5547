// Stateless operators: what each record becomes depends on that record only. Lines of a log are split into fields, those
// of two servers are merged, noise is left out, and what is left goes to a topic.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/stream"
)

// Request is a line of a server's log.
type Request struct {
	Server string `json:"server"`
	Path   string `json:"path"`
	Status string `json:"status"`
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	client, err := kafka.NewClient(ctx, kafka.WithInMemory())
	if err != nil {
		return err
	}
	defer client.Close()
	for i, text := range []string{
		"GET / 200\nGET /health 200\nGET /cart 500", "GET /health 200\nPOST /cart 500", "GET /about 404",
	} {
		server := []string{"web-1", "web-2"}[i%2]
		m := kafka.Message{Key: server, Value: text, Timestamp: time.UnixMilli(int64(i))}
		if err := client.Producer(server).Send(ctx, m); err != nil {
			return err
		}
	}

	failed := requests(client, "web-1").Merge(requests(client, "web-2")).
		Filter(func(r Request) bool { return r.Path != "/health" }).
		Filter(func(r Request) bool { return r.Status >= "400" })
	if err := failed.To(ctx, "failed-requests"); err != nil {
		return err
	}

	for m := range kafka.NewTypedConsumer[Request](client, "failed-requests", "", kafka.WithUntilEnd()).Messages(ctx) {
		fmt.Println(m.Key, m.Value.Status, m.Value.Path)
	}
	return nil
}

// requests is the log of a server, a line each. Records keep their key, here the server, whatever becomes of the value.
func requests(client *kafka.Client, server string) *stream.Stream[Request] {
	texts := kafka.NewTypedStream[string](client, server, kafka.WithUntilEnd())
	lines := stream.FlatMap(texts, func(text string) []string { return strings.Split(text, "\n") })
	return stream.Map(lines, func(line string) Request {
		f := strings.Fields(line)
		return Request{Server: server, Path: f[1], Status: f[2]}
	})
}

// Output:
// web-1 500 /cart
// web-2 500 /cart
// web-1 404 /about
