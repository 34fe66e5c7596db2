"""Kafka's own tools with groups, of both versions: what they say is what they say with Kafka 4.2.

Its side is recorded in tests/e2e/transcripts: KARST_E2E_BROKER=kafka-4.2 KARST_E2E_RECORD=1 makes
the files anew, and KARST_E2E_BROKER=kafka-4.2 alone compares a Kafka with them. Kafka 3.9
differs in one: it knows no DescribeGroups 6, which says that a group does not exist.
"""

import datetime
import difflib
import os
import re

import confluent_kafka
import pytest
from clients import CLIENTS
from groups import Feeder, committed
from live import Member
from records import FIRST_TIMESTAMP
from tools import Tools, create_topic, tool
from transcript import FOLDER, Transcript

RECORD = os.environ.get("KARST_E2E_RECORD") == "1"
PARTITIONS = 3
RECORDS = 30
# So far apart are the records of a partition.
STEP_MS = 3_600_000


@pytest.fixture(scope="module", params=("3.9", "4.2"))
def tools(request):
    made = Tools(request.param)
    yield made
    made.close()


@pytest.fixture
def broker(make_node):
    return make_node("num.partitions=1", "auto.create.topics.enable=true").start()


def fill(node, topic: str) -> None:
    """Ten records an hour apart in each of three partitions."""
    create_topic(node, topic, PARTITIONS)
    producer = confluent_kafka.Producer({"bootstrap.servers": node.bootstrap})
    for number in range(RECORDS):
        producer.produce(
            topic,
            f"value {number}",
            key=f"key {number}",
            partition=number % PARTITIONS,
            timestamp=FIRST_TIMESTAMP + number // PARTITIONS * STEP_MS,
            headers=[("unit", b"one")],
        )
    assert producer.flush(30) == 0


