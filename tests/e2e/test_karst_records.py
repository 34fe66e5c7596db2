"""Records through `karst produce` and `karst consume`: every form, and where they land."""

import json
import signal
import subprocess
import time

import pytest
from node import BINARY, eventually

pytestmark = pytest.mark.skipif(not BINARY.exists(), reason=f"{BINARY} is missing")

# From Kafka's UtilsTest: where its default partitioner, and ours, puts a key.
MURMUR2 = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


def start(node, *arguments, **options) -> subprocess.Popen:
    command = [str(BINARY), *map(str, arguments), "-b", node.bootstrap]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def karst(node, *arguments, stdin: bytes = b"", status: int = 0) -> bytes:
    process = start(node, *arguments, stdin=subprocess.PIPE)
    out, complaint = process.communicate(stdin, timeout=60)
    assert process.returncode == status, f"{arguments}: {out!r} {complaint!r}"
    return complaint if status else out


def objects(node, topic: str, *arguments) -> list[dict]:
    out = karst(node, "consume", topic, "-e", "--format", "json", *arguments)
    return [json.loads(line) for line in out.splitlines()]


def test_keys_go_where_java_puts_them(node):
    karst(node, "topic", "create", "records-keys", "-p", 7)
    lines = "".join(f"{key}:x\n" for key in MURMUR2)
    karst(node, "produce", "records-keys", "-K", ":", stdin=lines.encode())
    landed = {each["key"]: each["partition"] for each in objects(node, "records-keys")}
    assert landed == {key: (hash & 0x7FFFFFFF) % 7 for key, hash in MURMUR2.items()}


def test_json_in_is_json_out(node):
    sent = [
        {"key": "k", "value": "grün", "headers": [{"name": "h", "value": "1"}], "timestamp": 1000},
        {"key": None, "value": None, "headers": [{"name": "n", "value": None}], "timestamp": 2000},
        {"key_base64": "/wA=", "value_base64": "gIGC", "headers": [], "timestamp": 3000},
        {"key": "", "value": "", "headers": [], "timestamp": 4000},
    ]
    karst(node, "topic", "create", "records-json", "-p", 1)
    lines = "\n".join(map(json.dumps, sent))
    karst(node, "produce", "records-json", "--format", "json", stdin=lines.encode())
    got = objects(node, "records-json")
    place = {"topic": "records-json", "partition": 0}
    assert got == [each | place | {"offset": offset} for offset, each in enumerate(sent)]
    assert objects(node, "records-json", "--from-time", 2500) == got[2:]
    assert objects(node, "records-json", "-o", -1) == got[3:]
    assert objects(node, "records-json", "-o", 1, "-n", 2) == got[1:3]
    assert objects(node, "records-json", "-o", "latest") == []


def test_bytes_come_back_as_they_went(node, tmp_path):
    content = BINARY.read_bytes()[: 3 << 20]
    file = tmp_path / "content"
    file.write_bytes(content.rstrip(b"\n") + b"\n")
    large = "max.message.bytes=8000000"
    karst(node, "topic", "create", "records-bytes", "-p", 1, "--config", large)
    karst(node, "produce", "records-bytes", file, "-z", "lz4")
    assert karst(node, "consume", "records-bytes", "-e") == file.read_bytes()


def test_tombstones_and_constant_headers(node):
    karst(node, "topic", "create", "records-null", "-p", 1)
    karst(node, "produce", "records-null", "-K", ",", "-Z", "-H", "a=b", stdin=b"k,\n,v\n")
    got = objects(node, "records-null")
    assert [(each["key"], each["value"]) for each in got] == [("k", None), (None, "v")]
    assert got[0]["headers"] == [{"name": "a", "value": "b"}]


def test_a_follower_sees_what_arrives_and_ends_with_ctrl_c(node):
    karst(node, "topic", "create", "records-follow", "-p", 1)
    with start(node, "consume", "records-follow") as follower:
        karst(node, "produce", "records-follow", stdin=b"first\n")
        assert follower.stdout.readline() == b"first\n"
        karst(node, "produce", "records-follow", stdin=b"second\n")
        assert follower.stdout.readline() == b"second\n"
        follower.send_signal(signal.SIGINT)
        assert follower.wait(5) == 128 + signal.SIGINT


