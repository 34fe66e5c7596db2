"""A member of a consumer group by librdkafka, which commits what it has read.

    confluent_member.py BOOTSTRAP GROUP TOPIC LEDGER

Until stdin closes or says something. The ledger is that of JavaMember.
"""

import select
import sys

import confluent_kafka

SETTINGS = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 500,
    "fetch.wait.max.ms": 100,
    "retry.backoff.ms": 20,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 100,
}


def step(consumer, topic: str, ledger) -> None:
    next_offsets = {}
    for message in consumer.consume(500, 0.1):
        if message.error() is not None:
            print(message.error(), file=sys.stderr)
            continue
        partition, offset = message.partition(), message.offset()
        ledger.write(f"record {partition} {offset} {(message.value() or b'').decode()}\n")
        next_offsets[partition] = offset + 1
    if not next_offsets:
        return
    offsets = [confluent_kafka.TopicPartition(topic, *place) for place in next_offsets.items()]
    try:
        answers = consumer.commit(offsets=offsets, asynchronous=False)
    except confluent_kafka.KafkaException as problem:
        # A rebalance or a dead broker: who has the partitions then reads these records again.
        print(problem, file=sys.stderr)
        return
    for answer in answers:
        if answer.error is None:
            ledger.write(f"committed {answer.partition} {answer.offset}\n")


def main(bootstrap: str, group: str, topic: str, ledger_path: str) -> None:
    settings = {"bootstrap.servers": bootstrap, "group.id": group, **SETTINGS}
    consumer = confluent_kafka.Consumer(settings)
    with open(ledger_path, "w", buffering=1) as ledger:

        def assigned(_consumer, places):
            numbers = sorted(place.partition for place in places)
            ledger.write(f"assigned {' '.join(map(str, numbers))}\n")

        consumer.subscribe([topic], on_assign=assigned)
        while not select.select([sys.stdin], [], [], 0)[0]:
            step(consumer, topic, ledger)
        consumer.close()


main(*sys.argv[1:])
