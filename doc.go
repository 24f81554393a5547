// Package kafka is Kafka's log as a library: topics, partitions, consumer groups and Kafka's own files, in a directory
// instead of a cluster. What SQLite is to PostgreSQL, this is to Kafka.
//
//	client, err := kafka.NewClient(ctx, kafka.WithDir("data"))
//	err = client.Producer("orders").Send(ctx, kafka.Message{Key: "c-1", Value: map[string]any{"amount": 99.99}})
//	for msg := range client.Consumer("orders", "billing").Messages(ctx) {
//		fmt.Println(msg.Value)
//		err = msg.Commit(ctx)
//	}
//
// A send returns when its record is as durable as its acks ask for: fsynced by default. Only one process can have a
// directory open. Types say where they may be used concurrently; [Client], [Producer] and [Admin] may.
package kafka
