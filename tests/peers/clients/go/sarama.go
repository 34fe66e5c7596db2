package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
)

type saramaClient struct{ bootstrap string }

func (s saramaClient) config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Return.Successes = true
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	return config
}

func encoder(bytes []byte) sarama.Encoder {
	if bytes == nil {
		return nil
	}
	return sarama.ByteEncoder(bytes)
}

func (s saramaClient) produce(topic, codec, acks string, records []record) error {
	config := s.config()
	config.Producer.Compression = map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
		"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4,
		"zstd": sarama.CompressionZSTD,
	}[codec]
	config.Producer.RequiredAcks = map[string]sarama.RequiredAcks{
		"0": sarama.NoResponse, "1": sarama.WaitForLocal,
		"all": sarama.WaitForAll, "idempotent": sarama.WaitForAll,
	}[acks]
	if acks == "idempotent" {
		config.Producer.Idempotent = true
		config.Net.MaxOpenRequests = 1
	}
	producer, err := sarama.NewSyncProducer([]string{s.bootstrap}, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	var batch []*sarama.ProducerMessage
	for _, r := range records {
		message := &sarama.ProducerMessage{Topic: topic, Partition: r.Partition,
			Key: encoder(r.Key), Value: encoder(r.Value), Timestamp: time.UnixMilli(r.Timestamp)}
		for _, h := range r.Headers {
			message.Headers = append(message.Headers,
				sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
		}
		batch = append(batch, message)
	}
	return producer.SendMessages(batch)
}

func (s saramaClient) consume(topic string, each func(record)) error {
	client, err := sarama.NewClient([]string{s.bootstrap}, s.config())
	if err != nil {
		return err
	}
	defer client.Close()
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return err
	}
	defer consumer.Close()
	partitions, err := client.Partitions(topic)
	if err != nil {
		return err
	}
	for _, partition := range partitions {
		end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
		if err != nil {
			return err
		}
		if end == 0 {
			continue
		}
		if err := consumePartition(consumer, topic, partition, end, each); err != nil {
			return err
		}
	}
	return nil
}

func consumePartition(consumer sarama.Consumer, topic string, partition int32, end int64,
	each func(record)) error {
	messages, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	defer messages.Close()
	for m := range messages.Messages() {
		out := record{Partition: m.Partition, Offset: m.Offset,
			Timestamp: m.Timestamp.UnixMilli(), Key: m.Key, Value: m.Value}
		for _, h := range m.Headers {
			out.Headers = append(out.Headers, header{string(h.Key), h.Value})
		}
		each(out)
		if m.Offset+1 >= end {
			break
		}
	}
	return nil
}

func (s saramaClient) offsetAt(topic string, partition int32, timestamp int64) (int64, error) {
	client, err := sarama.NewClient([]string{s.bootstrap}, s.config())
	if err != nil {
		return 0, err
	}
	defer client.Close()
	return client.GetOffset(topic, partition, timestamp)
}

func (s saramaClient) patient() *sarama.Config {
	config := s.config()
	config.Producer.Retry.Max, config.Producer.Retry.Backoff = 600, 100*time.Millisecond
	config.Metadata.Retry.Max, config.Metadata.Retry.Backoff = 600, 100*time.Millisecond
	config.Consumer.Group.Rebalance.Retry.Max = 600
	config.Consumer.Group.Rebalance.Retry.Backoff = 100 * time.Millisecond
	config.Consumer.Group.Session.Timeout = memberSession
	config.Consumer.Group.Heartbeat.Interval = memberHeartbeat
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Return.Errors = true
	return config
}

func (s saramaClient) sender(topic string, partition int32) (func([]byte) (int64, error), error) {
	producer, err := sarama.NewSyncProducer([]string{s.bootstrap}, s.patient())
	return func(value []byte) (int64, error) {
		_, offset, err := producer.SendMessage(&sarama.ProducerMessage{
			Topic: topic, Partition: partition, Value: sarama.ByteEncoder(value)})
		return offset, err
	}, err
}

func (s saramaClient) member(ctx context.Context, group, topic string, told *ledger) error {
	consumer, err := sarama.NewConsumerGroup([]string{s.bootstrap}, group, s.patient())
	if err != nil {
		return err
	}
	defer consumer.Close()
	go func() {
		for err := range consumer.Errors() {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	for ctx.Err() == nil {
		// Returns after each rebalance, and when the broker is gone.
		if err := consumer.Consume(ctx, []string{topic}, saramaMember{topic, told}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(100 * time.Millisecond)
		}
	}
	return nil
}

type saramaMember struct {
	topic string
	told  *ledger
}

func (m saramaMember) Setup(session sarama.ConsumerGroupSession) error {
	assigned := map[int32]bool{}
	for _, partition := range session.Claims()[m.topic] {
		assigned[partition] = true
	}
	m.told.assigned(assigned)
	return nil
}

func (m saramaMember) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim commits what it has read; sarama does not say what became of that.
func (m saramaMember) ConsumeClaim(session sarama.ConsumerGroupSession,
	claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			m.told.record(message.Partition, message.Offset, message.Value)
			session.MarkMessage(message, "")
			if len(claim.Messages()) == 0 {
				session.Commit()
			}
		case <-session.Context().Done():
			return nil
		}
	}
}
