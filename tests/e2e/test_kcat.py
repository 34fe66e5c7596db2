"""kcat 1.7.1 as people use it: -L, -P, -C, -Q."""

import json

import pytest
import wire
from clients.console import run
from records import CODECS
from tools import create_topic


def test_lists_the_cluster(node):
    topic = create_topic(node, "kcat-list", 2)
    seen = json.loads(run("-L", "-J", "-b", node.bootstrap))
    assert [broker["name"] for broker in seen["brokers"]] == [node.bootstrap]
    leader = seen["brokers"][0]["id"]
    (found,) = [each for each in seen["topics"] if each["topic"] == topic]
    replicas = [{"id": leader}]
    assert [
        (p["partition"], p["leader"], p["replicas"], p["isrs"]) for p in found["partitions"]
    ] == [
        (0, leader, replicas, replicas),
        (1, leader, replicas, replicas),
    ]


def stored_codecs(node, topic: str) -> set[str]:
    """But none: a batch of a line or two that does not shrink is sent as it is."""
    with wire.Connection(node.port) as connection:
        found = wire.codecs_of(connection.send(wire.fetch(topic, 0, version=10)).answer())
    return {CODECS[each] for each in found} - {"none"}


@pytest.mark.parametrize("codec", CODECS)
def test_produces_and_consumes(node, codec):
    """A topic nobody made before: it is made automatically."""
    topic = f"kcat-{codec}"
    lines = [f"{codec} line {number} " + "x" * (number % 300) for number in range(2000)]
    run(
        "-P",
        "-b",
        node.bootstrap,
        "-t",
        topic,
        "-p",
        0,
        "-z",
        codec,
        stdin="\n".join(lines).encode(),
    )
    assert stored_codecs(node, topic) == {codec} - {"none"}
    seen = run("-C", "-b", node.bootstrap, "-t", topic, "-p", 0, "-o", "beginning", "-e", "-q")
    assert seen.decode().splitlines() == lines
    middle = run("-C", "-b", node.bootstrap, "-t", topic, "-p", 0, "-o", 1500, "-c", 3, "-q")
    assert middle.decode().splitlines() == lines[1500:1503]
    tail = run("-C", "-b", node.bootstrap, "-t", topic, "-p", 0, "-o", -2, "-e", "-q")
    assert tail.decode().splitlines() == lines[-2:]


def test_asks_for_offsets(node):
    topic = create_topic(node, "kcat-offsets", 1)
    run("-P", "-b", node.bootstrap, "-t", topic, "-p", 0, stdin=b"a\nb\nc")
    assert b"offset 3" in run("-Q", "-b", node.bootstrap, "-t", f"{topic}:0:-1")
    assert b"offset 0" in run("-Q", "-b", node.bootstrap, "-t", f"{topic}:0:-2")
