package main

import (
	"context"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

type kafkaGo struct{ bootstrap string }

func (k kafkaGo) produce(topic, codec string, records []record) error {
	// The writer's balancer sees only the message, so the partition travels beside it, in order.
	ctx, cancel := deadline()
	defer cancel()
	byPartition := map[int32][]kafka.Message{}
	for _, r := range records {
		message := kafka.Message{Key: r.Key, Value: r.Value, Time: time.UnixMilli(r.Timestamp)}
		for _, h := range r.Headers {
			message.Headers = append(message.Headers, kafka.Header{Key: h.Name, Value: h.Value})
		}
		byPartition[r.Partition] = append(byPartition[r.Partition], message)
	}
	for partition, messages := range byPartition {
		writer := &kafka.Writer{
			Addr: kafka.TCP(k.bootstrap), Topic: topic, RequiredAcks: kafka.RequireAll,
			BatchTimeout: 5 * time.Millisecond, BatchSize: len(messages),
			Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return int(partition) }),
			Compression: map[string]kafka.Compression{
				"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4,
				"zstd": kafka.Zstd,
			}[codec],
		}
		if err := writer.WriteMessages(ctx, messages...); err != nil {
			return err
		}
		if err := writer.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (k kafkaGo) dial(topic string, partition int) (*kafka.Conn, error) {
	return kafka.DialLeader(context.Background(), "tcp", k.bootstrap, topic, partition)
}

func (k kafkaGo) consume(topic string, each func(record)) error {
	connection, err := kafka.Dial("tcp", k.bootstrap)
	if err != nil {
		return err
	}
	defer connection.Close()
	partitions, err := connection.ReadPartitions(topic)
	if err != nil {
		return err
	}
	for _, partition := range partitions {
		if err := k.consumePartition(topic, partition.ID, each); err != nil {
			return err
		}
	}
	return nil
}

func (k kafkaGo) consumePartition(topic string, partition int, each func(record)) error {
	leader, err := k.dial(topic, partition)
	if err != nil {
		return err
	}
	defer leader.Close()
	end, err := leader.ReadLastOffset()
	if err != nil || end == 0 {
		return err
	}
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{k.bootstrap}, Topic: topic, Partition: partition, MaxBytes: 16 << 20,
		MaxWait: 100 * time.Millisecond,
	})
	defer reader.Close()
	ctx, cancel := deadline()
	defer cancel()
	for {
		m, err := reader.ReadMessage(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		out := record{Partition: int32(m.Partition), Offset: m.Offset,
			Timestamp: m.Time.UnixMilli(), Key: m.Key, Value: m.Value}
		for _, h := range m.Headers {
			out.Headers = append(out.Headers, header{h.Key, h.Value})
		}
		each(out)
		if m.Offset+1 >= end {
			return nil
		}
	}
}

func (k kafkaGo) offsetAt(topic string, partition int32, timestamp int64) (int64, error) {
	leader, err := k.dial(topic, int(partition))
	if err != nil {
		return 0, err
	}
	defer leader.Close()
	return leader.ReadOffset(time.UnixMilli(timestamp))
}
