"""Bytes that changed on the disk behind the broker: found when they are read, never served."""

import struct

import pytest
import wire
from node import BINARY, BROKER
from tools import create_topic

pytestmark = pytest.mark.skipif(
    BROKER != "karst" or not BINARY.exists(), reason="Kafka leaves it to the client to find out"
)

CORRUPT_MESSAGE = 2
BATCHES = 40


def fetched(connection: wire.Connection, topic: str, offset: int) -> tuple[int, bytes]:
    """Error code and records of a Fetch v4 of one partition."""
    answer = connection.send(wire.fetch(topic, offset)).answer()
    at = 4 + 4 + 4
    (length,) = struct.unpack_from(">h", answer, at)
    at += 2 + length + 4
    _, code, _, _, aborted, size = struct.unpack_from(">ihqqii", answer, at)
    assert aborted <= 0
    at += struct.calcsize(">ihqqii")
    return code, answer[at : at + max(size, 0)]


def offsets_of(records: bytes) -> list[int]:
    found = []
    while records:
        base, length = struct.unpack_from(">qi", records)
        found.append(base)
        records = records[12 + length :]
    return found


def test_a_changed_byte_is_answered_with_an_error_and_the_rest_is_served(make_node):
    node = make_node("log.segment.bytes=65536").start()
    topic = create_topic(node, "damaged", 1)
    with wire.Connection(node.port) as connection:
        for number in range(BATCHES):
            batch = wire.batch([bytes([number]) * 5000])
            answer = connection.send(wire.produce(topic, batch)).answer()
            assert wire.produce_result(answer)[:2] == (0, number)
    assert node.stop() == 0
    first, *others = sorted((node.data / f"{topic}-0").glob("*.log"))
    assert others, "several segments"
    stored = bytearray(first.read_bytes())
    hit = 5
    where = stored.index(bytes([hit]) * 5000) + 1234
    stored[where] ^= 0x20
    first.write_bytes(stored)

    node.start()
    with wire.Connection(node.port) as connection:
        code, records = fetched(connection, topic, 0)
        assert (code, offsets_of(records)) == (0, list(range(hit)))
        code, records = fetched(connection, topic, hit)
        assert (code, records) == (CORRUPT_MESSAGE, b"")
        code, records = fetched(connection, topic, hit + 1)
        assert code == 0 and offsets_of(records)[0] == hit + 1
        # The partition takes records as before.
        batch = wire.batch([b"more"])
        assert wire.produce_result(connection.send(wire.produce(topic, batch)).answer())[0] == 0
        code, records = fetched(connection, topic, BATCHES)
        assert (code, offsets_of(records)) == (0, [BATCHES])
    said = [line for line in node.log().splitlines() if str(first) in line]
    assert said and "do not match their checksum" in said[0] and "not served" in said[0]
