"""Fixtures for bad input: one node, and a connection beside each test that must not notice."""

import pytest
import wire
from node import Node
from wire import Connection


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    broker = Node(tmp_path_factory.mktemp("bad-input"), "num.partitions=1").start()
    with Connection(broker.port) as connection:
        connection.send(wire.create_topic("good")).answer()
    yield broker
    assert broker.stop() == 0


@pytest.fixture(autouse=True)
def others_go_on(broker):
    """Around every test: a connection that was open before still works after it."""
    with Connection(broker.port) as steady:
        before = store(steady, b"before")
        yield
        assert store(steady, b"after") > before
    assert broker.process.poll() is None


def store(connection: Connection, value: bytes) -> int:
    code, offset, message = wire.produce_result(
        connection.send(wire.produce("good", wire.batch([value]))).answer()
    )
    assert code == 0, message
    return offset


def resident_mib(broker: Node) -> float:
    for line in open(f"/proc/{broker.process.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")
