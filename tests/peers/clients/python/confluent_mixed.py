"""Mixed load by librdkafka while its broker is killed again and again.

    confluent_mixed.py BOOTSTRAP LEDGER SMALL BULK COMPACTED AGAIN

Until stdin closes or says something: numbered records to random partitions of the topic SMALL,
large ones to BULK, fifty keys to COMPACTED, all by one idempotent producer; and the topic AGAIN is
deleted and made once more, time after time, with some records in each life. A line of the ledger
is `ack TOPIC PARTITION NUMBER OFFSET`, written when a record was acknowledged, and
`life NUMBER` before the topic AGAIN is made for the NUMBER-th time.
"""

import random
import select
import sys
import time

import confluent_kafka
import confluent_kafka.admin

BULK_BYTES = 100_000
KEYS = 50
LIFE_SECONDS = 0.7
RECORDS_PER_LIFE = 20
PARTITIONS = {"small": 64, "bulk": 2, "compacted": 1, "again": 3}
QUICK = {
    "message.timeout.ms": 120_000,
    "socket.timeout.ms": 10_000,
    "retry.backoff.ms": 20,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 100,
    "queue.buffering.max.messages": 500,
    "queue.buffering.max.kbytes": 16_384,
    "linger.ms": 1,
}


class Load:
    def __init__(self, bootstrap: str, ledger, topics: dict[str, str]):
        self.ledger = ledger
        self.topics = topics
        self.bootstrap = bootstrap
        settings = {"bootstrap.servers": bootstrap, **QUICK}
        self.producer = confluent_kafka.Producer({**settings, "enable.idempotence": True})
        self.admin = confluent_kafka.admin.AdminClient(
            {"bootstrap.servers": bootstrap, "socket.timeout.ms": 10_000}
        )
        self.numbers = dict.fromkeys(topics, 0)
        self.life = 0

    def send(self, kind: str, producer, value_tail: bytes = b"", key=None) -> None:
        topic = self.topics[kind]
        number = self.numbers[kind]
        partition = random.randrange(PARTITIONS[kind])

        def delivered(problem, message):
            if problem is None:
                offset = -1 if message.offset() is None else message.offset()
                self.ledger.write(f"ack {topic} {partition} {number} {offset}\n")

        value = f"{self.life if kind == 'again' else 0} {number} ".encode() + value_tail
        try:
            producer.produce(topic, value, key=key, partition=partition, on_delivery=delivered)
            self.numbers[kind] += 1
        except BufferError:
            producer.poll(0.005)

    def make_again(self) -> None:
        """Deletes the topic AGAIN and makes it once more; the broker may die at any moment."""
        topic = self.topics["again"]
        gone = confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART
        there = confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS
        self.attempt(lambda: self.admin.delete_topics([topic], operation_timeout=5), topic, gone)
        self.life += 1
        self.ledger.write(f"life {self.life}\n")
        new = confluent_kafka.admin.NewTopic(topic, PARTITIONS["again"], 1)
        self.attempt(lambda: self.admin.create_topics([new]), topic, there)
        # Its own producer: the idempotent one would wait for the records of a deleted topic.
        producer = confluent_kafka.Producer({"bootstrap.servers": self.bootstrap, **QUICK})
        for _ in range(RECORDS_PER_LIFE):
            self.send("again", producer)
        producer.flush(60)

    def attempt(self, ask, topic: str, fine) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                ask()[topic].result()
                return
            except confluent_kafka.KafkaException as problem:
                if problem.args[0].code() == fine:
                    return
            self.producer.poll(0.02)

    def run(self) -> None:
        next_life = time.monotonic()
        while not select.select([sys.stdin], [], [], 0)[0]:
            for _ in range(20):
                self.send("small", self.producer)
            self.send("bulk", self.producer, b"x" * BULK_BYTES)
            for _ in range(5):
                self.send("compacted", self.producer, key=str(self.numbers["compacted"] % KEYS))
            self.producer.poll(0)
            if time.monotonic() > next_life:
                self.make_again()
                next_life = time.monotonic() + LIFE_SECONDS
        left = self.producer.flush(120)
        if left:
            sys.exit(f"{left} records stayed in the queue")


def main(bootstrap: str, ledger_path: str, *topics: str) -> None:
    with open(ledger_path, "w", buffering=1) as ledger:
        Load(bootstrap, ledger, dict(zip(PARTITIONS, topics))).run()


main(*sys.argv[1:])
