"""One of two data directories lies on a device that dies: a real file system that answers EIO."""

import pytest
import wire
from node import BINARY, BROKER, eventually
from test_full_disk import SMALL_JOURNAL, STORAGE_ERROR
from tools import create_topic
from volumes import MIB, volume

pytestmark = pytest.mark.skipif(
    BROKER != "karst" or not BINARY.exists(), reason="about karst's own directories"
)

PARTITIONS = 6


def produce(node, topic: str, partition: int) -> int:
    batch = wire.batch([b"x" * 1000])
    body = wire.text(None) + wire.struct.pack(">hii", -1, 30_000, 1) + wire.text(topic)
    body += wire.struct.pack(">iii", 1, partition, len(batch)) + batch
    with wire.Connection(node.port) as connection:
        answer = connection.send(wire.frame(wire.header(wire.PRODUCE, 8) + body)).answer()
    return wire.produce_result(answer)[0]


def test_a_device_that_dies_takes_only_its_directory_with_it(make_node, tmp_path):
    with volume(tmp_path, "good", 128 * MIB) as good, volume(tmp_path, "bad", 128 * MIB) as bad:
        node = make_node(f"log.dirs={good.path}/data,{bad.path}/data", *SMALL_JOURNAL).start()
        create_topic(node, "t", PARTITIONS)
        acknowledged = [0] * PARTITIONS
        for partition in range(PARTITIONS):
            for _ in range(20):
                assert produce(node, "t", partition) == 0
                acknowledged[partition] += 1
        on_bad = {int(path.name[2:]) for path in (bad.path / "data").glob("t-*")}
        assert len(on_bad) == PARTITIONS // 2
        bad.fail()

        def codes() -> list[int]:
            got = [produce(node, "t", partition) for partition in range(PARTITIONS)]
            for partition, code in enumerate(got):
                acknowledged[partition] += code == 0
            return got

        expected = [STORAGE_ERROR if each in on_bad else 0 for each in range(PARTITIONS)]
        eventually(lambda: codes() == expected, 20, "the dead device's partitions are offline")
        for _ in range(10):
            assert codes() == expected
        assert node.log().count("takes no more writes") == 1
        create_topic(node, "later", PARTITIONS)
        assert not list((bad.path / "data").glob("later-*")) if bad.path.exists() else True
        node.stop()  # with an error: that directory was not closed
        # A start without it, and one with it again.
        node.start()
        assert "OFFLINE" in node.log()
        assert codes() == expected
        node.stop()
        bad.repair()
        node.start()
        assert codes() == [0] * PARTITIONS
        for partition in range(PARTITIONS):
            assert end_of(node, "t", partition) == acknowledged[partition]
        assert node.stop() == 0


def end_of(node, topic: str, partition: int) -> int:
    body = wire.struct.pack(">ii", -1, 1) + wire.text(topic)
    body += wire.struct.pack(">iiq", 1, partition, -1)
    with wire.Connection(node.port) as connection:
        answer = connection.send(wire.frame(wire.header(2, 1) + body)).answer()
    (length,) = wire.struct.unpack_from(">h", answer, 8)
    code, _, offset = wire.struct.unpack_from(">hqq", answer, 10 + length + 8)
    assert code == 0
    return offset
