"""karst's own client commands, against the node and beside other clients."""

import json
import re
import subprocess
import threading

import pytest
from clients import console
from node import BINARY, BROKER, eventually
from records import CODECS

pytestmark = pytest.mark.skipif(not BINARY.exists(), reason=f"{BINARY} is missing")


def run(node, *arguments, stdin: str = "") -> subprocess.CompletedProcess:
    command = [str(BINARY), *map(str, arguments), "-b", node.bootstrap]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)


def karst(node, *arguments, stdin: str = "", status: int = 0) -> str:
    done = run(node, *arguments, stdin=stdin)
    assert done.returncode == status, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout + (done.stderr if status else "")


def test_topics_from_creation_to_deletion(node):
    karst(node, "topic", "create", "cli-topic", "--partitions", 4, "--config", "retention.ms=60000")
    listed = [
        json.loads(line) for line in karst(node, "topic", "list", "--format", "json").splitlines()
    ]
    assert "cli-topic" in [line["topic"] for line in listed]
    assert "retention.ms" in karst(node, "topic", "describe", "cli-topic")
    assert "cli-topic" in karst(node, "topic", "create", "cli-topic", status=1)
    karst(node, "topic", "create", "cli-topic", "--if-not-exists")
    karst(node, "topic", "delete", "cli-topic")
    assert "cli-topic" not in karst(node, "topic", "list")


@pytest.mark.skipif(BROKER != "karst", reason="Kafka listens later, or refuses otherwise")
def test_topics_change_while_the_broker_recovers(make_node):
    """It listens before its logs are back, and says NOT_CONTROLLER until then: asked again."""
    node = make_node("auto.create.topics.enable=false").start()
    karst(node, "topic", "create", "recovering", "--partitions", 2000)
    karst(node, "bench", "produce", "-t", "recovering", "--seconds", 1)

    def changed(*command: str) -> bool:
        done = run(node, "topic", *command)
        # Nobody listens yet, or still the broker that was killed.
        away = re.search("cannot connect|closed|reset", done.stderr)
        assert done.returncode == 0 or away, done.stderr
        return done.returncode == 0

    for command in ("create", "delete"):
        node.kill()
        starting = threading.Thread(target=node.start)
        starting.start()
        try:
            eventually(lambda: changed(command, "early"), 30, f"{command} is done", every=0.001)
        finally:
            starting.join()


@pytest.mark.parametrize("codec", CODECS)
def test_produces_for_kcat_and_consumes_what_kcat_produced(node, codec):
    topic = f"cli-{codec}"
    karst(node, "topic", "create", topic, "--partitions", 1)
    lines = [f"{codec} {number} " + "y" * (number % 50) for number in range(500)]
    karst(node, "produce", topic, "-z", codec, stdin="\n".join(lines) + "\n")
    options = ["-t", topic, "-p", 0, "-o", "beginning", "-e", "-q"]
    assert console.run("-C", "-b", node.bootstrap, *options).decode().splitlines() == lines
    console.run(
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
    assert karst(node, "consume", topic, "--exit-at-end").splitlines() == lines + lines


def test_an_error_says_what_and_where(node):
    if BROKER != "karst":
        pytest.skip("the text is that of karst's broker")
    said = karst(node, "topic", "create", "bad/name", status=1)
    assert "bad/name" in said
