"""`karst serve` as an operator meets it: what it says, what it refuses, how it ends."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import kernel
import pytest
from node import BINARY, BROKER, Node, answers, eventually
from tools import create_topic
from volumes import MIB, volume

pytestmark = pytest.mark.skipif(BROKER != "karst", reason="about karst's own command line")

PORT_BUSY, LOCKED, OTHER_IDENTITY, NO_PERMISSION, NO_SPACE, UNSUPPORTED = 3, 4, 5, 6, 7, 8
BAD_CONFIGURATION, MEMLOCK, NO_SUCH_ADDRESS = 2, 9, 11
SMALL_JOURNAL = ("karst.journal.file.bytes=1048576", "karst.journal.files=3")


def serve(*arguments, environment=None, timeout=20, under=()) -> subprocess.CompletedProcess:
    """Runs it to its end: for starts that must fail, and for --check-config."""
    command = [*under, str(BINARY), "serve", *map(str, arguments)]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=variables | (environment or {}),
    )


def refused(status: int, *arguments, **more) -> str:
    """The one line that says why, after a start that must end with `status`."""
    done = serve(*arguments, **more)
    assert done.returncode == status, f"status {done.returncode}: {done.stdout}{done.stderr}"
    assert done.stderr.count("\n") == 1 and ";" in done.stderr, done.stderr
    return done.stderr


def settings(directory: pathlib.Path, port: int = 0, *more: str) -> list[str]:
    values = [
        f"listeners=PLAINTEXT://127.0.0.1:{port}",
        f"log.dirs={directory}",
        # How full the disk is that the tests run on shall not be heard of.
        "karst.space.soft.percent=0",
        *more,
    ]
    return [f"--set={value}" for value in values]


def test_says_what_it_found_and_chose(make_node):
    node = make_node("num.partitions=7").start()
    said = node.log()
    for expected in (
        r"^karst \d+\.\d+\.\d+",
        r"cores\s+\d+",
        r"io\s+(io_uring|epoll)",
        rf"clients will be told 127\.0\.0\.1:{node.port}",
        rf"{re.escape(str(node.data))}",
        r"broker id\s+\d+",
        r"cluster id\s+\S{22}",
        r"durability",
        r"journal",
        r"num\.partitions=7\s+\(.*--set",
    ):
        assert re.search(expected, said, re.MULTILINE), f"nothing like {expected} in:\n{said}"
    assert re.search(rf"^karst ready: listening on 127\.0\.0\.1:{node.port}$", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "an acknowledged record is on the disk"),
        (["log.flush.interval.messages=100"], "a power cut may lose the last of them"),
    ],
)
def test_says_what_an_acknowledgement_means(make_node, more, said):
    (line,) = re.findall(r"^  durability.*$", make_node(*more).start().log(), re.MULTILINE)
    assert said in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly_on_a_signal(make_node, number):
    node = make_node().start()
    create_topic(node, "stops", 8)
    node.process.send_signal(number)
    started = time.monotonic()
    assert node.process.wait(10) == 0
    assert time.monotonic() - started < 5
    node.process = None
    assert "recovered after an unclean stop" not in node.start().log()


def test_stops_two_thousand_partitions_in_good_order(make_node):
    node = make_node().start()
    for number in range(2):
        create_topic(node, f"wide-{number}", 1000)
    assert node.stop() == 0
    node.start()
    assert "2000 partitions" in node.log()


def test_refuses_a_busy_port(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        why = refused(PORT_BUSY, *settings(tmp_path / "data", port))
    assert str(port) in why and "listeners" in why


def test_refuses_a_directory_in_use_and_takes_over_a_stale_lock(make_node):
    node = make_node().start()
    why = refused(LOCKED, *settings(node.data))
    assert str(node.process.pid) in why and str(node.data) in why
    node.kill()
    node.start()
    assert answers(node.port)


def test_refuses_the_directory_of_another_broker(make_node):
    node = make_node("broker.id=1").start()
    node.stop()
    why = refused(OTHER_IDENTITY, *settings(node.data, 0, "broker.id=2"))
    assert re.search(r"\b1\b", why) and re.search(r"\b2\b", why)


def test_refuses_what_comes_later(tmp_path):
    for setting in (
        "listeners=SSL://127.0.0.1:0",
        "zookeeper.connect=127.0.0.1:2181",
        "ssl.keystore.location=/etc/keys",
        "sasl.enabled.mechanisms=PLAIN",
        "num.partitions=many",
        "log.cleanup.policy=compress",
    ):
        why = refused(BAD_CONFIGURATION, *settings(tmp_path / "data", 0, setting))
        assert setting.partition("=")[0] in why or "SSL" in why, why
    assert not (tmp_path / "data").exists()


def test_refuses_a_directory_that_is_named_twice(tmp_path):
    for directories, said in (("a,a/", "a twice"), ("a,a/b", "a/b inside")):
        named = ",".join(f"{tmp_path}/{each}" for each in directories.split(","))
        why = refused(BAD_CONFIGURATION, *settings(tmp_path, 0, f"log.dirs={named}"))
        assert said in why
    assert not list(tmp_path.iterdir())


def test_refuses_directories_of_two_nodes(tmp_path):
    for name in ("a", "b"):
        node = Node(tmp_path / name).start()
        assert node.stop() == 0
    both = f"log.dirs={tmp_path}/a/data,{tmp_path}/b/data"
    why = refused(OTHER_IDENTITY, *settings(tmp_path, 0, both))
    for name in ("a", "b"):
        identity = tmp_path / name / "data" / "meta.properties"
        (cluster,) = re.findall(r"cluster.id=(\S+)", identity.read_text())
        assert str(identity) in why and cluster in why


def test_refuses_an_unknown_key_with_the_nearest(tmp_path):
    why = refused(BAD_CONFIGURATION, *settings(tmp_path, 0, "num.partition=3"))
    assert "num.partitions" in why


def test_refuses_a_directory_that_kafka_wrote(tmp_path):
    segment = tmp_path / "orders-0"
    segment.mkdir()
    (segment / "00000000000000000000.log").write_bytes(b"")
    (segment / "leader-epoch-checkpoint").write_text("0\n0\n")
    (tmp_path / "meta.properties").write_text(
        "version=1\nnode.id=1\ncluster.id=abcdefghijklmnopqrstuv\n"
    )
    why = refused(UNSUPPORTED, *settings(tmp_path))
    assert str(tmp_path) in why


def test_refuses_a_directory_without_permission():
    why = refused(NO_PERMISSION, *settings(pathlib.Path("/sys/kernel/karst-data")))
    assert "/sys/kernel/karst-data" in why


def test_refuses_a_configuration_file_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "missing.properties"):
        why = refused(BAD_CONFIGURATION, "--config", path, "--check-config")
        assert str(path) in why and "server.properties" in why


def test_refuses_where_the_journal_has_no_room(tmp_path):
    # A ring allocates by itself, past the filter.
    arguments = settings(tmp_path / "data", 0, "karst.io=epoll")
    why = refused(NO_SPACE, *arguments, under=kernel.refusing("space"))
    assert "64 MiB" in why and "karst.journal.file.bytes" in why and str(tmp_path) in why
    # With room again the same directory starts.
    node = Node(tmp_path).start()
    assert node.stop() == 0


def test_refuses_a_memlock_limit_that_is_too_low(tmp_path):
    under = kernel.refusing("memlock")
    limited = ["prlimit", "--memlock=65536:65536", *under]
    why = refused(MEMLOCK, *settings(tmp_path / "data"), under=limited)
    assert "memlock limit 64 KiB" in why and "LimitMEMLOCK" in why and "karst.io=epoll" in why
    assert not (tmp_path / "data").exists()
    node = Node(tmp_path, "karst.io=epoll", under=under).start()
    try:
        # What runs for a moment may do without: nobody needs a limit for a client.
        listed = [*limited, str(BINARY), "topic", "list", "-b", node.bootstrap]
        assert subprocess.run(listed, timeout=20).returncode == 0
    finally:
        node.close()


@pytest.mark.parametrize(
    ("what", "more", "said"),
    [
        ("io_uring", [], r"io\s+epoll: .*forbids io_uring; allow io_uring_setup"),
        # A ring opens files itself, past the filter.
        ("direct", ["karst.io=epoll"], r"direct i/o\s+refused: .*buffered and synced.*use ext4"),
    ],
)
def test_carries_on_and_says_so_where_the_kernel_refuses(tmp_path, what, more, said):
    node = Node(tmp_path, *more, under=kernel.refusing(what)).start()
    try:
        assert re.search(said, node.log()), node.log()
        with_fdatasync = "written and flushed (fdatasync)" in node.log()
        assert with_fdatasync == (what == "direct")
        lines = [b"%d" % number for number in range(1000)]
        kcat = ["kcat", "-q", "-b", node.bootstrap, "-t", "kept", "-p", "0"]
        subprocess.run([*kcat, "-P"], input=b"\n".join(lines), check=True, timeout=60)
        node.kill()
        node.start()
        kcat[3] = node.bootstrap
        read = [*kcat, "-C", "-e", "-o", "beginning"]
        found = subprocess.run(read, capture_output=True, check=True, timeout=60).stdout
        assert found.split() == lines
    finally:
        node.close()


def test_says_what_a_mount_with_discard_costs(make_node, tmp_path):
    with volume(tmp_path, "disk", 128 * MIB) as disk:
        node = make_node(f"log.dirs={disk.path}/data", *SMALL_JOURNAL)
        for option, told in (("nodiscard", False), ("discard", True)):
            disk.remount(option)
            before = len(node.log())
            node.start()
            said = node.log()[before:]
            assert told == bool(re.search(r"mount option +discard: .*nodiscard", said)), said
            node.stop()


def test_refuses_an_address_of_another_machine(tmp_path):
    elsewhere = "listeners=PLAINTEXT://192.0.2.77:0"  # RFC 5737: nobody's
    why = refused(NO_SUCH_ADDRESS, *settings(tmp_path / "data", 0, elsewhere))
    assert "192.0.2.77" in why


def test_refuses_the_directory_of_another_cluster(make_node):
    node = make_node().start()
    node.stop()
    identity = node.data / "meta.properties"
    (own,) = re.findall(r"cluster.id=(\S+)", identity.read_text())
    other = "AAAAAAAAAAAAAAAAAAAAAA"
    identity.write_text(identity.read_text().replace(own, other))
    why = refused(OTHER_IDENTITY, *settings(node.data))
    assert own in why and other in why


def test_never_advertises_a_wildcard(tmp_path):
    node = Node(tmp_path, "listeners=PLAINTEXT://0.0.0.0:0").start()
    try:
        told = re.search(r"clients will be told (\S+):\d+", node.log())[1]
        assert told not in ("0.0.0.0", "::", "")
    finally:
        node.close()


def test_takes_kafkas_environment_and_files(tmp_path):
    old = tmp_path / "server.properties"
    old.write_text(
        "# a file of the 3.x era\nbroker.id=4\nlisteners=PLAINTEXT://127.0.0.1:0\n"
        f"log.dirs={tmp_path}/data\nnum.network.threads=3\nnum.io.threads=8\n"
        "socket.send.buffer.bytes=102400\nnum.partitions=2\nlog.retention.hours=168\n"
        "offsets.topic.replication.factor=1\ngroup.initial.rebalance.delay.ms=0\n"
    )
    checked = serve("--config", old, "--check-config")
    assert checked.returncode == 0, checked.stderr
    assert "num.partitions=2" in checked.stdout and checked.stderr.count("notice:") == 1

    kraft = tmp_path / "kraft.properties"
    kraft.write_text(
        "process.roles=broker,controller\nnode.id=5\ncontroller.quorum.voters=5@localhost:9093\n"
        "listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:9093\n"
        "inter.broker.listener.name=PLAINTEXT\ncontroller.listener.names=CONTROLLER\n"
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n"
        f"log.dirs={tmp_path}/kraft\n"
        # As Kafka 4.2 ships it: what share groups would need says nothing here.
        "share.coordinator.state.topic.replication.factor=1\n"
        "share.coordinator.state.topic.min.isr=1\nnum.partitions=1\n"
    )
    checked = serve("--config", kraft, "--check-config")
    assert checked.returncode == 0, checked.stderr
    assert "num.partitions" not in checked.stdout, "a default is no setting to report"

    environment = {"KAFKA_NUM_PARTITIONS": "9", "KAFKA_HEAP_OPTS": "-Xmx1g", "KAFKA_LOG_DIRS": "/x"}
    checked = serve("--config", old, "--check-config", environment=environment)
    assert checked.returncode == 0, checked.stderr
    assert "num.partitions=9" in checked.stdout and "log.dirs=/x" in checked.stdout


def test_dev_is_local_and_small():
    checked = serve("--dev", "--check-config")
    assert checked.returncode == 0, checked.stderr
    for setting in (
        r"listeners=PLAINTEXT://127\.0\.0\.1:9092",
        r"log\.dirs=\./karst-data",
        r"karst\.journal\.file\.bytes=16777216",
    ):
        assert re.search(setting + r"\s+\(--dev\)", checked.stdout), checked.stdout
    assert not pathlib.Path("karst-data").exists()


def test_warns_of_replication_that_one_node_cannot_give(tmp_path):
    checked = serve("--check-config", *settings(tmp_path, 0, "min.insync.replicas=2"))
    assert checked.returncode == 0
    assert "min.insync.replicas" in checked.stderr


def test_http_on_the_port_gets_a_line_in_the_log_and_no_answer(make_node):
    node = make_node().start()
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as browser:
        browser.sendall(b"GET / HTTP/1.1\r\nHost: karst\r\n\r\n")
        assert browser.recv(100) == b""
    eventually(lambda: "HTTP" in node.log(), 5, "the log names HTTP")
    assert answers(node.port)


def test_a_signal_sent_twice_is_still_a_clean_stop(make_node):
    node = make_node().start()
    create_topic(node, "stops", 8)
    for _ in range(2):  # as `timeout` and some shells do
        node.process.send_signal(signal.SIGTERM)
    assert node.process.wait(10) == 0
    node.process = None
    assert "ending at once" not in node.log()


def test_the_number_of_cores_may_change_between_runs(tmp_path):
    """Partitions move with their records, after clean stops and after crashes."""
    written = []
    for cores, crash in ((2, True), (1, True), (3, False), (1, False), (2, False)):
        node = Node(tmp_path, "num.partitions=6", f"karst.cores={cores}").start()
        try:
            more = [b"%d" % number for number in range(len(written), len(written) + 500)]
            kcat = ["kcat", "-q", "-b", node.bootstrap, "-t", "moves"]
            subprocess.run([*kcat, "-P"], input=b"\n".join(more), check=True, timeout=60)
            written += more
            read = subprocess.run(
                [*kcat, "-C", "-e", "-o", "beginning"], capture_output=True, check=True, timeout=60
            )
            assert sorted(map(int, read.stdout.split())) == list(range(len(written)))
            if crash:
                node.kill()
            else:
                assert node.stop() == 0
        finally:
            node.close()


def test_a_batch_limit_that_the_journal_cannot_hold_is_refused(tmp_path):
    why = refused(
        BAD_CONFIGURATION,
        *settings(tmp_path / "data", 0, "message.max.bytes=50000000", "karst.journal.files=3"),
    )
    assert "karst.journal.file.bytes" in why
