"""Topics changed while they live, by Kafka's own tools of both versions and by Python's clients."""

import json
import re
import time
import uuid

import fetches
import pytest
import wire
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)
from fetches import Want
from node import BROKER, eventually
from tools import attempt, create_topic, tool
from wire import Connection

VERSIONS = ("3.9", "4.2")
OUT_OF_RANGE, POLICY_VIOLATION, UNKNOWN_TOPIC = 1, 44, 3


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def topic(node):
    return create_topic(node, f"admin-{uuid.uuid4().hex[:8]}", 2)


@pytest.fixture
def connection(node):
    with Connection(node.port) as opened:
        yield opened


def at(node):
    return ["--bootstrap-server", node.bootstrap]


def store(connection, topic: str, index: int, count: int) -> None:
    def stored():
        records = wire.batch([b"x" * 100] * count)
        return fetches.produce_error(connection, topic, records, version=9, index=index)[0] == 0

    eventually(stored, 20, f"{topic} takes records")


def test_topics_alter_partitions(node, connection, version, topic):
    more = tool(
        version, "topics", *at(node), "--alter", "--topic", topic, "--partitions", 5
    )
    assert "error" not in more.lower()
    described = tool(version, "topics", *at(node), "--describe", "--topic", topic)
    assert "PartitionCount: 5" in described
    for index in range(5):
        store(connection, topic, index, 1)
    less = attempt(version, "topics", *at(node), "--alter", "--topic", topic, "--partitions", 4)
    assert less.returncode != 0
    said = less.stdout + less.stderr
    assert "currently has 5 partition" in said or "currently 5 partitions" in said or (
        "InvalidPartitions" in said
    )


def test_configs_of_topics(node, version, topic):
    entity = ["--entity-type", "topics", "--entity-name", topic]

    def alter(*arguments):
        return attempt(version, "configs", *at(node), "--alter", *entity, *arguments)

    def described() -> dict[str, str]:
        text = tool(version, "configs", *at(node), "--describe", *entity)
        return dict(re.findall(r"^\s+([a-z.]+)=(\S*) sensitive=", text, re.MULTILINE))

    done = alter("--add-config", "retention.ms=60000,cleanup.policy=[compact,delete]")
    assert "Completed updating config" in done.stdout, done
    found = described()
    assert found["retention.ms"] == "60000" and found["cleanup.policy"] == "compact,delete"
    done = alter("--delete-config", "retention.ms")
    assert "Completed updating config" in done.stdout, done
    found = described()
    assert "retention.ms" not in found and found["cleanup.policy"] == "compact,delete"
    for wrong in ("retention.ms=soon", "no.such.key=1"):
        refused = alter("--add-config", wrong)
        assert refused.returncode != 0
        assert wrong.split("=")[0] in refused.stdout + refused.stderr
    assert described() == found


def test_delete_records(node, connection, version, topic, tmp_path):
    for index in (0, 1):
        store(connection, topic, index, 10)
    wanted = {"version": 1, "partitions": []}
    for index, offset in ((0, 4), (1, -1)):
        wanted["partitions"].append({"topic": topic, "partition": index, "offset": offset})
    file = tmp_path / "offsets.json"
    file.write_text(json.dumps(wanted))
    said = tool(version, "delete-records", *at(node), "--offset-json-file", file)
    assert re.search(rf"{topic}-0\s+low_watermark: 4", said), said
    assert re.search(rf"{topic}-1\s+low_watermark: 10", said), said
    # Visible at once, to fetches and lookups.
    assert fetches.ask(connection, [Want(topic, 0, 3)]).one().error == OUT_OF_RANGE
    kept = fetches.ask(connection, [Want(topic, 0, 4)]).one()
    assert (kept.error, kept.log_start) == (0, 4) and kept.records
    assert fetches.list_offset(connection, topic, -2, index=1)[2] == 10


def test_log_dirs(node, connection, version, topic):
    store(connection, topic, 0, 10)
    said = tool(version, "log-dirs", *at(node), "--describe", "--topic-list", topic)
    found = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    directories = found["brokers"][0]["logDirs"]
    assert all(each["error"] is None and each["logDir"].startswith("/") for each in directories)
    sizes = {p["partition"]: p["size"] for each in directories for p in each["partitions"]}
    assert set(sizes) == {f"{topic}-0", f"{topic}-1"}
    assert sizes[f"{topic}-0"] > 1000 and sizes[f"{topic}-1"] == 0


def delete_records(connection, topic: str, offsets: dict[int, int]) -> dict[int, tuple[int, int]]:
    """Low watermark and error by partition: DeleteRecords version 1."""
    out = fetches.Encoder(False).put("i", 1).text(topic).put("i", len(offsets))
    for index, offset in offsets.items():
        out.put("iq", index, offset)
    out.put("i", 30_000)
    frame = connection.send(fetches.framed(21, 1, False, out.bytes)).answer()
    data = fetches.Decoder(frame, False)
    data.get("iii")
    data.text()
    answers = (data.get("iqh") for _ in range(data.count()))
    return {index: (low, error) for index, low, error in answers}


