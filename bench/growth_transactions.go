package main

import (
	"context"
	"fmt"

	kafka "github.com/dot-do/kafka-embedded"
)

// atOnce is how many transactions are under way in each line of the curve.
var atOnce = []int{1, 8, 64}

// transactionsCurve is about how many partitions a transaction writes to, fsynced.
func transactionsCurve() Curve {
	c := Curve{
		Name: "transactions", Title: "How many partitions a transaction writes to, fsynced", Grows: "partitions in each",
		At: func(g GrowthSizes) []int64 {
			return g.sizes([]int64{1, 10}, []int64{1, 10, 100})
		},
		Measure: measureTransactions,
	}
	for _, n := range atOnce {
		c.Lines = append(c.Lines, Line{fmt.Sprintf("%d at once", n), "ns/transaction"})
	}
	return c
}

// measureTransactions sends a record to each of so many topics of one partition.
func measureTransactions(g growing) ([]float64, error) {
	log, _, err := g.open()
	if err != nil {
		return nil, err
	}
	topics := make([]string, g.At)
	for i := range topics {
		topics[i] = fmt.Sprintf("out-%d", i)
		if err := log.createRaw(topics[i], 1, 0); err != nil {
			return nil, err
		}
	}
	record := kafka.Message{Value: makeRecords()[0]}
	transact := func() error {
		return log.Transact(context.Background(), func(tx *kafka.Tx) error {
			for _, topic := range topics {
				if err := tx.SendTo(topic, record); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var values []float64
	for _, n := range atOnce {
		ns, err := g.timed(n, unlimited, func(int) func() error { return transact })
		if err != nil {
			return nil, err
		}
		values = append(values, ns)
	}
	return values, log.Close()
}