def test_a_line_is_sent_while_the_terminal_is_still_open(node):
    karst(node, "topic", "create", "records-live", "-p", 1)
    with start(node, "produce", "records-live", stdin=subprocess.PIPE) as producer:
        producer.stdin.write(b"now\n")
        producer.stdin.flush()
        eventually(lambda: objects(node, "records-live"), 10, "the line is stored")
        producer.send_signal(signal.SIGINT)
        assert producer.wait(5) == 128 + signal.SIGINT


def test_a_producer_outlives_a_killed_broker(make_node):
    node = make_node().start()
    karst(node, "topic", "create", "records-kill", "-p", 1)
    lines = [b"line %d\n" % number for number in range(3000)]
    with start(node, "produce", "records-kill", stdin=subprocess.PIPE) as producer:
        for number, line in enumerate(lines):
            producer.stdin.write(line)
            if number % 1000 == 500:
                producer.stdin.flush()
                eventually(lambda: objects(node, "records-kill"), 10, "something is stored")
                node.kill()
                node.start()
        producer.stdin.close()
        assert producer.wait(60) == 0, producer.stderr.read()
    # None lost, none twice, in order.
    assert karst(node, "consume", "records-kill", "-e") == b"".join(lines)


def test_a_follower_outlives_a_killed_broker(make_node):
    node = make_node().start()
    karst(node, "topic", "create", "records-away", "-p", 2)
    with start(node, "consume", "records-away") as follower:
        karst(node, "produce", "records-away", stdin=b"before\n")
        assert follower.stdout.readline() == b"before\n"
        node.kill()
        node.start()
        karst(node, "produce", "records-away", stdin=b"after\n")
        assert follower.stdout.readline() == b"after\n"
        follower.kill()


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["produce", "records-x", "-K", ":"], b"no separator", "line 1"),
        (["produce", "records-x", "--format", "json"], b"{", "line 1"),
        (["produce", "records-x", "/no/such/file"], b"", "/no/such/file"),
        (["produce", "records-x", "-p", "99"], b"a\n", "99"),
        (["produce", "records-none", "--no-create"], b"a\n", "records-none"),
        (["consume", "records-none"], b"", "topic create"),
        (["consume", "records-x", "-o", "soon"], b"", "earliest"),
        (["consume", "records-x", "--from-time", "tomorrow"], b"", "2026-09-21T10:15:30Z"),
    ],
)
def test_an_error_says_what_to_do(node, arguments, stdin, said):
    karst(node, "topic", "create", "records-x", "--if-not-exists", "-p", 1)
    assert said in karst(node, *arguments, stdin=stdin, status=1).decode()


def test_nobody_listens(node):
    command = [str(BINARY), "topic", "list", "-b", "127.0.0.1:1"]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and time.monotonic() - begun < 5
    assert "127.0.0.1:1: connection refused" in done.stderr and "karst serve --dev" in done.stderr


def test_many_partitions_come_in_one_fetch(node):
    """Each in its order, and what arrives in any of them is seen while the fetch waits for all."""
    partitions = 40
    karst(node, "topic", "create", "records-many", "-p", partitions)
    with start(node, "consume", "records-many", "--format", "json") as follower:
        for number in range(0, partitions, 4):
            karst(node, "produce", "records-many", "-p", number, stdin=b"first\n")
            assert json.loads(follower.stdout.readline())["partition"] == number
        follower.send_signal(signal.SIGINT)
        assert follower.wait(5) == 128 + signal.SIGINT
    lines = [f"{number}:{'v' * 200}" for number in range(20_000)]
    karst(node, "produce", "records-many", "-K", ":", stdin="\n".join(lines).encode())
    got = objects(node, "records-many", "-p", 0, "-p", 0)
    assert {each["partition"] for each in got} == {0}
    got = objects(node, "records-many")
    assert sorted(int(each["key"]) for each in got if each["key"]) == list(range(20_000))
    for number in range(partitions):
        offsets = [each["offset"] for each in got if each["partition"] == number]
        assert offsets == list(range(len(offsets)))
