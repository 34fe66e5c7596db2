"""kafka-python while its broker stops and dies.

    kafka_python_live.py hammer BOOTSTRAP TOPIC PARTITIONS LEDGER PAUSE_MS
    kafka_python_live.py member BOOTSTRAP GROUP TOPIC LEDGER

Each until stdin closes or says something. The ledgers are those of JavaHammer and JavaMember.
"""

import select
import sys
import time

import kafka
import kafka.errors
from kafka.structs import OffsetAndMetadata

QUICK = {"retry_backoff_ms": 50, "reconnect_backoff_ms": 20, "reconnect_backoff_max_ms": 100}


def stopped() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def hammer(bootstrap: str, topic: str, partitions: str, ledger_path: str, pause_ms: str) -> None:
    producer = kafka.KafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        linger_ms=1,
        request_timeout_ms=10_000,
        delivery_timeout_ms=100_000,
        **QUICK,
    )
    with open(ledger_path, "w", buffering=1) as ledger:

        def sent(number, partition):
            place = f"{number} {partition}"
            future = producer.send(topic, f"python {number:012}".encode(), partition=partition)
            future.add_callback(lambda told: ledger.write(f"ack {place} {told.offset}\n"))
            future.add_errback(lambda problem: ledger.write(f"fail {place} {problem!r}\n"))

        number = 0
        while not stopped():
            sent(number, number % int(partitions))
            number += 1
            time.sleep(int(pause_ms) / 1000)
        producer.flush(timeout=100)
        producer.close(timeout=10)


class Told(kafka.ConsumerRebalanceListener):
    def __init__(self, consumer, ledger):
        self.consumer = consumer
        self.ledger = ledger

    def on_partitions_assigned(self, assigned):
        numbers = sorted(place.partition for place in self.consumer.assignment())
        self.ledger.write(f"assigned {' '.join(map(str, numbers))}\n")

    def on_partitions_revoked(self, revoked):
        pass


def step(consumer, ledger) -> None:
    next_offsets = {}
    for place, records in consumer.poll(timeout_ms=100).items():
        for record in records:
            value = (record.value or b"").decode()
            ledger.write(f"record {record.partition} {record.offset} {value}\n")
        next_offsets[place] = OffsetAndMetadata(records[-1].offset + 1, "", -1)
    if not next_offsets:
        return
    try:
        consumer.commit(next_offsets)
    except kafka.errors.KafkaError as problem:
        # A rebalance or a dead broker: who has the partitions then reads these records again.
        print(repr(problem), file=sys.stderr)
        return
    for place, at in next_offsets.items():
        ledger.write(f"committed {place.partition} {at.offset}\n")


def member(bootstrap: str, group: str, topic: str, ledger_path: str) -> None:
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=10_000,
        heartbeat_interval_ms=500,
        fetch_max_wait_ms=100,
        **QUICK,
    )
    with open(ledger_path, "w", buffering=1) as ledger:
        consumer.subscribe([topic], listener=Told(consumer, ledger))
        # 3.0.12 loses a race with any broker (Kafka 4.2 too: once in 115 starts, six at a time):
        # who joins before the topic's metadata is there assigns nothing, and may not notice it
        # later, or drop the assignment of the rebalance that follows. So the metadata comes first.
        consumer.partitions_for_topic(topic)
        while not stopped():
            step(consumer, ledger)
        consumer.close()


{"hammer": hammer, "member": member}[sys.argv[1]](*sys.argv[2:])
