"""Offsets by time: exact inside batches of every codec, whatever the order of the times."""

import uuid

import confluent_kafka
import fetches
import pytest
from tools import create_topic
from wire import Connection

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
T = 1_700_000_000_000
# Rising, equal, falling back, and a late peak.
TIMES = [T, T + 10, T + 10, T + 10, T + 5, T + 30, T + 20, T + 30, T + 40, T + 35, T + 90, T + 60]


def produce(node, topic: str, codec: str, times: list[int], batches: int) -> None:
    """In so many batches, each with all its records; values long enough to be worth a codec."""
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": node.bootstrap,
            "compression.codec": codec,
            "linger.ms": 500,
            "enable.idempotence": True,
        }
    )
    share = len(times) // batches
    for begin in range(0, len(times), share):
        for time in times[begin : begin + share]:
            producer.produce(topic, value=b"value " * 100, partition=0, timestamp=time)
        assert producer.flush(30) == 0


def expected(times: list[int], wanted: int) -> tuple[int, int]:
    """The first record that is not older, by offset."""
    for offset, time in enumerate(times):
        if time >= wanted:
            return time, offset
    return -1, -1


@pytest.mark.parametrize("batches", [1, 3, 12])
@pytest.mark.parametrize("codec", CODECS)
def test_lookup_by_time_is_exact(node, codec, batches):
    topic = create_topic(node, f"times-{uuid.uuid4().hex[:8]}", 1)
    produce(node, topic, codec, TIMES, batches)
    with Connection(node.port) as connection:
        for wanted in [0, *sorted({t + d for t in TIMES for d in (-1, 0, 1)}), T + 1000]:
            error, time, offset, _ = fetches.list_offset(connection, topic, wanted)
            assert (error, (time, offset)) == (0, expected(TIMES, wanted)), wanted - T
        # The record with the largest time.
        assert fetches.list_offset(connection, topic, -3)[:3] == (0, T + 90, 10)


@pytest.mark.parametrize("codec", CODECS)
def test_with_the_brokers_time_a_batch_has_one_time(node, codec):
    configs = {"message.timestamp.type": "LogAppendTime"}
    topic = create_topic(node, f"times-{uuid.uuid4().hex[:8]}", 1, configs)
    produce(node, topic, codec, TIMES, 3)
    with Connection(node.port) as connection:
        error, newest, offset, _ = fetches.list_offset(connection, topic, -3)
        assert error == 0 and newest > T + 1000
        # Each batch of four: its first record answers for the whole.
        first = fetches.list_offset(connection, topic, 0)
        assert first[2] == 0 and T + 1000 < first[1] <= newest
        found = {fetches.list_offset(connection, topic, newest - ms)[2] for ms in range(0, 5000, 7)}
        assert found <= {0, 4, 8} and offset in (0, 4, 8)
        assert fetches.list_offset(connection, topic, newest + 1)[:3] == (0, -1, -1)
