"""kill -9 under load, again and again: what was acknowledged stays, once, and in order.

KARST_E2E_ROUNDS sets the number of kills, 30 unless told.
"""

import os
import pathlib
import random
import subprocess
import sys

import bring
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


class Hammer:
    """A producer process that keeps sending, and the ledger of what became of its records."""

    def __init__(self, name: str, command: list[str], bootstrap: str, directory: pathlib.Path):
        self.name = name
        self.topic = f"hammer-{name}"
        self.ledger_path = directory / f"{name}.ledger"
        self.errors_path = directory / f"{name}.errors"
        self.ledger_path.touch()
        arguments = [bootstrap, self.topic, PARTITIONS, self.ledger_path]
        with open(self.errors_path, "w") as errors:
            self.process = subprocess.Popen(
                [*command, *map(str, arguments)], stdin=subprocess.PIPE, stderr=errors
            )

    def acknowledged(self) -> int:
        with open(self.ledger_path) as ledger:
            return sum(line.startswith("ack") for line in ledger)

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
    node = make_node("num.partitions=4").start()
    java = peers.java_command("4.2", "JavaHammer", classes=[bring.java_classes("4.2")])
    commands = {"java": java, "confluent": [sys.executable, str(CONFLUENT)]}
    running = []
    for name, command in commands.items():
        create_topic(node, f"hammer-{name}", PARTITIONS)
        running.append(Hammer(name, command, node.bootstrap, tmp_path))
    yield node, running
    for each in running:
        each.close()


@pytest.mark.timeout(900)
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
    records = programs.Java("4.2").consume(node.bootstrap, [hammer.topic for hammer in running])
    for hammer in running:
        check(hammer, [record for record in records if record["topic"] == hammer.topic])


def check(hammer: Hammer, records: list[dict]) -> None:
    places = {}
    for record in records:
        number = int(record["value"].split()[1])
        assert number not in places, (
            f"{hammer.name}: record {number} twice, at {places[number]} too"
        )
        places[number] = (record["partition"], record["offset"])
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
