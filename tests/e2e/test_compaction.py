"""Compacted topics: what remains is what Apache Kafka 3.9 leaves of the same batches, and Kafka's
tool reads it."""

import pathlib
import random
import re
import struct
import time

import pytest
import wire
from clients import console
from node import BINARY, BROKER, Node, eventually
from records import CODECS
from tools import tool

pytestmark = pytest.mark.skipif(
    BROKER != "karst" or not BINARY.exists(), reason="compares karst with Kafka"
)

TOPIC, STAGING = "compacted", "staging"
SEGMENT_BYTES = 20_000
DELETE_RETENTION_SECONDS = 12
BASE = ("log.cleaner.backoff.ms=100", "log.retention.check.interval.ms=1000")
HEADER_BYTES = 61
# A Kafka that answers already may not have registered itself: it has no broker for a replica.
NO_BROKER_YET = 38


def keyed_lines(seed: int, keys: int) -> bytes:
    """Records of few keys, some of them tombstones, of a size that differs."""
    chance = random.Random(seed)
    lines = []
    for number in range(300):
        key = f"key-{chance.randrange(keys)}"
        body = "" if chance.random() < 0.1 else f"{number} {chance.randbytes(40).hex()}"
        lines.append(f"{key}:{body}\n")
    return "".join(lines).encode()


def batches_in(directory: pathlib.Path) -> list[bytes]:
    """The batches of a partition's segments, as they lie there."""
    found = []
    for path in sorted(directory.glob("*.log")):
        data = path.read_bytes()
        while len(data) >= HEADER_BYTES:
            size = 12 + struct.unpack_from(">i", data, 8)[0]
            if struct.unpack_from(">b", data, 16)[0] != 2:
                break
            found.append(data[:size])
            data = data[size:]
    return found


def make_batches(kafka: Node, seed: int) -> list[bytes]:
    """Batches as librdkafka writes them: every codec, with and without an idempotent producer."""
    already = len(batches_in(kafka.data / f"{STAGING}-0"))
    for number in range(3):
        for codec in CODECS:
            options = ["-z", codec, "-p", 0, "-K", ":", "-Z", "-X", "batch.num.messages=25"]
            if number != 1:
                options += ["-X", "enable.idempotence=true"]
            lines = keyed_lines(seed * 1000 + number * 10 + CODECS.index(codec), 60)
            console.run("-P", "-b", kafka.bootstrap, "-t", STAGING, *options, stdin=lines)
    made = batches_in(kafka.data / f"{STAGING}-0")[already:]
    # As a producer would send them: neither offset nor leader epoch.
    none = struct.pack(">i", -1)
    return [bytes(8) + batch[8:12] + none + batch[16:] for batch in made]


def send(node: Node, batches: list[bytes]) -> None:
    with wire.Connection(node.port) as connection:
        for batch in batches:
            answer = connection.send(wire.produce(TOPIC, batch)).answer()
            code, _, message = wire.produce_result(answer)
            assert code == 0, f"{node.broker}: {code} {message}"


def create(node: Node, name: str, **configs) -> None:
    settings = {key.replace("_", "."): str(value) for key, value in configs.items()}

    def made() -> bool:
        with wire.Connection(node.port) as connection:
            code = wire.created(connection.send(wire.create_topic(name, 1, settings)).answer())
        assert code in (0, NO_BROKER_YET), f"{node.broker}: creating {name}: error {code}"
        return code == 0

    eventually(made, 20, f"{node.broker} makes {name}", every=0.1)


def restart(node: Node, cleaning: bool) -> None:
    if node.process is not None:
        node.stop()
    node.settings = (*BASE, f"log.cleaner.enable={str(cleaning).lower()}")
    node.start()


def wait_until_clean(node: Node) -> None:
    """Everything but the active segment, as the checkpoint that both keep says."""
    checkpoint = node.data / "cleaner-offset-checkpoint"

    def clean() -> bool:
        active = max(int(path.stem) for path in (node.data / f"{TOPIC}-0").glob("*.log"))
        text = checkpoint.read_text() if checkpoint.exists() else ""
        return f"{TOPIC} 0 {active}\n" in text

    eventually(clean, 60, f"{node.broker} has compacted everything", every=0.1)


def consumed(node: Node) -> list[tuple]:
    return [
        (record["offset"], record["timestamp"], record["key"], record["value"], record["headers"])
        for record in console.Kcat().consume(node.bootstrap, [TOPIC])
    ]


