"""What karst's client commands say and do when something is wrong: with them, or with the world."""

import contextlib
import os
import pathlib
import pty
import signal
import subprocess

import pytest
from node import BINARY, BROKER, eventually
from records import CODECS

pytestmark = pytest.mark.skipif(BROKER != "karst", reason="about karst's own command line")


def karst(node, *arguments, stdin: bytes = b"", stdout=subprocess.PIPE, timeout=60):
    return subprocess.run(
        [str(BINARY), *map(str, arguments)],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=timeout,
        env=os.environ | {"KARST_BOOTSTRAP_SERVER": node.bootstrap},
    )


def topic(node, name: str, partitions: int = 1) -> str:
    done = karst(node, "topic", "create", name, "-p", partitions)
    assert done.returncode == 0, done.stderr
    return name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "karst: a command is missing"),
        (["serv"], "karst: there is no command 'serv'"),
        (["topic", "make"], "karst topic: there is no command 'make'; give one of create, list"),
        (["topic", "create"], "karst topic create: NAME is required"),
        (["consume", "t", "--formt", "json"], "--formt"),
        (["consume", "t", "--format", "xml"], "karst consume: --format: xml not in {value,table,"),
        (["consume", "t", "-o", "3", "--from-time", "2026-09-21"], "excludes"),
        (["consume", "t", "-n", "-1"], "--count"),
        (["produce", "t", "--format", "xml"], "karst produce: --format: xml not in {lines,json}"),
        (["produce", "t", "--acks", "2"], "--acks"),
    ],
)
def test_a_wrong_command_line_gets_one_line_and_status_2(node, arguments, said):
    done = karst(node, *arguments)
    text = done.stderr.decode()
    assert (done.returncode, text.count("\n")) == (2, 1), text
    assert said in text and "--help" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["produce", "T", "-z", "gzip", "--compression-level", "99"], "from 1 to 9"),
        (["produce", "T", "-z", "snappy", "--compression-level", "1"], "has no levels"),
        (["produce", "T", "-p", "7"], "partitions 0 to 1, not 7"),
        (["produce", "T", "-K", ":"], "line 1 of the input"),
        (["produce", "T", "-H", "nameless"], "NAME=VALUE"),
        (["produce", "T", "--format", "json"], "not a record in JSON"),
        (["produce", "T", "/nowhere/at/all"], "/nowhere/at/all"),
        (["produce", "none-such", "--no-create"], "karst topic create"),
        (["consume", "none-such"], "karst topic list"),
        (["consume", "T", "-p", "7"], "partitions 0 to 1, not 7"),
        (["consume", "T", "-o", "first"], "earliest"),
        (["consume", "T", "--from-time", "noon"], "2026-09-21T10:15:30Z"),
        (["consume", "T", "-p", "0", "-o", "500"], "OFFSET_OUT_OF_RANGE"),
        (["topic", "list", "-b", "127.0.0.1:1"], "karst serve --dev"),
        (["topic", "list", "-b", "127.0.0.1:port"], "HOST:PORT"),
        (["topic", "create", "new", "-c", "retention=5"], "did you mean retention.ms?"),
        (["topic", "create", "new", "-r", "3"], "1"),
        (["topic", "create", "new", "-p", "0"], "partitions"),
        (["dump", "/etc/hostname"], "neither a segment nor a journal"),
    ],
)
def test_a_mistake_gets_one_line_with_what_to_do(node, arguments, said):
    name = "mistakes"
    karst(node, "topic", "create", name, "-p", 2, "--if-not-exists")
    done = karst(node, *(name if word == "T" else word for word in arguments), stdin=b"text\n")
    text = done.stderr.decode()
    assert done.returncode == 1, (done.returncode, text)
    assert said in text and text.count("\n") == 1, text
    assert text.startswith("karst " + arguments[0]), text


def test_of_several_names_each_has_its_outcome(node):
    done = karst(node, "topic", "create", "bad/name", "one-of-several", "..")
    assert done.returncode == 1
    assert done.stdout == b"Created topic one-of-several\n"
    assert b"bad/name" in done.stderr and b" ..:" in done.stderr
    done = karst(node, "topic", "describe", "missing-one", "one-of-several")
    assert b"one-of-several" in done.stdout and b"missing-one" in done.stderr
    done = karst(node, "topic", "delete", "missing-one", "one-of-several")
    assert done.returncode == 1
    assert done.stdout == b"Deleted topic one-of-several\n"


def test_a_copy_in_json_keeps_partitions_keys_and_times(node):
    source, copy = topic(node, "json-source", 3), topic(node, "json-copy", 3)
    lines = b"".join(b"key-%d\tvalue-%d\n" % (number % 7, number) for number in range(100))
    assert karst(node, "produce", source, "-K", "\\t", "-T", 1234, stdin=lines).returncode == 0
    read = karst(node, "consume", source, "-e", "--format", "json").stdout
    assert karst(node, "produce", copy, "--format", "json", stdin=read).returncode == 0
    again = karst(node, "consume", copy, "-e", "--format", "json").stdout
    assert sorted(again.splitlines()) == sorted(
        line.replace(source.encode(), copy.encode()) for line in read.splitlines()
    )
    wrong = karst(node, "produce", copy, "--format", "json", stdin=b'{"partition":3}\n')
    assert wrong.returncode == 1 and b"partitions 0 to 2, not 3" in wrong.stderr


