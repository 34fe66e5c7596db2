"""A volume that runs full, again and again: the broker lives, and what was acknowledged stays.

KARST_E2E_CYCLES sets the number of times, 5 unless told.
"""

import os
import re

import confluent_kafka
import group_wire as gw
import pytest
import wire
from node import BINARY, BROKER, eventually
from test_kill import read_all
from tools import create_topic
from volumes import MIB, volume

pytestmark = pytest.mark.skipif(
    BROKER != "karst" or not BINARY.exists(), reason="about karst's own space budget"
)

CYCLES = int(os.environ.get("KARST_E2E_CYCLES", "5"))
HARD = 16 * MIB
PARTITIONS = 4
STORAGE_ERROR = 56
SMALL_JOURNAL = ("karst.journal.file.bytes=1048576", "karst.journal.files=3", "karst.cores=2")


def produce(node, topic: str, size: int = 1000) -> tuple[int, int, str | None]:
    with wire.Connection(node.port) as connection:
        batch = wire.batch([os.urandom(size)])
        return wire.produce_result(connection.send(wire.produce(topic, batch)).answer())


def delete_topic(node, name: str) -> int:
    body = wire.struct.pack(">i", 1) + wire.text(name) + wire.struct.pack(">i", 30_000)
    with wire.Connection(node.port) as connection:
        answer = connection.send(wire.frame(wire.header(20, 1) + body)).answer()
    (length,) = wire.struct.unpack_from(">h", answer, 12)
    return wire.struct.unpack_from(">h", answer, 14 + length)[0]


def commit(node, group: str, offset: int) -> list[int]:
    with wire.Connection(node.port) as connection:
        while gw.find_error(connection.send(gw.find_coordinator(group)).answer()) != 0:
            pass
        request = gw.commit(group, {("kept", 0): offset})
        return gw.commit_errors(connection.send(request).answer())


def fetched(node, topic: str, offset: int) -> bytes:
    with wire.Connection(node.port) as connection:
        return connection.send(wire.fetch(topic, offset)).answer()


@pytest.fixture
def full_node(make_node, tmp_path):
    with volume(tmp_path, "disk", 512 * MIB) as disk:
        node = make_node(
            f"log.dirs={disk.path}/data", f"karst.space.hard.bytes={HARD}", *SMALL_JOURNAL
        )
        node.start()
        yield node, disk
        node.close()


def test_a_full_volume_refuses_records_and_nothing_else(full_node):
    node, disk = full_node
    create_topic(node, "kept", 1)
    create_topic(node, "doomed", 1)
    for topic in ("kept", "doomed"):
        assert produce(node, topic)[0] == 0
    assert commit(node, "group", 6) == [0]
    disk.fill(HARD // 2)
    code, _, why = eventually(
        lambda: (got := produce(node, "kept"))[0] and got, 20, "produce is refused"
    )
    assert code == STORAGE_ERROR
    assert f"{disk.path}/data" in why and str(HARD) in why and "karst.space.hard.bytes" in why
    assert re.search(r"has \d+ bytes left", why)
    assert len(fetched(node, "kept", 0)) > 1000
    # A consumer goes on: it may commit, and a new group may begin.
    assert commit(node, "group", 7) == [0]
    assert commit(node, "another", 8) == [0]
    assert delete_topic(node, "doomed") == 0
    create_topic(node, "made", 1)
    said = "produce requests are refused until there is room"
    assert node.log().count(said) == 1
    (disk.path / "filler").unlink()
    eventually(lambda: produce(node, "kept")[0] == 0, 10, "produce goes on by itself")
    assert node.stop() == 0


def test_the_oldest_segments_go_first_where_that_is_declared(make_node, tmp_path):
    with volume(tmp_path, "disk", 128 * MIB) as disk:
        node = make_node(
            f"log.dirs={disk.path}/data",
            "karst.space.policy=delete-oldest",
            "karst.space.soft.percent=40",
            "log.segment.bytes=1048576",
            *SMALL_JOURNAL,
        ).start()
        create_topic(node, "rolls", 1)
        for _ in range(320):
            assert produce(node, "rolls", 400_000)[0] == 0
        eventually(lambda: disk.free() > 45 * MIB, 30, "there is room by itself")
        assert "before its time" in node.log()
        assert node.stop() == 0


class Producer:
    """librdkafka's idempotent producer, and what became of its records."""

    def __init__(self, node, topic: str):
        self.topic = topic
        self.sent = 0
        self.acknowledged: set[int] = set()
        self.failed: list[str] = []
        self.client = confluent_kafka.Producer(
            {
                "bootstrap.servers": node.bootstrap,
                "enable.idempotence": True,
                "linger.ms": 1,
                "message.timeout.ms": 120_000,
                "retry.backoff.ms": 20,
            }
        )

    def send(self, count: int) -> None:
        for _ in range(count):
            number = self.sent

            def record(problem, _, number=number):
                if problem is None:
                    self.acknowledged.add(number)
                else:
                    self.failed.append(f"{number}: {problem}")

            value = f"{number:08}".encode().ljust(200, b".")
            self.client.produce(
                self.topic, value, partition=number % PARTITIONS, on_delivery=record
            )
            self.sent += 1
            self.client.poll(0)

    def finish(self) -> None:
        assert self.client.flush(60) == 0, f"{len(self.acknowledged)} of {self.sent} acknowledged"
        assert not self.failed, f"{len(self.failed)} failed, first {self.failed[0]}"


@pytest.mark.timeout(300 + 30 * CYCLES)
def test_a_volume_that_fills_and_empties_loses_nothing(full_node):
    node, disk = full_node
    create_topic(node, "counts", PARTITIONS)
    create_topic(node, "probe", 1)
    producer = Producer(node, "counts")

    def refused_when_filled(leave: int) -> bool:
        # What was allocated ahead comes back, and is taken as well.
        disk.fill(leave)
        return produce(node, "probe")[0] == STORAGE_ERROR

    for cycle in range(CYCLES):
        create_topic(node, f"doomed-{cycle}", 1)
        producer.send(300)
        # Now below the mark, now not a byte for anybody.
        leave = 0 if cycle % 4 == 0 else HARD // 2
        eventually(lambda: refused_when_filled(leave), 60, f"{cycle}: refused")
        producer.send(100)
        assert delete_topic(node, f"doomed-{cycle}") == 0
        assert len(fetched(node, "probe", 0)) > 0
        (disk.path / "filler").unlink()
        eventually(lambda: produce(node, "probe")[0] == 0, 60, f"{cycle}: goes on")
        producer.finish()
        assert node.process.poll() is None
    assert "takes no more writes" not in node.log()
    records = read_all(node.bootstrap, "counts")
    numbers = [int(record.value()[:8]) for record in records]
    assert len(numbers) == len(set(numbers)), "records twice"
    assert set(numbers) == producer.acknowledged == set(range(producer.sent))
    for partition in range(PARTITIONS):
        mine = [int(each.value()[:8]) for each in records if each.partition() == partition]
        assert mine == sorted(mine), f"order broken in partition {partition}"
    assert node.stop() == 0
