package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// player carries out operations with a client. It is one life of it: from an opening until it is closed or killed.
type player struct {
	fs      vfs.FS
	clock   *clock.Manual
	client  *kafka.Client
	engine  *local.Engine
	txns    map[string]*transaction
	reading *reading
}

// reading is a consumer with what it was given last.
type reading struct {
	consumer *kafka.Consumer
	first    map[int]*kafka.Message
	last     map[int]*kafka.Message
}

// scheme is that of the URLs by which a client finds the file system that its player has for it.
const scheme = "scenario"

var (
	players  sync.Map // by URL, while they are opened
	openings atomic.Int64
)

func init() {
	engine.Register(scheme, func(_ context.Context, o engine.Options) (engine.Engine, error) {
		found, _ := players.Load(o.URL)
		p := found.(*player)
		e, err := local.Open(local.Options{
			FS: p.fs, Clock: o.Clock, Logger: o.Logger, DefaultPartitions: o.DefaultPartitions, Codec: o.Codec,
			FlushInterval: o.FlushInterval, Reserve: 16 << 10, Unattended: true,
		})
		p.engine = e
		if err != nil {
			return nil, err // not an interface that holds a nil
		}
		return e, nil
	})
}

func openPlayer(f vfs.FS, c *clock.Manual, flush time.Duration) (*player, error) {
	p := &player{fs: f, clock: c, txns: map[string]*transaction{}}
	url := fmt.Sprint(scheme, ":", openings.Add(1))
	players.Store(url, p)
	defer players.Delete(url)
	var err error
	p.client, err = kafka.NewClient(context.Background(), kafka.WithURL(url), kafka.WithClock(c),
		kafka.WithRetries(0), kafka.WithAutoCreateTopics(false), kafka.WithFlushInterval(flush))
	return p, err
}

// close ends what is open and closes the client.
func (p *player) close() error {
	for name := range p.txns {
		_ = p.end(name, false)
	}
	var err error
	if p.reading != nil {
		err = p.reading.consumer.Close()
	}
	return errors.Join(err, p.client.Close())
}

// patience is for an operation, in real time: one that takes longer hangs.
const patience = 20 * time.Second

// play carries out an operation.
func (p *player) play(o op) (out outcome) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer func() {
		out.fail(ctx.Err())
		cancel()
	}()
	admin := p.client.Admin()
	switch o.Do {
	case "create":
		out.fail(admin.CreateTopic(ctx, o.Topic, *o.Config))
	case "alter":
		out.fail(admin.AlterTopic(ctx, o.Topic, *o.Config))
	case "grow":
		out.fail(admin.CreatePartitions(ctx, o.Topic, o.N))
	case "delete":
		out.fail(admin.DeleteTopic(ctx, o.Topic))
	case "truncate":
		out.fail(admin.DeleteRecords(ctx, o.Topic, o.Partition, o.Before))
		p.describe(&out, o.Topic)
	case "reset":
		out.fail(admin.ResetOffsetsTo(ctx, o.Group, o.Topic, o.Offsets))
	case "send":
		p.send(ctx, o, o.Messages, &out)
	case "async":
		p.async(ctx, o, &out)
	case "number":
		producer := p.client.Producer(o.Topic, acks(o.Acks), kafka.WithIdempotence(o.ID))
		out.fail(producer.SendFrom(ctx, o.Partition, o.First, outgoing(o.Messages)))
		out.fail(producer.Close())
	case "storm":
		p.storm(ctx, o, &out)
	case "begin":
		out.fail(p.begin(o.Txn))
	case "put":
		out.fail(p.txns[o.Txn].put(o.Topic, o.Messages))
	case "take":
		out.fail(p.txns[o.Txn].take(ctx, p, o, &out))
	case "offsets":
		out.fail(p.txns[o.Txn].commitOffsets())
	case "commit", "abort":
		out.fail(p.end(o.Txn, o.Do == "commit"))
	case "read":
		p.reading = p.read(ctx, p.client.Consumer(o.Topic, o.Group, kafka.WithUntilEnd()), o.N, &out)
		if out.Err != "" {
			_ = p.settle(ctx, nil)
		}
	case "settle":
		out.fail(p.settle(ctx, o.Offsets))
	case "share":
		p.share(ctx, o, &out)
	case "stream":
		out.fail(p.stream(ctx, o.Topic, o.To))
	case "advance":
		if o.Pass < 0 {
			p.clock.Set(p.clock.Now().Add(o.Pass))
		} else {
			p.clock.Advance(o.Pass)
		}
		p.engine.Maintain(ctx)
		p.describe(&out, o.Topic)
	case "look":
		p.look(ctx, o, &out)
	default:
		panic("no operation " + o.Do)
	}
	return out
}