def test_output_that_cannot_be_written_is_an_error(node):
    name = topic(node, "full")
    karst(node, "produce", name, stdin=b"line\n" * 1000)
    with open("/dev/full", "w") as full:
        done = karst(node, "consume", name, "-e", stdout=full)
        assert done.returncode == 1 and b"No space left" in done.stderr
        (segment,) = pathlib.Path(node.data).glob(f"{name}-0/*.log")
        done = karst(node, "dump", segment, stdout=full)
        assert done.returncode == 1 and b"No space left" in done.stderr


@pytest.mark.parametrize("milliseconds", [0, 1, 253402300800000, 2**63 - 1])
def test_any_timestamp_can_be_shown(node, milliseconds):
    name = topic(node, f"at-{milliseconds}")
    assert karst(node, "produce", name, "-T", milliseconds, stdin=b"then\n").returncode == 0
    for form in ("table", "json"):
        done = karst(node, "consume", name, "-e", "--format", form)
        assert done.returncode == 0 and b"then" in done.stdout, done.stderr
    assert str(milliseconds).encode() in done.stdout


def test_long_work_shows_progress_on_a_terminal(node, tmp_path):
    """Only there, and only while the records themselves go elsewhere."""
    name = topic(node, "long-work")
    terminal, side = pty.openpty()
    os.set_blocking(terminal, False)
    seen = bytearray()

    def shows(what: bytes) -> bool:
        with contextlib.suppress(BlockingIOError):
            seen.extend(os.read(terminal, 65536))
        return what in seen

    with open(tmp_path / "records", "wb") as output:
        command = [str(BINARY), "consume", name, "-b", node.bootstrap]
        with subprocess.Popen(command, stdout=output, stderr=side) as reading:
            command = [str(BINARY), "produce", name, "-b", node.bootstrap]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=side) as writing:

                def still_writing(what: bytes) -> bool:
                    writing.stdin.write(b"a line\n")
                    writing.stdin.flush()
                    return shows(what)

                eventually(lambda: still_writing(b"produce: "), 20, "produce shows how far it is")
                eventually(lambda: still_writing(b"consume: "), 20, "consume shows how far it is")
                writing.stdin.close()
                assert writing.wait(10) == 0
            reading.send_signal(signal.SIGINT)
    os.close(terminal)
    os.close(side)
    assert b" records, " in seen and b"MiB/s" in seen
    assert set((tmp_path / "records").read_bytes().splitlines()) == {b"a line"}


def test_a_reader_that_has_enough_ends_the_command(node):
    name = topic(node, "piped")
    karst(node, "produce", name, stdin=b"".join(b"%d\n" % n for n in range(200_000)))
    script = f"{BINARY} consume {name} -b {node.bootstrap} | head -2"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", script], capture_output=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"0\n1\n", b"")


def test_a_line_without_end_is_refused_and_not_gathered_for_ever(node):
    name = topic(node, "endless")
    endless = f"head -c 300000000 /dev/zero | tr '\\0' x | {BINARY} produce {name}"
    done = subprocess.run(
        ["bash", "-c", f"ulimit -v 2000000; {endless} -b {node.bootstrap}"],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 1 and b"line 1" in done.stderr, done.stderr


def test_a_record_above_the_limit_is_named_and_what_came_before_is_kept(node):
    name = topic(node, "large")
    lines = b"small\n" + b"x" * 3_000_000 + b"\n"
    done = karst(node, "produce", name, "-z", "none", stdin=lines)
    assert done.returncode == 1
    assert b"max.message.bytes" in done.stderr and b"MESSAGE_TOO_LARGE" in done.stderr


@pytest.mark.parametrize("codec", CODECS)
def test_empty_input_and_empty_lines(node, codec):
    name = topic(node, f"empty-{codec}")
    assert karst(node, "produce", name, "-z", codec).returncode == 0
    assert karst(node, "consume", name, "-e").stdout == b""
    assert karst(node, "produce", name, "-z", codec, stdin=b"\n\nlast").returncode == 0
    assert karst(node, "consume", name, "-e").stdout == b"\n\nlast\n"


@pytest.mark.parametrize("command", ["consume", "produce"])
def test_ctrl_c_ends_a_command_that_waits(node, command):
    name = topic(node, f"waits-{command}")
    karst(node, "produce", name, stdin=b"seen\n")
    read, write = os.pipe()
    with subprocess.Popen(
        [str(BINARY), command, name, "-b", node.bootstrap],
        stdin=read,
        stdout=subprocess.PIPE,
    ) as waiting:
        if command == "consume":
            assert waiting.stdout.readline() == b"seen\n"
        else:
            os.write(write, b"typed\n")
            eventually(
                lambda: b"typed" in karst(node, "consume", name, "-e").stdout,
                10,
                "a line is sent before the input ends",
                every=0.1,
            )
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(10) == 128 + signal.SIGINT
    os.close(read)
    os.close(write)


def test_a_segment_of_a_node_at_work_is_sound(make_node):
    # A small journal, so that blocks move to the segment while we look; the last batch lies across
    # the edge of what has moved.
    node = make_node("karst.journal.file.bytes=2097152", "karst.cores=1").start()
    name = topic(node, "at-work")
    for _ in range(12):
        lines = b"".join(os.urandom(500).hex().encode() + b"\n" for _ in range(800))
        assert karst(node, "produce", name, stdin=lines).returncode == 0
    (segment,) = pathlib.Path(node.data).glob(f"{name}-0/*.log")
    done = karst(node, "dump", segment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert b"ok" in done.stdout and b"BAD" not in done.stdout
    assert b": 0 batches" not in done.stderr, "nothing has moved yet: the test shows nothing"
