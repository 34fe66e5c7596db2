package main

import (
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

func (s saramaClient) produce(topic, codec string, records []record) error {
	config := s.config()
	config.Producer.Compression = map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
		"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4,
		"zstd": sarama.CompressionZSTD,
	}[codec]
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
