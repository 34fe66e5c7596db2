"""The clients of the matrix, all behind the same calls.

    produce(bootstrap, topic, records, acks)         in order, each codec's run compressed with it
    consume(bootstrap, topics) -> records            all partitions, from 0 to the end offsets
    offsets_at(bootstrap, topic, partition, times)   the offset for each timestamp, -1 for none
    hammer(...), member(...)                         commands of long-lived programs
"""

from clients import console, programs, python
from records import CODECS

# kafka-go tells no empty value from none, and has no idempotent producer. rskafka's Fetch is
# version 4, to which no broker gives zstd; it always asks for all acknowledgements, and knows no
# groups.
CLIENTS = {
    "java-2.1": programs.Java("2.1"),
    "java-2.8": programs.Java("2.8"),
    "java-3.4": programs.Java("3.4"),
    "java-3.9": programs.Java("3.9"),
    "java-4.2": programs.Java("4.2"),
    "kcat": console.Kcat(),
    "confluent-kafka": python.Confluent(),
    "kafka-python": python.KafkaPython(),
    "aiokafka": python.AioKafka(),
    "franz-go": programs.Go("franz", "github.com/twmb/franz-go"),
    "sarama": programs.Go("sarama", "github.com/IBM/sarama", hammer_is_idempotent=False),
    "kafka-go": programs.Go(
        "kafkago",
        "github.com/segmentio/kafka-go",
        empty_is_null=True,
        acks=("0", "1", "all"),
        hammer_is_idempotent=False,
    ),
    "rdkafka": programs.Rust("rdkafka"),
    "rskafka": programs.Rust(
        "rskafka",
        codecs=("none", "gzip", "snappy", "lz4"),
        reads=("none", "gzip", "snappy", "lz4"),
        acks=("all",),
        last_header_only=True,
        hammer_is_idempotent=False,
    ),
    "kafkajs": programs.KafkaJs(),
    "platformatic": programs.Platformatic("@platformatic/kafka"),
    "platformatic-newest": programs.Platformatic(
        "platformatic-newest", codecs=CODECS, reads=CODECS
    ),
}
# The rest differ from these by their age only.
PRODUCERS = {
    name: client
    for name, client in CLIENTS.items()
    if name not in ("java-2.1", "java-2.8", "java-3.4")
}
CONSUMERS = PRODUCERS
