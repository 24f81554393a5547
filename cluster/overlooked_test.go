package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
)

// overlook makes a cluster find no record by its time, as Kafka does for as long as a deleted segment is there.
func overlook(c *kfake.Cluster) {
	c.ControlKey(kmsg.ListOffsets.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := r.(*kmsg.ListOffsetsRequest)
		answer := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, t := range req.Topics {
			at := kmsg.NewListOffsetsResponseTopic()
			at.Topic = t.Topic
			for _, p := range t.Partitions {
				if p.Timestamp < 0 {
					return nil, nil, false
				}
				ap := kmsg.NewListOffsetsResponseTopicPartition()
				ap.Partition, ap.Offset = p.Partition, -1
				at.Partitions = append(at.Partitions, ap)
			}
			answer.Topics = append(answer.Topics, at)
		}
		return answer, nil, true
	})
}

// sendAt sends a batch of values with a timestamp to partition 0.
func (o *opened) sendAt(at time.Time, values ...string) {
	o.Helper()
	rs := records(0, values...)
	for i := range rs {
		rs[i].Timestamp = at.UnixMilli()
	}
	_, err := o.producer(engine.ProducerConfig{Acks: engine.AcksAll}).Produce(o.Context(), o.topic, rs)
	require.NoError(o, err)
}

// Records that are left are found by their time although a segment below the start, which the cluster has not removed yet,
// has some that are young enough. A segment begins where the time is another week's.
func TestTimeAfterDeletedRecords(t *testing.T) {
	for _, overlooks := range []bool{false, true} {
		t.Run(map[bool]string{false: "as it is", true: "by a cluster that overlooks them"}[overlooks], func(t *testing.T) {
			var o *opened
			if overlooks {
				o = openTopicFake(t, 1)
				overlook(o.cluster)
			} else {
				o = openTopic(t, 1)
			}
			week := 7 * 24 * time.Hour
			now := time.Now()
			o.sendAt(now.Add(-8*week), "a")
			o.sendAt(now.Add(-4*week), "b", "c")
			o.sendAt(now, "d")
			require.NoError(t, o.DeleteRecords(t.Context(), o.tp(0), 2))
			for _, tc := range []struct {
				name string
				at   time.Time
				want int64
			}{
				{"before all", time.UnixMilli(0), 2},
				{"that of a deleted one", now.Add(-8 * week), 2},
				{"that of the first", now.Add(-4 * week), 2},
				{"between", now.Add(-week), 3},
				{"after all", now.Add(week), 4},
			} {
				offset, err := o.OffsetAt(t.Context(), o.tp(0), tc.at)
				require.NoError(t, err)
				require.Equal(t, tc.want, offset, tc.name)
			}
			k := o.consumer(engine.ConsumerConfig{Start: engine.StartTime, StartTime: now.Add(-9 * week)})
			require.Equal(t, []string{"c", "d"}, o.poll(k, 2))
		})
	}
}

// A reader by time whose first records are deleted before it gets them goes on with what is left.
func TestReaderByTimeIsOvertaken(t *testing.T) {
	o := openTopicFake(t, 1)
	o.send(0, "a", "b")
	k := o.consumer(engine.ConsumerConfig{Start: engine.StartTime, StartTime: time.Now().Add(-time.Hour)})
	k.Pause(o.tp(0))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := k.Poll(ctx, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Len(t, k.Assignment(), 1, "it knows where it begins")
	require.NoError(t, o.DeleteRecords(t.Context(), o.tp(0), 1))
	overlook(o.cluster)
	k.Resume(o.tp(0))
	require.Equal(t, []string{"b"}, o.poll(k, 1))
}
