"""Kafka's own command-line tools of both versions, unchanged."""

import re

import pytest
from tools import attempt, tool

VERSIONS = ("3.9", "4.2")


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


def topics(version, node, *arguments) -> str:
    return tool(version, "topics", "--bootstrap-server", node.bootstrap, *arguments)


def test_topics_create_list_describe_delete(node, version):
    name = f"tools-{version}"
    made = topics(
        version,
        node,
        "--create",
        "--topic",
        name,
        "--partitions",
        5,
        "--config",
        "retention.ms=60000",
    )
    assert f"Created topic {name}" in made
    assert name in topics(version, node, "--list").split()

    described = topics(version, node, "--describe", "--topic", name)
    assert re.search(
        rf"Topic: {name}\s+TopicId: \S{{22}}\s+PartitionCount: 5\s+ReplicationFactor: 1", described
    )
    assert "retention.ms=60000" in described
    assert (
        len(re.findall(r"Partition: \d\s+Leader: (\d+)\s+Replicas: \1\s+Isr: \1", described)) == 5
    )

    again = attempt(
        version, "topics", "--bootstrap-server", node.bootstrap, "--create", "--topic", name
    )
    assert "already exists" in again.stdout + again.stderr

    topics(version, node, "--delete", "--topic", name)
    assert name not in topics(version, node, "--list").split()
    gone = attempt(
        version, "topics", "--bootstrap-server", node.bootstrap, "--describe", "--topic", name
    )
    assert "does not exist" in gone.stdout + gone.stderr


def test_console_producer_to_console_consumer(node, version):
    name = f"console-{version}"
    topics(version, node, "--create", "--topic", name, "--partitions", 1)
    lines = [f"line {number}" for number in range(50)]
    server = ["--bootstrap-server", node.bootstrap, "--topic", name]
    tool(version, "console-producer", *server, stdin="\n".join(lines) + "\n")
    place = ["--partition", 0, "--offset", "earliest", "--max-messages", 50]
    seen = tool(version, "console-consumer", *server, *place)
    assert seen.splitlines() == lines


def test_producer_perf_test_and_get_offsets(node, version):
    name = f"perf-{version}"
    topics(version, node, "--create", "--topic", name, "--partitions", 3)
    load = ["--num-records", 20000, "--record-size", 100, "--throughput", -1]
    properties = ["--producer-props", f"bootstrap.servers={node.bootstrap}", "acks=all"]
    report = tool(version, "producer-perf-test", "--topic", name, *load, *properties)
    assert "20000 records sent" in report
    offsets = tool(version, "get-offsets", "--bootstrap-server", node.bootstrap, "--topic", name)
    found = dict(re.findall(rf"{name}:(\d):(\d+)", offsets))
    assert set(found) == {"0", "1", "2"} and sum(map(int, found.values())) == 20000
    starts = tool(
        version, "get-offsets", "--bootstrap-server", node.bootstrap, "--topic", name, "--time", -2
    )
    assert re.findall(rf"{name}:\d:(\d+)", starts) == ["0", "0", "0"]
