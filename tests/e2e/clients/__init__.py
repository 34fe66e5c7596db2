"""The clients of the matrix, all behind the same three calls.

    produce(bootstrap, topic, records)               in order, each codec's run compressed with it
    consume(bootstrap, topics) -> records            all partitions, from 0 to the end offsets
    offsets_at(bootstrap, topic, partition, times)   the offset for each timestamp, -1 for none
"""

from clients import console, programs, python

PRODUCERS = {
    "kcat": console.Kcat(),
    "java-3.9": programs.Java("3.9"),
    "java-4.2": programs.Java("4.2"),
    "kafka-python": python.KafkaPython(),
    "confluent-kafka": python.Confluent(),
    "aiokafka": python.AioKafka(),
    "franz-go": programs.Go("franz"),
    "sarama": programs.Go("sarama"),
    "kafka-go": programs.Go("kafkago", empty_is_null=True),
    "rskafka": programs.Rust(),
    "kafkajs": programs.Node("kafkajs"),
    "platformatic": programs.Node("platformatic"),
}
# Consumers that need no group coordinator.
CONSUMERS = {
    name: client
    for name, client in PRODUCERS.items()
    if name not in ("confluent-kafka", "kafkajs", "platformatic")
}
