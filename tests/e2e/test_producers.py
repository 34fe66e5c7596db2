"""What a node remembers of idempotent producers, seen from outside."""

import contextlib
import threading

import pytest
import wire
from node import BROKER, eventually
from tools import create_topic

OUT_OF_ORDER = 45


def send(node, topic: str, producer: int, sequence: int) -> tuple[int, int]:
    """Error code and base offset of one record with this sequence."""
    batch = wire.batch([b"x"], producer=(producer, 0, sequence))
    with wire.Connection(node.port) as connection:
        code, offset, _ = wire.produce_result(connection.send(wire.produce(topic, batch)).answer())
    return code, offset


@pytest.mark.skipif(BROKER != "karst", reason="Kafka looks for expired producers every 10 minutes")
def test_a_silent_producer_expires(make_node):
    node = make_node("log.retention.check.interval.ms=100").start()
    topic = create_topic(node, "expiring", 1)
    assert send(node, topic, 7, 0) == (0, 0)
    node.stop()
    node.start()
    assert send(node, topic, 7, 0) == (0, 0), "the retry is recognised, after a restart too"
    assert send(node, topic, 7, 5)[0] == OUT_OF_ORDER
    node.stop()
    node.settings += ("producer.id.expiration.ms=1",)
    node.start()
    # Forgotten: it may begin anywhere, as a new one.
    eventually(lambda: send(node, topic, 7, 5) == (0, 1), 20, "the producer expires", every=0.1)


def answered(node, count: int, request) -> list[tuple[int, int]]:
    """Error codes and base offsets of pipelined requests, on the first connection that holds."""
    results = []

    def receive(connection):
        with contextlib.suppress(EOFError, OSError):
            for _ in range(count):
                results.append(wire.produce_result(connection.answer())[:2])

    def converse() -> bool:
        # The listener of a broker that was killed may live for a moment longer.
        results.clear()
        try:
            with wire.Connection(node.port) as connection:
                receiving = threading.Thread(target=receive, args=(connection,))
                receiving.start()
                try:
                    for number in range(count):
                        connection.send(request(number))
                finally:
                    receiving.join()
        except OSError:
            return False
        return len(results) == count

    eventually(converse, 30, "the broker answers", every=0.001)
    return results


@pytest.mark.skipif(BROKER != "karst", reason="Kafka refuses until it leads")
def test_what_is_sent_ahead_into_a_recovery_is_appended_in_order(make_node):
    """A batch is not refused because its log is being recovered: the next one would be accepted, or
    be out of order, and librdkafka would begin a new epoch and send again what is durable."""
    partitions, ahead = 200, 1000
    node = make_node().start()
    topic = create_topic(node, "recovering", partitions)

    def record(partition: int, sequence: int) -> bytes:
        batch = wire.batch([b"x" * 100], producer=(7, 0, sequence))
        return wire.produce(topic, batch, partition=partition)

    # Records in all, so that there is something to recover.
    assert answered(node, partitions, lambda number: record(number, 0)) == [(0, 0)] * partitions
    for partition in (partitions - 1, partitions // 2):
        node.kill()
        starting = threading.Thread(target=node.start)
        starting.start()
        seen = answered(node, ahead, lambda number: record(partition, number + 1))
        starting.join()
        assert seen == [(0, number + 1) for number in range(ahead)]