def test_records_that_cannot_be_deleted(node, connection, topic):
    for index in (0, 1):
        store(connection, topic, index, 10)
    assert delete_records(connection, topic, {0: 11, 1: -2, 7: 0}) == {
        0: (-1, OUT_OF_RANGE),
        1: (-1, OUT_OF_RANGE),
        7: (-1, UNKNOWN_TOPIC),
    }
    assert delete_records(connection, topic, {0: 5}) == {0: (5, 0)}
    # What is deleted stays so, and lower offsets change nothing.
    assert delete_records(connection, topic, {0: 2}) == {0: (5, 0)}
    assert delete_records(connection, topic, {0: -1}) == {0: (10, 0)}
    compacted = create_topic(node, f"{topic}-compacted", 1, {"cleanup.policy": "compact"})
    eventually(
        lambda: delete_records(connection, compacted, {0: 0})[0][1] == POLICY_VIOLATION,
        20,
        "a compacted topic keeps its records",
    )


def test_deleted_records_stay_deleted_after_a_kill(make_node):
    node = make_node().start()
    topic = create_topic(node, "deleted", 1)
    with Connection(node.port) as connection:
        store(connection, topic, 0, 10)
        assert delete_records(connection, topic, {0: 6}) == {0: (6, 0)}
    node.kill()
    node.start()
    with Connection(node.port) as connection:
        eventually(
            lambda: fetches.list_offset(connection, topic, -2)[:1] == (0,), 20, "the log is led"
        )
        if BROKER == "karst":
            assert fetches.list_offset(connection, topic, -2)[2] == 6
        assert fetches.list_offset(connection, topic, -1)[2] == 10


def alter(admin, topic: str, key: str, value: str) -> None:
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for done in admin.incremental_alter_configs([change]).values():
        done.result(30)


def test_partitions_and_settings_live_through_kills(make_node):
    node = make_node().start()
    topic = create_topic(node, "growing", 1)
    admin = AdminClient({"bootstrap.servers": node.bootstrap})
    for count in (3, 4, 9):
        for done in admin.create_partitions([NewPartitions(topic, count)]).values():
            done.result(30)
        alter(admin, topic, "retention.ms", str(count))
        node.kill()
        node.start()
        with Connection(node.port) as connection:
            for index in range(count):
                store(connection, topic, index, 1)
        settings = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)])
        for found in settings.values():
            assert found.result(30)["retention.ms"].value == str(count)


def test_alter_configs_replaces_all(node, topic):
    """The old request, which librdkafka still sends, and kafka-python where it is told to."""
    client = AdminClient({"bootstrap.servers": node.bootstrap})

    def alter(configs: dict[str, str]) -> None:
        resource = ConfigResource(ResourceType.TOPIC, topic, set_config=configs)
        for done in client.alter_configs([resource]).values():
            done.result(30)

    def overrides() -> dict[str, str]:
        dynamic_topic = 1
        described = client.describe_configs([ConfigResource(ResourceType.TOPIC, topic)])
        (found,) = (each.result(30) for each in described.values())
        return {name: e.value for name, e in found.items() if e.source == dynamic_topic}

    alter({"retention.ms": "1000", "segment.ms": "5000"})
    assert overrides() == {"retention.ms": "1000", "segment.ms": "5000"}
    alter({"flush.ms": "7"})
    assert overrides() == {"flush.ms": "7"}
    with pytest.raises(KafkaException, match="retention.ms"):
        alter({"retention.ms": "soon"})
    assert overrides() == {"flush.ms": "7"}


def test_changed_retention_is_in_force(make_node):
    node = make_node("log.retention.check.interval.ms=200").start()
    topic = create_topic(node, "kept", 1, {"segment.bytes": "1048576"})
    admin = AdminClient({"bootstrap.servers": node.bootstrap})
    with Connection(node.port) as connection:
        records = wire.batch([b"x" * 50_000], timestamp=int(time.time() * 1000))
        for _ in range(100):
            eventually(
                lambda: fetches.produce_error(connection, topic, records, version=9)[0] == 0,
                20,
                "records are stored",
            )
        assert fetches.list_offset(connection, topic, -2)[2] == 0
        alter(admin, topic, "retention.bytes", "2000000")
        # Kafka begins to look 30 s after its start.
        eventually(
            lambda: fetches.list_offset(connection, topic, -2)[2] > 30, 60, "old segments go"
        )
        assert fetches.list_offset(connection, topic, -1)[2] == 100