func acks(level string) kafka.ProducerOption {
	return kafka.WithAcks(map[string]kafka.Acks{"": kafka.AcksAll, "all": kafka.AcksAll, "leader": kafka.AcksLeader, "none": kafka.AcksNone}[level])
}

// serialHeader is the header that tells a message from all others, a tombstone too.
const serialHeader = "n"

func outgoing(ms []message) []kafka.Message {
	out := make([]kafka.Message, len(ms))
	for i, m := range ms {
		out[i] = kafka.Message{Key: m.Key, Value: m.Value, Headers: map[string]string{serialHeader: strconv.Itoa(m.Serial)}}
		if m.Null {
			out[i].Value = nil
		}
	}
	return out
}

func incoming(m *kafka.Message) got {
	g := got{Partition: m.Partition, Offset: m.Offset, Key: m.Key, At: m.Timestamp.UnixMilli(), Null: m.Value == nil}
	g.Serial, _ = strconv.Atoi(m.Headers[serialHeader])
	switch v := m.Value.(type) {
	case nil:
	case string:
		g.Value = v
	default:
		b, _ := json.Marshal(v)
		g.Value = string(b)
	}
	return g
}

// send sends messages one by one, or all in one call.
func (p *player) send(ctx context.Context, o op, ms []message, out *outcome) {
	producer := p.client.Producer(o.Topic, acks(o.Acks))
	note := func(m message, md kafka.RecordMetadata, err error) {
		if err == nil && md.Offset >= 0 && md.Partition != m.Partition {
			err = fmt.Errorf("message %d was sent to partition %d instead of %d", m.Serial, md.Partition, m.Partition)
		}
		out.Sent = append(out.Sent, sent{m.Serial, md.Offset, err == nil && (md.Offset >= 0 || o.Acks == "none")})
		out.fail(err)
	}
	if o.Batch {
		mds, err := producer.Produce(ctx, outgoing(ms)...)
		for i, md := range mds {
			note(ms[i], md, err)
		}
		out.fail(err)
	} else {
		for i, m := range outgoing(ms) {
			md, err := producer.SendTo(ctx, ms[i].Partition, m)
			note(ms[i], md, err)
		}
	}
	if err := producer.Close(); err != nil {
		out.fail(err)
		out.Sent = nil // of AcksNone it is not known which
	}
}

func (p *player) async(ctx context.Context, o op, out *outcome) {
	producer := p.client.AsyncProducer(o.Topic, acks(o.Acks))
	deliveries := make([]*kafka.Delivery, len(o.Messages))
	for i, m := range outgoing(o.Messages) {
		deliveries[i] = producer.SendTo(ctx, o.Messages[i].Partition, m)
	}
	out.fail(producer.Close())
	for i, d := range deliveries {
		md, err := d.Wait(ctx)
		out.Sent = append(out.Sent, sent{o.Messages[i].Serial, md.Offset, err == nil})
		out.fail(err)
	}
}

func (p *player) storm(ctx context.Context, o op, out *outcome) {
	outs := make([]outcome, len(o.Writers))
	var work sync.WaitGroup
	for i, ms := range o.Writers {
		work.Go(func() { p.send(ctx, o, ms, &outs[i]) })
	}
	work.Wait()
	for _, one := range outs {
		out.Sent = append(out.Sent, one.Sent...)
		if out.Err == "" {
			out.Err, out.Text = one.Err, one.Text
		}
	}
}

// read takes up to n messages.
func (p *player) read(ctx context.Context, k *kafka.Consumer, n int, out *outcome) *reading {
	r := &reading{consumer: k, first: map[int]*kafka.Message{}, last: map[int]*kafka.Message{}}
	for m := range k.Messages(ctx) {
		out.Got = append(out.Got, incoming(m))
		if r.last[m.Partition] = m; r.first[m.Partition] == nil {
			r.first[m.Partition] = m
		}
		if len(out.Got) == n {
			break
		}
	}
	out.fail(k.Err())
	return r
}

// settle commits what was read, if it is to be, and then an older offset, which must have no effect.
func (p *player) settle(ctx context.Context, offsets map[int]int64) error {
	r := p.reading
	p.reading = nil
	var errs []error
	for partition := range offsets {
		errs = append(errs, r.last[partition].Commit(ctx), r.first[partition].Commit(ctx))
	}
	return errors.Join(append(errs, r.consumer.Close())...)
}

// tally is what a stream keeps of a key, and writes: how many messages it had, and which was the last.
type tally struct {
	N    int `json:"n" msgpack:"n"`
	Last int `json:"last" msgpack:"last"`
}

func (p *player) stream(ctx context.Context, from, to string) error {
	s := kafka.NewStream(p.client, from, kafka.WithApplicationID(application(from)), kafka.WithUntilEnd(),
		kafka.WithCommitInterval(time.Hour))
	return countByKey(s).To(ctx, to)
}

func application(topic string) string { return "app-" + topic }
