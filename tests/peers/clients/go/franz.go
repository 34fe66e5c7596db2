package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type franz struct{ bootstrap string }

func (f franz) client(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(options, kgo.SeedBrokers(f.bootstrap))...)
}

func deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}

func (f franz) produce(topic, codec, acks string, records []record) error {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	options := []kgo.Opt{kgo.ProducerBatchCompression(codecs[codec]),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(topic)}
	if acks != "idempotent" {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.RequiredAcks(
			map[string]kgo.Acks{"0": kgo.NoAck(), "1": kgo.LeaderAck(), "all": kgo.AllISRAcks()}[acks]))
	}
	client, err := f.client(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := deadline()
	defer cancel()
	var batch []*kgo.Record
	for _, r := range records {
		out := &kgo.Record{Partition: r.Partition, Key: r.Key, Value: r.Value,
			Timestamp: time.UnixMilli(r.Timestamp)}
		for _, h := range r.Headers {
			out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
		}
		batch = append(batch, out)
	}
	return client.ProduceSync(ctx, batch...).FirstErr()
}

func (f franz) consume(topic string, each func(record)) error {
	client, err := f.client(kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := deadline()
	defer cancel()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	missing := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			missing[end.Partition] = end.Offset
		}
	})
	for len(missing) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			out := record{Partition: r.Partition, Offset: r.Offset,
				Timestamp: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
			for _, h := range r.Headers {
				out.Headers = append(out.Headers, header{h.Key, h.Value})
			}
			each(out)
			if r.Offset+1 >= missing[r.Partition] {
				delete(missing, r.Partition)
			}
		})
	}
	return nil
}

func (f franz) offsetAt(topic string, partition int32, timestamp int64) (int64, error) {
	client, err := f.client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, cancel := deadline()
	defer cancel()
	listed, err := kadm.NewClient(client).ListOffsetsAfterMilli(ctx, timestamp, topic)
	if err != nil {
		return 0, err
	}
	found, _ := listed.Lookup(topic, partition)
	return found.Offset, found.Err
}

func (f franz) sender(topic string, partition int32) (func([]byte) (int64, error), error) {
	client, err := f.client(kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.DefaultProduceTopic(topic), kgo.RetryBackoffFn(quickBackoff))
	return func(value []byte) (int64, error) {
		record := &kgo.Record{Partition: partition, Value: value}
		err := client.ProduceSync(context.Background(), record).FirstErr()
		return record.Offset, err
	}, err
}

func quickBackoff(int) time.Duration { return 50 * time.Millisecond }

func (f franz) member(ctx context.Context, group, topic string, told *ledger) error {
	var client *kgo.Client
	assigned := map[int32]bool{}
	client, err := f.client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(memberSession), kgo.HeartbeatInterval(memberHeartbeat),
		kgo.RetryBackoffFn(quickBackoff), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) {
			for _, partition := range added[topic] {
				assigned[partition] = true
			}
			told.assigned(assigned)
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
			for _, partition := range gone[topic] {
				delete(assigned, partition)
			}
		}),
		kgo.OnPartitionsLost(func(context.Context, *kgo.Client, map[string][]int32) {
			clear(assigned)
		}))
	if err != nil {
		return err
	}
	defer client.Close()
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		var records []*kgo.Record
		fetches.EachRecord(func(r *kgo.Record) {
			told.record(r.Partition, r.Offset, r.Value)
			records = append(records, r)
		})
		if len(records) == 0 {
			continue
		}
		if err := client.CommitRecords(context.Background(), records...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		for _, r := range records {
			told.next(r.Partition, r.Offset+1)
		}
		told.committed()
	}
	return nil
}
