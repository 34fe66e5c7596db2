"""What a node remembers of idempotent producers, seen from outside."""

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
