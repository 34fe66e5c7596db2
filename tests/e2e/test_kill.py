"""kill -9 under load, again and again: what was acknowledged stays, once, and in order.

Two producers count to four partitions each; beside them many small partitions, bulk, a compacted
topic, and one that is deleted and made again all the time.
KARST_E2E_ROUNDS sets the number of kills, 30 unless told.
"""

import collections
import os
import pathlib
import random
import subprocess
import sys

import bring
import confluent_kafka
import pytest
from clients import programs
from node import eventually
from tools import create_topic

import peers

ROUNDS = int(os.environ.get("KARST_E2E_ROUNDS", "30"))
PARTITIONS = 4
# Between two kills each producer must get at least this many acknowledgements.
ACKNOWLEDGED_PER_ROUND = 200
# and up to as many more: the moment of death is what the rounds vary.
SPREAD = 400
CONFLUENT = peers.CLIENTS / "python" / "confluent_hammer.py"
MIXED = peers.CLIENTS / "python" / "confluent_mixed.py"
COMPACTED = {
    "cleanup.policy": "compact",
    "segment.bytes": "65536",
    "min.cleanable.dirty.ratio": "0.1",
}
MIXED_TOPICS = {"small": 64, "bulk": 2, "compacted": 1}


class Hammer:
    """A producer process that keeps sending, and the ledger of what became of its records."""

    def __init__(self, name: str, command: list[str], directory: pathlib.Path):
        self.name = name
        self.topic = f"hammer-{name}"
        self.ledger_path = directory / f"{name}.ledger"
        self.errors_path = directory / f"{name}.errors"
        self.ledger_path.touch()
        self.counted = 0
        self.counted_to = 0  # bytes of the ledger
        arguments = [self.ledger_path if word == "LEDGER" else word for word in command]
        with open(self.errors_path, "w") as errors:
            self.process = subprocess.Popen(
                list(map(str, arguments)), stdin=subprocess.PIPE, stderr=errors
            )

    def acknowledged(self) -> int:
        with open(self.ledger_path, "rb") as ledger:
            ledger.seek(self.counted_to)
            whole, _, _ = ledger.read().rpartition(b"\n")
        if whole:
            self.counted += sum(line.startswith(b"ack") for line in whole.split(b"\n"))
            self.counted_to += len(whole) + 1
        return self.counted

    def wait_for(self, count: int, kill: int) -> None:
        what = f"kill {kill}: {self.name} got {count} acknowledgements"
        eventually(lambda: self.acknowledged() >= count, 60, what, every=0.05)

    def finish(self) -> None:
        self.process.stdin.close()
        status = self.process.wait(150)
        assert status == 0, (
            f"{self.name} ended with {status}: {self.errors_path.read_text()[-2000:]}"
        )

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def hammers(make_node, tmp_path):
    settings = ["log.segment.bytes=4194304", "log.cleaner.backoff.ms=100"]
    node = make_node("num.partitions=4", *settings).start()
    java = peers.java_command("4.2", "JavaHammer", classes=[bring.java_classes("4.2")])
    commands = {"java": java, "confluent": [sys.executable, CONFLUENT]}
    running = []
    for name, command in commands.items():
        create_topic(node, f"hammer-{name}", PARTITIONS)
        words = [node.bootstrap, f"hammer-{name}", PARTITIONS, "LEDGER"]
        running.append(Hammer(name, [*command, *words], tmp_path))
    for topic, partitions in MIXED_TOPICS.items():
        create_topic(node, topic, partitions, COMPACTED if topic == "compacted" else None)
    words = [node.bootstrap, "LEDGER", *MIXED_TOPICS, "again"]
    running.append(Hammer("mixed", [sys.executable, MIXED, *words], tmp_path))
    yield node, running
    for each in running:
        each.close()


@pytest.mark.timeout(900 + 20 * ROUNDS)
def test_acknowledged_records_survive(hammers):
    node, running = hammers
    seed = random.randrange(1 << 32)
    print(f"seed {seed}, {ROUNDS} rounds")
    chance = random.Random(seed)
    for kill in range(ROUNDS):
        before = [hammer.acknowledged() for hammer in running]
        for hammer, count in zip(running, before):
            hammer.wait_for(count + ACKNOWLEDGED_PER_ROUND + chance.randrange(SPREAD), kill)
        node.kill()
        node.start()
    for hammer in running:
        hammer.finish()
    *counting, mixed = running
    records = programs.Java("4.2").consume(node.bootstrap, [hammer.topic for hammer in counting])
    for hammer in counting:
        check(hammer, [record for record in records if record["topic"] == hammer.topic])
    check_mixed(node.bootstrap, mixed.ledger_path.read_text().splitlines())
    assert "compacted-0: compacted offsets" in node.log(), "the cleaner was at work"


