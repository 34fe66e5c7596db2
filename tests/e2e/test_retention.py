"""Old records go by time and by size, as a client sees it."""

import re
import time

import pytest
import wire
from clients.console import run
from node import BROKER, eventually

RECORD = b"r" * 20_000


def create(node, topic: str, **configs: str) -> None:
    named = {key.replace("_", "."): value for key, value in configs.items()}

    def made():
        with wire.Connection(node.port) as connection:
            answer = connection.send(wire.create_topic(topic, 1, named)).answer()
        return wire.created(answer) == 0

    # A Kafka that answers already may not have registered itself yet.
    eventually(made, 10, f"the topic {topic} is made")


def fill(node, topic: str, count: int) -> None:
    lines = b"\n".join([RECORD] * count)
    run("-P", "-b", node.bootstrap, "-t", topic, "-p", 0, "-X", "batch.num.messages=1", stdin=lines)


def offset(node, topic: str, which: int) -> int:
    said = run("-Q", "-b", node.bootstrap, "-t", f"{topic}:0:{which}").decode()
    return int(re.search(r"offset (\d+)", said)[1])


@pytest.fixture
def checking(make_node):
    """A node that looks for old records all the time."""
    settings = ["log.retention.check.interval.ms=100", "auto.create.topics.enable=false"]
    return make_node(*settings).start()


def test_an_idle_topic_is_emptied_by_time(checking):
    create(checking, "idle", retention_ms="1500", segment_bytes="100000")
    fill(checking, "idle", 20)
    assert offset(checking, "idle", -1) == 20
    eventually(lambda: offset(checking, "idle", -2) == 20, 30, "everything is too old", every=0.1)
    # The log goes on where it was.
    fill(checking, "idle", 1)
    assert (offset(checking, "idle", -2), offset(checking, "idle", -1)) == (20, 21)
    said = run("-C", "-b", checking.bootstrap, "-t", "idle", "-o", "beginning", "-e", "-q")
    assert said == RECORD + b"\n"


def test_a_topic_keeps_what_retention_bytes_says(checking):
    create(checking, "sized", retention_bytes="300000", segment_bytes="100000")
    fill(checking, "sized", 60)

    def kept():
        return (60 - offset(checking, "sized", -2)) * len(RECORD)

    eventually(lambda: kept() <= 420_000, 30, "the oldest go", every=0.1)
    assert kept() >= 300_000 - len(RECORD)


@pytest.mark.skipif(BROKER != "karst", reason="Kafka keeps records from the future for ever")
def test_records_from_the_future_go_by_the_time_of_their_append(checking):
    create(checking, "future", retention_ms="1500")
    records = wire.batch([b"from the future"], timestamp=int(time.time() * 1000) + 10**10)
    with wire.Connection(checking.port) as connection:
        answer = connection.send(wire.produce("future", records)).answer()
    assert wire.produce_result(answer)[0] == 0
    eventually(lambda: offset(checking, "future", -2) == 1, 30, "it is old enough", every=0.1)
