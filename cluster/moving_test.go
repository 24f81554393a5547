package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
)

// A cluster on which no group was used yet has no coordinator when it is asked for the first one, and a moment later it has.
// Verbs wait for that.
func TestCoordinatorComes(t *testing.T) {
	for _, tc := range []struct {
		name string
		verb func(o *opened) error
		want error
	}{
		{"SetOffsets", func(o *opened) error {
			return o.SetOffsets(o.Context(), o.group, map[engine.TopicPartition]int64{o.tp(0): 0})
		}, nil},
		{"DescribeGroup", func(o *opened) error {
			_, err := o.DescribeGroup(o.Context(), o.group)
			return err
		}, engine.ErrGroupNotFound},
		{"DeleteGroup", func(o *opened) error { return o.DeleteGroup(o.Context(), o.group) }, engine.ErrGroupNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := openTopicFake(t, 1)
			left := 3
			o.cluster.ControlKey(kmsg.FindCoordinator.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
				if left--; left < 0 {
					return nil, nil, false
				}
				o.cluster.KeepControl()
				req := r.(*kmsg.FindCoordinatorRequest)
				answer := req.ResponseKind().(*kmsg.FindCoordinatorResponse)
				for _, key := range req.CoordinatorKeys {
					c := kmsg.NewFindCoordinatorResponseCoordinator()
					c.Key, c.ErrorCode = key, kerr.CoordinatorNotAvailable.Code
					answer.Coordinators = append(answer.Coordinators, c)
				}
				return answer, nil, true
			})
			require.ErrorIs(t, tc.verb(o), tc.want)
			require.Negative(t, left)
		})
	}
}

// A broker that does not know of a new topic yet is waited for: it may be asked next.
func TestBrokerLagsBehind(t *testing.T) {
	o := openTopicFake(t, 1)
	name := "new-" + o.topic
	h := o.cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Metadata}, Nodes: []int32{1}, Topic: name, Err: kerr.UnknownTopicOrPartition, Count: 5,
	})
	require.NoError(t, o.CreateTopic(t.Context(), name, engine.TopicConfig{Partitions: 1}))
	require.EqualValues(t, 5, h.Hits())
}