def read_all(bootstrap: str, topic: str) -> list[confluent_kafka.Message]:
    """Everything in the topic, each record's checksum verified."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reads-all",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "check.crcs": True,
        }
    )
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    beginning = confluent_kafka.OFFSET_BEGINNING
    consumer.assign(
        [confluent_kafka.TopicPartition(topic, number, beginning) for number in partitions]
    )
    records, open_partitions = [], set(partitions)
    while open_partitions:
        message = consumer.poll(30)
        assert message is not None, f"{topic}: nothing more from {open_partitions}"
        if message.error() is None:
            records.append(message)
        elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
            open_partitions.discard(message.partition())
        else:
            raise AssertionError(f"{topic}: {message.error()}")
    consumer.close()
    return records


def number_of(message) -> int:
    return int(message.value().split()[1])


def check_mixed(bootstrap: str, ledger: list[str]) -> None:
    acknowledged = collections.defaultdict(list)
    life = 0
    for line in ledger:
        word, *rest = line.split()
        if word == "life":
            life = int(rest[0])
            acknowledged["again"].clear()
        else:
            acknowledged[rest[0]].append(tuple(map(int, rest[1:])))
    for topic in ("small", "bulk"):
        records = read_all(bootstrap, topic)
        check_places(topic, records, acknowledged[topic])
        by_partition = collections.defaultdict(list)
        for record in records:
            by_partition[record.partition()].append(number_of(record))
        for partition, numbers in by_partition.items():
            assert numbers == sorted(set(numbers)), f"{topic}-{partition}: order broken, or twice"
    again = read_all(bootstrap, "again")
    lives = {int(record.value().split()[0]) for record in again}
    assert lives <= {life}, f"records of deleted topics came back: {lives}, the last is {life}"
    check_places("again", again, acknowledged["again"])
    check_compacted(read_all(bootstrap, "compacted"), acknowledged["compacted"])
    counts = {topic: len(lines) for topic, lines in acknowledged.items()}
    print(f"mixed: acknowledged {counts}, {life} lives of the topic that is made again")


def check_places(topic: str, records, acknowledged) -> None:
    places = {number_of(record): (record.partition(), record.offset()) for record in records}
    for partition, number, offset in acknowledged:
        assert number in places, f"{topic}: acknowledged record {number} is lost"
        assert offset < 0 or places[number] == (partition, offset), f"{topic}: {number} moved"


def check_compacted(records, acknowledged) -> None:
    """Of each key at least its newest acknowledged record, or a later one."""
    newest = {}
    for record in records:
        newest[record.key()] = number_of(record)
    assert [number_of(record) for record in records] == sorted(map(number_of, records))
    for _, number, _ in acknowledged:
        key = str(number % 50).encode()
        assert newest.get(key, -1) >= number, f"compacted: key {key} has lost record {number}"


def check(hammer: Hammer, records: list[dict]) -> None:
    places = {}
    for record in records:
        number = int(record["value"].split()[1])
        place = (record["partition"], record["offset"])
        assert number not in places, (
            f"{hammer.name}: record {number} twice, at {places[number]} and at {place}"
        )
        places[number] = place
        assert number % PARTITIONS == record["partition"]
    for partition in range(PARTITIONS):
        mine = [record for record in records if record["partition"] == partition]
        numbers = [int(record["value"].split()[1]) for record in mine]
        assert numbers == sorted(numbers), f"{hammer.name}: order broken in partition {partition}"
        offsets = [record["offset"] for record in mine]
        assert offsets == list(range(len(mine))), f"{hammer.name}: holes in partition {partition}"
    lines = [line.split(maxsplit=3) for line in hammer.ledger_path.read_text().splitlines()]
    failed = [line for line in lines if line[0] == "fail"]
    assert not failed, f"{hammer.name}: {len(failed)} records failed, first {failed[0]}"
    unknown = 0
    for _, number, partition, offset in lines:
        place = places.get(int(number))
        assert place is not None, f"{hammer.name}: acknowledged record {number} is lost"
        # librdkafka does not learn the offset of a batch that was a duplicate.
        if int(offset) < 0:
            unknown += 1
        else:
            assert place == (int(partition), int(offset)), f"{hammer.name}: record {number} moved"
    print(
        f"{hammer.name}: {len(lines)} acknowledged, {unknown} without an offset,"
        f" {len(records)} in the log"
    )