@pytest.fixture
def member(broker, tmp_path):
    """Makes members, which end with the test."""
    made = []

    def make(group: str, topic: str) -> Member:
        ledger = tmp_path / f"{group}-{len(made)}.ledger"
        client = CLIENTS["confluent-kafka"]
        made.append(Member(client, group, broker.bootstrap, group, topic, ledger))
        whole = dict.fromkeys(range(PARTITIONS), RECORDS // PARTITIONS)
        made[-1].until(
            lambda: committed(broker.bootstrap, group, topic, PARTITIONS) == whole,
            "the group has read everything",
        )
        return made[-1]

    yield make
    for each in made:
        each.close()


def date_time(milliseconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000")


def compare(transcript: Transcript, name: str) -> None:
    path = FOLDER / f"{name}-{transcript.tools.version}.txt"
    if RECORD:
        path.parent.mkdir(exist_ok=True)
        path.write_text(transcript.text())
    said, recorded = transcript.text().splitlines(), path.read_text().splitlines()
    difference = list(difflib.unified_diff(recorded, said, "Kafka", "here", lineterm="", n=4))
    assert not difference, "\n".join(difference)


def test_lists_and_describes(broker, tools, member):
    fill(broker, "read")
    said = Transcript(broker, tools)
    said.groups("--list")
    said.groups("--describe", "--group", "unknown")
    said.groups("--describe", "--group", "unknown", "--state")
    said.groups("--describe", "--group", "unknown", "--members")
    member("left", "read").finish()
    active = member("active", "read")
    for kind in ([], ["--state"], ["--state", "Stable"], ["--state", "empty,dead"]):
        said.groups("--list", *kind)
    for kind in (["--type"], ["--type", "classic"], ["--type", "consumer"], ["--state", "--type"]):
        said.groups("--list", *kind)
    for group in ("left", "active"):
        for kind in ([], ["--offsets"], ["--state"], ["--members"], ["--members", "--verbose"]):
            said.groups("--describe", "--group", group, *kind)
    said.groups("--describe", "--all-groups", "--state")
    said.groups("--describe", "--all-groups", "--offsets", "--verbose")
    reset = ["--reset-offsets", "--group", "active", "--topic", "read"]
    said.groups(*reset, "--to-earliest", "--execute")
    said.groups("--delete", "--group", "active")
    said.groups("--delete-offsets", "--group", "active", "--topic", "read")
    active.finish()
    said.groups("--delete-offsets", "--group", "active", "--topic", "read:1")
    said.groups("--delete-offsets", "--group", "active", "--topic", "unknown")
    said.groups("--describe", "--group", "active")
    said.groups("--delete-offsets", "--group", "active", "--topic", "read:0")
    said.groups("--delete", "--group", "active", "--group", "unknown")
    said.groups("--delete", "--all-groups")
    said.groups("--list")
    compare(said, "describe")


MODES = (
    ("--to-latest",),
    ("--to-earliest",),
    ("--to-offset", 5),
    ("--to-offset", 99),
    ("--shift-by", 3),
    ("--shift-by", -2),
    ("--shift-by", -99),
    ("--by-duration", "P3650D"),
    ("--by-duration", "PT0S"),
    ("--to-current",),
)


def test_resets_in_every_mode(broker, tools, tmp_path):
    fill(broker, "read")
    said = Transcript(broker, tools)
    reset = ["--reset-offsets", "--group", "reset"]
    said.groups(*reset, "--topic", "read", "--to-earliest")
    said.groups(*reset, "--all-topics", "--to-earliest", "--dry-run")
    for mode in MODES:
        said.groups(*reset, "--topic", "read", *mode, "--dry-run")
        said.groups(*reset, "--topic", "read", *mode, "--execute")
    # A time between two records, and one after all; what stands here is not in the transcript.
    for hours, what in ((4.5, "inside"), (1000, "after")):
        when = date_time(FIRST_TIMESTAMP + int(hours * STEP_MS))
        said.lines.append(f"to a time {what}")
        _, output, _ = tools.run(
            *("consumer-groups", "--bootstrap-server", broker.bootstrap, *reset),
            *("--topic", "read", "--to-datetime", when, "--execute"),
        )
        said.lines += sorted(re.findall(r"read +\d +\d+", output))
    said.groups(*reset, "--topic", "read:0,2", "--to-offset", 7, "--execute")
    said.groups("--describe", "--group", "reset")
    exported = said.groups(*reset, "--all-topics", "--to-current", "--export", "--dry-run")
    path = tmp_path / "offsets.csv"
    path.write_text(exported.replace("reset,", "").replace(",7", ",4"))
    said.groups(*reset, "--from-file", path, "--dry-run")
    said.groups(*reset, "--from-file", path, "--execute")
    said.groups("--describe", "--group", "reset", "--offsets")
    said.groups("--describe", "--group", "reset", "--state")
    said.groups(*reset, "--topic", "unknown", "--to-earliest", "--execute")
    said.groups("--delete", "--group", "reset")
    compare(said, "reset")


PRINT = [f"print.{what}=true" for what in ("key", "offset", "partition", "headers", "timestamp")]
ALL = [word for setting in PRINT for word in ("--property", setting)]


def test_console_tools_in_their_usual_flags(broker, tools):
    fill(broker, "read")
    said = Transcript(broker, tools)

    def read(*flags) -> None:
        said.run("console-consumer", "--topic", "read", *flags)

    def write(text: str, *flags) -> None:
        said.run("console-producer", "--topic", "made", *flags, stdin=text)

    end = ["--timeout-ms", 8000]
    read("--from-beginning", "--max-messages", RECORDS, *ALL)
    read("--group", "console", "--from-beginning", "--max-messages", RECORDS)
    said.groups("--describe", "--group", "console", "--offsets")
    Feeder(broker.bootstrap, "read", PARTITIONS).send(6)
    read("--group", "console", "--max-messages", 6)
    said.groups("--describe", "--group", "console", "--state")
    read("--group", "console", *end)
    read("--partition", 1, "--offset", 8, "--max-messages", 3)
    read("--partition", 1, "--offset", "earliest", "--max-messages", 2, *ALL)
    separators = ["--property", "key.separator=|", "--property", "line.separator=;"]
    read("--partition", 0, "--offset", 2, "--max-messages", 2, *ALL, *separators)
    committed_only = ["--isolation-level", "read_committed"]
    read("--partition", 2, "--offset", 0, "--max-messages", 2, *committed_only)
    create_topic(broker, "made", 1)
    keyed = ["--property", "parse.key=true", "--property", "key.separator=:"]
    write("a:1\nb:2\n", *keyed)
    headed = ["--property", "parse.headers=true", *keyed]
    write("h:1,i:2\tc:3\n", *headed)
    write("NULL:4\nd:NULL\n", "--property", "null.marker=NULL", *keyed)
    write("plain\n", "--compression-codec", "gzip", "--request-required-acks", "1", "--sync")
    write("no separator\n", *keyed)
    made = ["--topic", "made", "--from-beginning", "--max-messages", 6]
    said.run("console-consumer", *made, *ALL[:8])
    said.run("console-consumer", "--include", "ma.*", *made[2:], "--group", "pattern")
    compare(said, "console")


def formatted(tools, broker, formatter: str, group: str) -> list[str]:
    """What a formatter makes of the group's records in __consumer_offsets."""
    _, output, errors = tools.run(
        *("console-consumer", "--bootstrap-server", broker.bootstrap, "--from-beginning"),
        *("--topic", "__consumer_offsets", "--timeout-ms", 4000, "--formatter", formatter),
    )
    found = [line for line in output.splitlines() if group in line]
    assert found, f"{formatter} shows nothing of {group}: {output[-2000:]}{errors[-2000:]}"
    return found


def test_formatters_read_the_offsets_topic(broker, tools, member):
    fill(broker, "read")
    member("formatted", "read").finish()
    package = "org.apache.kafka.tools.consumer"
    lines = formatted(tools, broker, f"{package}.OffsetsMessageFormatter", "formatted")
    for partition in range(PARTITIONS):
        mine = [line for line in lines if f'"partition":{partition}' in line]
        assert re.search(r'"offset":10\b', mine[-1]), mine
    lines = formatted(tools, broker, f"{package}.GroupMetadataMessageFormatter", "formatted")
    assert '"protocolType":"consumer"' in lines[0]
    assert '"generation":1' in lines[0] and '"protocol":"range"' in lines[0]
    # The one that left last leaves a group without members.
    assert '"members":[]' in lines[-1]


def test_load_tools(broker, tools):
    """Their figures differ from run to run; the counts do not."""
    topic, server = create_topic(broker, "load", PARTITIONS), broker.bootstrap
    props = ["--producer-props", f"bootstrap.servers={server}"]
    size = ["--num-records", 5000, "--record-size", 100, "--throughput", -1]
    status, output, errors = tools.run("producer-perf-test", "--topic", topic, *size, *props)
    assert "5000 records sent" in output, errors
    read = ["--bootstrap-server", server, "--topic", topic, "--timeout", 20000]
    count = "--num-records" if tools.version == "4.2" else "--messages"
    status, output, errors = tools.run(
        "consumer-perf-test", *read, count, 5000, "--group", "perf"
    )
    assert status == 0 and re.search(r", 5\d{3}, ", output), output + errors
    # These two finish in hooks that run at the end of their process.
    bounds = ["--bootstrap-server", server, "--topic", topic, "--max-messages", 100]
    output = tool(tools.version, "verifiable-producer", *bounds, "--throughput", 1000)
    assert '"sent":100' in output and '"acked":100' in output
    group = ["--group-id", "verified", "--reset-policy", "earliest"]
    output = tool(tools.version, "verifiable-consumer", *bounds, *group)
    assert '"name":"offsets_committed"' in output and '"success":true' in output
    latency = [server, topic, 200, "all", 100]
    if tools.version == "4.2":
        names = ("bootstrap-server", "topic", "num-records", "producer-acks", "record-size")
        latency = [word for name, value in zip(names, latency) for word in (f"--{name}", value)]
    status, output, errors = tools.run("e2e-latency", *latency)
    assert "Percentiles: 50th" in output, output + errors
