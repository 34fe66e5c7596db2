"""What a stopped or killed node leaves on disk: Kafka's tool and `karst dump` read the same."""

import json
import re
import subprocess
import zlib

import pytest
from clients import console
from node import BINARY, BROKER
from records import CODECS
from tools import tool

pytestmark = pytest.mark.skipif(
    BROKER != "karst" or not BINARY.exists(), reason="the files are karst's own"
)

RECORDS = 4000
BATCH = re.compile(
    r"^baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .*? producerId: (-?\d+) "
    r".* size: (\d+) magic: 2 compresscodec: (\w+) crc: (\d+) isvalid: (\w+)"
)


def dump(path, *options, status=0):
    command = [str(BINARY), "dump", str(path), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stdout[-2000:] + done.stderr
    return done


def dumped(path, *options, status=0):
    lines = dump(path, "--format", "json", *options, status=status).stdout.splitlines()
    return [json.loads(line) for line in lines]


def random_text(codec, number):
    """Hexadecimal digits that no codec makes much smaller, the same in every run."""
    return "".join(f"{zlib.crc32(f'{codec} {number} {i}'.encode()):08x}" for i in range(20))


def fill(node, topic, *configs):
    """Enough for several segments, in every codec, each from an idempotent producer of its own."""
    command = [str(BINARY), "topic", "create", topic, "--partitions", "1", "-b", node.bootstrap]
    for config in ("segment.bytes=1048576", *configs):
        command += ["--config", config]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    for codec in CODECS:
        # Each line differs, so that even compressed ones fill segments.
        lines = "".join(
            f"{codec} {number} {random_text(codec, number)} {'text ' * (number % 40)}\n"
            for number in range(RECORDS)
        )
        if codec == "lz4":
            # librdkafka takes a broker without consumer groups for one too old for lz4.
            command = [str(BINARY), "produce", topic, "-z", codec, "-b", node.bootstrap]
            subprocess.run(command, input=lines.encode(), check=True, timeout=60)
            continue
        options = ["-z", codec, "-p", 0, "-X", "enable.idempotence=true"]
        options += ["-X", "batch.num.messages=200"]
        console.run("-P", "-b", node.bootstrap, "-t", topic, *options, stdin=lines.encode())


def segments(node, topic):
    return sorted((node.data / f"{topic}-0").glob("*.log"))


def test_kafka_reads_what_a_clean_stop_leaves(make_node):
    node = make_node("auto.create.topics.enable=false").start()
    fill(node, "files")
    assert node.stop() == 0
    logs = segments(node, "files")
    assert len(logs) > 1, "several segments"

    said = tool("3.9", "dump-log", "--files", ",".join(map(str, logs)))
    batches = [match.groups() for line in said.splitlines() if (match := BATCH.match(line))]
    expected_first = 0
    for first, last, count, _, _, _, _, valid in batches:
        assert valid == "true"
        assert int(first) == expected_first and int(last) - int(first) + 1 == int(count)
        expected_first = int(last) + 1
    assert expected_first == RECORDS * len(CODECS)
    assert {batch[5] for batch in batches} >= set(CODECS)

    ours = [batch for log in logs for batch in dumped(log)]
    assert [
        (batch["first_offset"], batch["last_offset"], batch["bytes"], batch["codec"], batch["crc"])
        for batch in ours
    ] == [
        (int(first), int(last), int(size), codec, int(crc))
        for first, last, _, _, size, codec, crc, _ in batches
    ]
    assert all(batch["crc_ok"] for batch in ours)


@pytest.mark.parametrize("version", ["3.9", "4.2"])
def test_kafka_reads_every_file_record_by_record(make_node, version):
    node = make_node("auto.create.topics.enable=false").start()
    fill(node, "as-sent")
    fill(node, "stamped", "message.timestamp.type=LogAppendTime")
    assert node.stop() == 0
    for topic in ("as-sent", "stamped"):
        logs = segments(node, topic)
        said = tool(
            version,
            "dump-log",
            "--deep-iteration",
            "--files",
            ",".join(map(str, logs)),
            timeout=120,
        )
        batches = [match for line in said.splitlines() if (match := BATCH.match(line))]
        assert all(batch[8] == "true" for batch in batches)
        offsets = [int(offset) for offset in re.findall(r"^\| offset: (\d+) ", said, re.MULTILINE)]
        assert offsets == list(range(RECORDS * len(CODECS))), topic
        assert sum(int(batch[3]) for batch in batches) == len(offsets)
        # What has no batch at its beginning would be said at the end of each file.
        assert "Found" not in said and "bytes of" not in said, said[-500:]
        expected = "LogAppendTime" if topic == "stamped" else "CreateTime"
        times = re.findall(r"(CreateTime|LogAppendTime): ", said)
        assert times == [expected] * said.count("Time: ")
        beside = [
            path
            for kind in ("index", "timeindex", "snapshot")
            for path in sorted((node.data / f"{topic}-0").glob(f"*.{kind}"))
        ]
        assert len(beside) == 2 * len(logs) + 1
        said = tool(
            version, "dump-log", "--index-sanity-check", "--files", ",".join(map(str, beside))
        )
        assert said.count("passed sanity check") >= len(logs)
        said = tool(version, "dump-log", "--files", ",".join(map(str, beside)))
        assert "Mismatches" not in said and "not found" not in said.lower(), said[-2000:]


def test_a_clean_stop_leaves_what_kafka_keeps(make_node):
    node = make_node("auto.create.topics.enable=false").start()
    fill(node, "kept")
    assert node.stop() == 0
    end = RECORDS * len(CODECS)
    for name, expected in {
        "recovery-point-offset-checkpoint": f"0\n1\nkept 0 {end}\n",
        "replication-offset-checkpoint": f"0\n1\nkept 0 {end}\n",
        "log-start-offset-checkpoint": "0\n1\nkept 0 0\n",
        ".kafka_cleanshutdown": '{"version":0,"brokerEpoch":-1}',
    }.items():
        assert (node.data / name).read_text() == expected, name
    meta = (node.data / "meta.properties").read_text()
    assert "cluster.id=" in meta and "broker.id=" in meta
    partition = {path.name for path in (node.data / "kept-0").iterdir()}
    assert {"leader-epoch-checkpoint", "partition.metadata", f"{end:020}.snapshot"} <= partition
    left = {name for name in partition if not re.fullmatch(r"\d{20}\.(log|index|timeindex)", name)}
    assert left == {"leader-epoch-checkpoint", "partition.metadata", f"{end:020}.snapshot"}


def test_kafka_finds_the_indexes_right(make_node):
    node = make_node("auto.create.topics.enable=false").start()
    fill(node, "indexed")
    assert node.stop() == 0
    directory = node.data / "indexed-0"
    for kind in ("index", "timeindex"):
        files = sorted(directory.glob(f"*.{kind}"))
        assert len(files) == len(segments(node, "indexed"))
        said = tool("3.9", "dump-log", "--files", ",".join(map(str, files)))
        assert "Mismatches" not in said and "not found" not in said.lower(), said[-2000:]
        assert files[0].stat().st_size > 0
    snapshots = sorted(directory.glob("*.snapshot"))
    assert snapshots, "producers are remembered"
    said = tool("3.9", "dump-log", "--files", snapshots[-1])
    assert len(re.findall(r"producerId: \d+ producerEpoch: 0 ", said)) == len(CODECS)
    epochs = (directory / "leader-epoch-checkpoint").read_text()
    assert re.fullmatch(r"0\n1\n\d+ 0\n", epochs)


def test_dump_shows_every_record(make_node):
    node = make_node("auto.create.topics.enable=false").start()
    fill(node, "shown")
    assert node.stop() == 0
    logs = segments(node, "shown")
    lines = [line for log in logs for line in dumped(log, "--records") if "key" in line]
    assert [line["offset"] for line in lines] == list(range(RECORDS * len(CODECS)))
    assert lines[0]["value"].startswith("none 0 ")
    assert lines[-1]["value"].startswith(f"zstd {RECORDS - 1} ")


def test_dump_shows_the_journal_of_a_killed_node(make_node):
    node = make_node("auto.create.topics.enable=true").start()
    console.run("-P", "-b", node.bootstrap, "-t", "killed", "-p", 0, stdin=b"one\ntwo\nthree\n")
    node.kill()
    found = []
    for journal in sorted(node.data.glob("karst-journal-*")):
        done = subprocess.run(
            [str(BINARY), "dump", str(journal), "--records", "--format", "json"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        found += [json.loads(line) for line in done.stdout.splitlines()]
    states = [line for line in found if line.get("entry") == "state"]
    assert any(line["topic"] == "killed" for line in states)
    values = [line["value"] for line in found if "value" in line]
    assert {"one", "two", "three"} <= set(values)


def test_dump_says_what_is_wrong(make_node, tmp_path):
    node = make_node("auto.create.topics.enable=false").start()
    fill(node, "damaged")
    assert node.stop() == 0
    log = segments(node, "damaged")[0]
    damaged = bytearray(log.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    copy = tmp_path / log.name
    copy.write_bytes(damaged)
    assert sum(not batch["crc_ok"] for batch in dumped(copy, status=1)) == 1
    assert "BAD CRC" in dump(copy, status=1).stdout
    copy.write_bytes(log.read_bytes()[:-10])
    assert "is cut" in dump(copy, status=1).stderr
    said = dump(tmp_path / "nothing.log", status=1).stderr
    assert "cannot open" in said and "segment" in said
