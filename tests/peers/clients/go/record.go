// The Go clients of the matrix behind the verbs that every client program has:
//
//	clients franz|sarama|kafkago produce BOOTSTRAP TOPIC [ACKS]
//	    records as JSON lines from stdin, in order; ACKS is 0, 1, all, or idempotent
//	clients franz|sarama|kafkago consume BOOTSTRAP TOPIC...
//	    every record as a JSON line, until the end offsets
//	clients franz|sarama|kafkago times BOOTSTRAP TOPIC PARTITION TIMESTAMP...
//	    the offset for each timestamp
//	clients franz|sarama|kafkago hammer BOOTSTRAP TOPIC PARTITIONS LEDGER PAUSE_MS
//	    numbers, until stdin closes: see hammer.go
//	clients franz|sarama|kafkago member BOOTSTRAP GROUP TOPIC LEDGER
//	    a member of a group, until stdin closes: see member.go
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

// A record as the test writes it and reads it back; bytes are base64, absent ones null.
type record struct {
	Codec     string   `json:"codec,omitempty"`
	Topic     string   `json:"topic,omitempty"`
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Timestamp int64    `json:"timestamp"`
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"`
	Headers   []header `json:"headers"`
}

type header struct {
	Name  string
	Value []byte
}

func (h header) MarshalJSON() ([]byte, error) { return json.Marshal([]any{h.Name, h.Value}) }

func (h *header) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&h.Name, &h.Value})
}

// What a library must do to take part.
type library interface {
	// Sends the records of one codec and waits until all are acknowledged.
	produce(topic, codec, acks string, records []record) error
	// Calls each record of the topic, of each partition in order, until the end offsets.
	consume(topic string, each func(record)) error
	offsetAt(topic string, partition int32, timestamp int64) (int64, error)
	// What sends one record at a time to a partition, and its offset where the library says it.
	sender(topic string, partition int32) (func(value []byte) (int64, error), error)
	// Reads and commits in a group until the context ends, then leaves.
	member(ctx context.Context, group, topic string, told *ledger) error
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 4 {
		return fmt.Errorf("usage: clients franz|sarama|kafkago VERB BOOTSTRAP TOPIC...")
	}
	bootstrap := arguments[2]
	libraries := map[string]library{
		"franz": franz{bootstrap}, "sarama": saramaClient{bootstrap}, "kafkago": kafkaGo{bootstrap},
	}
	client, known := libraries[arguments[0]]
	if !known {
		return fmt.Errorf("unknown library %q", arguments[0])
	}
	switch arguments[1] {
	case "produce":
		acks := "all"
		if len(arguments) > 4 {
			acks = arguments[4]
		}
		return produceFromStdin(client, arguments[3], acks)
	case "consume":
		return consumeToStdout(client, arguments[3:])
	case "times":
		return times(client, arguments[3], arguments[4:])
	case "hammer":
		return hammer(client, arguments[3:])
	case "member":
		return joinGroup(client, arguments[3:])
	}
	return fmt.Errorf("unknown verb %q", arguments[1])
}

func produceFromStdin(client library, topic, acks string) error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	var batch []record
	for lines.Scan() {
		var next record
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			return err
		}
		if len(batch) > 0 && batch[0].Codec != next.Codec {
			if err := client.produce(topic, batch[0].Codec, acks, batch); err != nil {
				return err
			}
			batch = nil
		}
		batch = append(batch, next)
	}
	if len(batch) == 0 {
		return lines.Err()
	}
	return client.produce(topic, batch[0].Codec, acks, batch)
}

func consumeToStdout(client library, topics []string) error {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for _, topic := range topics {
		err := client.consume(topic, func(r record) {
			r.Topic = topic
			if r.Headers == nil {
				r.Headers = []header{}
			}
			encoder.Encode(r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func times(client library, topic string, numbers []string) error {
	partition, err := strconv.ParseInt(numbers[0], 10, 32)
	if err != nil {
		return err
	}
	for _, text := range numbers[1:] {
		timestamp, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		offset, err := client.offsetAt(topic, int32(partition), timestamp)
		if err != nil {
			return err
		}
		fmt.Println(offset)
	}
	return nil
}