def dumped(node: Node) -> list[str]:
    """Every batch and record, without what may differ: places, sizes and checksums."""
    logs = sorted((node.data / f"{TOPIC}-0").glob("*.log"))
    options = ["--deep-iteration", "--print-data-log", "--files", ",".join(map(str, logs))]
    said = tool("3.9", "dump-log", *options, timeout=120)
    assert "isvalid: false" not in said
    assert "Found" not in said and "bytes of" not in said, said[-500:]
    lines = []
    for line in said.splitlines():
        if not line.startswith(("baseOffset", "| offset")):
            continue
        line = re.sub(r" (position|size|crc|partitionLeaderEpoch): -?\d+", "", line)
        lines.append(re.sub(r"deleteHorizonMs: OptionalLong\[\d+\]", "deleteHorizonMs: set", line))
    return lines


def check_directory(node: Node) -> None:
    """Indexes that fit, and nothing of the cleaner's own."""
    directory = node.data / f"{TOPIC}-0"
    names = [path.name for path in directory.iterdir()]
    assert not [name for name in names if "cleaned" in name or "swap" in name or "spare" in name]
    indexes = sorted([*directory.glob("*.index"), *directory.glob("*.timeindex")])
    files = ",".join(map(str, indexes))
    said = tool("3.9", "dump-log", "--index-sanity-check", "--files", files)
    assert said.count("passed sanity check") >= len(indexes) // 2
    said = tool("3.9", "dump-log", "--files", files)
    assert "Mismatches" not in said and "not found" not in said.lower(), said[-2000:]


def test_the_same_records_remain_as_in_kafka(make_node):
    karst = make_node(*BASE)
    kafka = make_node(*BASE, broker="kafka-3.9")
    restart(karst, False)
    restart(kafka, False)
    create(kafka, STAGING)
    for node in (karst, kafka):
        create(
            node,
            TOPIC,
            cleanup_policy="compact",
            segment_bytes=SEGMENT_BYTES,
            index_interval_bytes=1000,
            min_cleanable_dirty_ratio=0.01,
            delete_retention_ms=DELETE_RETENTION_SECONDS * 1000,
        )
    tombstones = []
    cleaned_at = 0.0
    for seed in (1, 2):
        batches = make_batches(kafka, seed)
        for node in (karst, kafka):
            send(node, batches)
        before = sorted(path.name for path in (karst.data / f"{TOPIC}-0").glob("*.log"))
        assert before == sorted(path.name for path in (kafka.data / f"{TOPIC}-0").glob("*.log"))
        if seed == 2:
            # The horizon of the first pass's tombstones.
            passed = cleaned_at + DELETE_RETENTION_SECONDS + 1
            eventually(lambda: time.time() > passed, 60, "the horizon passes")
        for node in (karst, kafka):
            restart(node, True)
        for node in (karst, kafka):
            wait_until_clean(node)
        cleaned_at = time.time()
        remaining = consumed(karst)
        assert remaining == consumed(kafka)
        tombstones.append({record[0] for record in remaining if record[3] is None})
        # Of each of 60 keys the newest record is left before the active segment, which is whole.
        active = max(int(path.stem) for path in (karst.data / f"{TOPIC}-0").glob("*.log"))
        cleaned = [record[2] for record in remaining if record[0] < active]
        assert len(cleaned) == len(set(cleaned)) <= 60
        for node in (karst, kafka):
            node.stop()
        ours = dumped(karst)
        assert ours == dumped(kafka)
        assert sum(" count: 0 " in line for line in ours) > 0, "empty batches of live producers"
        assert any("deleteHorizonMs: set" in line for line in ours)
        check_directory(karst)
        if seed == 1:
            restart(karst, False)
            restart(kafka, False)
    # Those that had their horizon and were in a compacted segment are gone.
    assert tombstones[0] - tombstones[1], "tombstones go"


def test_a_record_without_key_is_refused(make_node):
    node = make_node(*BASE).start()
    create(node, TOPIC, cleanup_policy="compact,delete")
    with wire.Connection(node.port) as connection:
        answer = connection.send(wire.produce(TOPIC, wire.batch([b"no key"]))).answer()
    assert wire.produce_result(answer)[0] == 87, "INVALID_RECORD"
