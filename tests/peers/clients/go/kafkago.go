package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/segmentio/kafka-go"
)

type kafkaGo struct{ bootstrap string }

func (k kafkaGo) produce(topic, codec, acks string, records []record) error {
	required, known := map[string]kafka.RequiredAcks{
		"0": kafka.RequireNone, "1": kafka.RequireOne, "all": kafka.RequireAll,
	}[acks]
	if !known {
		return fmt.Errorf("kafka-go has no producer with %s", acks)
	}
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
			Addr: kafka.TCP(k.bootstrap), Topic: topic, RequiredAcks: required,
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

// The writer does not say at which offset a record lies.
func (k kafkaGo) sender(topic string, partition int32) (func([]byte) (int64, error), error) {
	writer := &kafka.Writer{
		Addr: kafka.TCP(k.bootstrap), Topic: topic, RequiredAcks: kafka.RequireAll,
		BatchTimeout: time.Millisecond, MaxAttempts: 600,
		WriteBackoffMin: 50 * time.Millisecond, WriteBackoffMax: 100 * time.Millisecond,
		Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return int(partition) }),
	}
	return func(value []byte) (int64, error) {
		return -1, writer.WriteMessages(context.Background(), kafka.Message{Value: value})
	}, nil
}

func (k kafkaGo) member(ctx context.Context, group, topic string, told *ledger) error {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{k.bootstrap}, GroupID: group, GroupTopics: []string{topic},
		StartOffset: kafka.FirstOffset, MaxWait: 100 * time.Millisecond,
		SessionTimeout: memberSession, HeartbeatInterval: memberHeartbeat,
		JoinGroupBackoff: 100 * time.Millisecond, RebalanceTimeout: memberSession,
		ReadBackoffMin: 50 * time.Millisecond, ReadBackoffMax: 100 * time.Millisecond,
		ErrorLogger: kafka.LoggerFunc(func(form string, values ...any) {
			fmt.Fprintf(os.Stderr, form+"\n", values...)
		}),
	})
	defer reader.Close()
	for ctx.Err() == nil {
		var read []kafka.Message
		for len(read) < 500 {
			moment, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			message, err := reader.FetchMessage(moment)
			cancel()
			if err != nil {
				break
			}
			told.record(int32(message.Partition), message.Offset, message.Value)
			read = append(read, message)
		}
		if len(read) == 0 {
			continue
		}
		if err := reader.CommitMessages(context.Background(), read...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		for _, message := range read {
			told.next(int32(message.Partition), message.Offset+1)
		}
		told.committed()
	}
	return nil
}
