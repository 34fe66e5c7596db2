"""karst bench against the broker under test: it measures what it says, and ends as it should."""

import json
import re
import signal
import subprocess

import pytest
from node import BINARY, BROKER, eventually

pytestmark = pytest.mark.skipif(not BINARY.exists(), reason=f"{BINARY} is missing")

SHORT = ["--seconds", "1", "--warm-up", "0.2"]
RUN_KEYS = {
    "broker_cpu_us_per_request",
    "broker_cpu_seconds_per_gb",
    "own_cpu_seconds",
    "own_cpu_share",
    "seconds",
    "verdict",
}
SIDE_KEYS = {
    "requests_per_second",
    "records_per_second",
    "megabytes_per_second",
    "p50_ms",
    "p99_ms",
    "p999_ms",
    "max_ms",
    "refused",
    "all_requests",
    "errors",
}


def command(bootstrap: str, kind: str, *options) -> list[str]:
    return [str(BINARY), "bench", kind, "-b", bootstrap, *map(str, options)]


def bench(node, kind: str, *options, status: int = 0) -> subprocess.CompletedProcess:
    words = command(node.bootstrap, kind, *options)
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == status, f"{words}: {done.stdout}{done.stderr}"
    return done


def measured(node, kind: str, *options) -> dict:
    return json.loads(bench(node, kind, *SHORT, "--json", *options).stdout)


def records_in(node, topic: str) -> int:
    words = [str(BINARY), "consume", topic, "--exit-at-end", "--format", "json"]
    words += ["-b", node.bootstrap]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return len(done.stdout.splitlines())


@pytest.mark.parametrize("options", [[], ["--rate", 200], ["--in-flight", 4, "--keys", 10]])
def test_produces_what_it_reports(node, options):
    topic = f"bench-produce-{len(options)}"
    target = ["-t", topic, "--partitions", 4, "-c", 2, "--records-per-batch", 5]
    report = measured(node, "produce", *target, *options)
    assert report.keys() >= SIDE_KEYS | RUN_KEYS
    assert report["refused"] == 0 and report["errors"] == {}
    assert report["records_per_second"] > 0 and 0 < report["p50_ms"] <= report["max_ms"]
    assert report["all_records"] == 5 * report["all_requests"]
    assert records_in(node, topic) == report["all_records"]


def test_makes_a_topic_and_takes_one_that_exists_as_it_is(node):
    target = ["-t", "bench-made", "-c", 2]
    assert measured(node, "produce", *target, "--partitions", 5)["refused"] == 0
    assert measured(node, "produce", *target, "--partitions", 2)["refused"] == 0
    assert "5 partitions" in bench(node, "consume", *SHORT, "-t", "bench-made").stdout


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_batches_are_read_by_others(node, codec):
    topic = f"bench-{codec}"
    target = ["-t", topic, "-c", 1, "--rate", 50, "--records-per-batch", 3]
    report = measured(node, "produce", *target, "--compression", codec)
    assert records_in(node, topic) == 3 * report["all_requests"]


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_acks(node, acks):
    report = measured(node, "produce", "-t", f"bench-acks-{acks}", "-c", 2, "--acks", acks)
    # Without acknowledgements the kernel may take the counted second's requests in the warm-up.
    assert report["refused"] == 0 and report["all_requests"] > 0


def test_consumes_all_that_was_produced_once(node):
    target = ["-t", "bench-once", "-c", 2]
    written = measured(node, "produce", *target, "--rate", 300, "--records-per-batch", 7)
    options = ["--mode", "once", "--warm-up", 0, "--seconds", 60, "--json"]
    report = json.loads(bench(node, "consume", *target, *options).stdout)
    assert report.keys() >= SIDE_KEYS | RUN_KEYS
    assert report["seconds"] < 60
    assert report["all_records"] == 7 * written["all_requests"]


def test_a_missing_topic_is_not_read(node):
    said = bench(node, "consume", *SHORT, "-t", "bench-missing", status=1).stderr
    assert "bench-missing" in said and "UNKNOWN_TOPIC_OR_PARTITION" in said


@pytest.mark.parametrize("codec", ["none", "lz4"])
def test_end_to_end_every_record_arrives(node, codec):
    target = ["-t", f"bench-end-to-end-{codec}", "-c", 2, "--consumers", 2]
    report = measured(node, "end-to-end", *target, "--rate", 200, "--compression", codec)
    prefixes = ("produce_", "consume_", "end_to_end_")
    assert report.keys() >= RUN_KEYS | {each + key for each in prefixes for key in SIDE_KEYS}
    assert report["end_to_end_missing"] == 0 and report["readers_behind"] is False
    assert report["end_to_end_records_per_second"] > 0
    # What a consumer has, the broker had before.
    assert 0 < report["end_to_end_p50_ms"] <= report["end_to_end_max_ms"]


def test_mixed_reports_both_sides_and_reads_from_the_beginning(node):
    target = ["-t", "bench-mixed", "-c", 2]
    before = measured(node, "produce", *target, "--rate", 300)["all_requests"]
    options = ["--consumers", 2, "--rate", 100, "--from-beginning"]
    report = measured(node, "mixed", *target, *options)
    assert report["produce_records_per_second"] > 0
    assert report["consume_all_records"] >= before


def test_the_cpu_of_the_broker_is_measured(node):
    pid = node.process.pid
    report = measured(node, "produce", "-t", "bench-cpu", "-c", 4, "--broker-pid", pid)
    assert report["broker_cpu_us_per_request"] > 0
    assert report["broker_cpu_seconds_per_gb"] > 0
    assert report["own_cpu_seconds"] > 0
    said = bench(node, "produce", "-t", "bench-cpu", "--broker-pid", 4_000_000, status=1).stderr
    assert "no process 4000000" in said


def test_text_page_and_live_lines(node, tmp_path):
    page = tmp_path / "report.html"
    options = ["-c", 2, "-t", "bench-page", "--html", page, "--progress", "--seconds", 2]
    done = bench(node, "produce", *options)
    for word in ("requests/s", "latency", "CPU", "verdict"):
        assert word in done.stdout
    assert re.search(r"1 s \(warm-up\)  produce: [\d,]+ requests/s", done.stderr)
    html = page.read_text()
    assert "</html>" in html
    assert not re.search(r"https?:|src=|href=|@import|url\(", html)


def test_a_workload_file_of_the_openmessaging_benchmark(node, tmp_path):
    payload = tmp_path / "payload.data"
    payload.write_bytes(b"x" * 200)
    workload = tmp_path / "workload.yaml"
    workload.write_text(
        "name: two topics\ntopics: 2\npartitionsPerTopic: 2\nmessageSize: 200\n"
        "payloadFile: payload.data\nsubscriptionsPerTopic: 2\nconsumerPerSubscription: 1\n"
        "producersPerTopic: 1\nproducerRate: 200\ntestDurationMinutes: 60\n"
    )
    report = measured(node, "mixed", "-t", "bench-omb", "--workload", workload)
    assert report["seconds"] == pytest.approx(1, abs=0.1)
    assert report["produce_records_per_second"] == pytest.approx(200, rel=0.2)
    # Two subscriptions read every record.
    assert report["consume_records_per_second"] == pytest.approx(400, rel=0.3)
    assert records_in(node, "bench-omb-1") > 0
    workload.write_text("topics: 1\nproducerRat: 5\n")
    said = bench(node, "mixed", "--workload", workload, status=2).stderr
    assert "line 2" in said and "did you mean producerRate?" in said


@pytest.mark.parametrize(
    "options, what",
    [
        (["--record-size", 100_000_000, "--records-per-batch", 1000], "100000000000 bytes"),
        (["--html", "/nowhere/page.html"], "cannot write /nowhere/page.html: No such file"),
        (["--rate", -1], "neither 0 nor a number from 0.001"),
        (["--rate", "1e-9"], "neither 0 nor a number from 0.001"),
        (["--rate", "nan"], "nan is neither 0 nor a number"),
        (["--seconds", "nan"], "nan is no number from 0.1"),
        (["--keys", 4_294_967_295], "not in range"),
        (["--workload", "/tmp"], "cannot read /tmp"),
    ],
)
def test_refuses_before_it_connects(options, what):
    words = command("127.0.0.1:1", "produce", *options)
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and what in done.stderr and "--help" in done.stderr


def test_options_win_over_a_workload(node, tmp_path):
    payload = tmp_path / "payload.data"
    payload.write_bytes(b"x" * 500)
    workload = tmp_path / "workload.yaml"
    workload.write_text(
        "topics: 1\npartitionsPerTopic: 1\npayloadFile: payload.data\nproducerRate: 20\n"
        "testDurationMinutes: 0\n"
    )
    said = bench(node, "produce", "--workload", workload, status=2).stderr
    assert "a run of 0 s" in said
    options = ["-t", "bench-options", "--workload", workload, "--rate", 0, "--record-size", 10]
    report = measured(node, "produce", *options)
    assert report["all_records"] > 50
    assert report["all_bytes"] / report["all_records"] < 200


def test_too_few_connections_are_refused_before_a_topic_is_made(node, tmp_path):
    workload = tmp_path / "workload.yaml"
    workload.write_text("topics: 3\nsubscriptionsPerTopic: 2\ntestDurationMinutes: 1\n")
    options = ["--workload", workload, "-t", "bench-few"]
    said = bench(node, "mixed", *options, "-c", 2, status=1).stderr
    assert "2 connections are too few for 3 topics; give at least 3" in said
    said = bench(node, "mixed", *options, "--consumers", 5, status=1).stderr
    assert "5 consumers are too few for 2 subscriptions of 3 topics; give at least 6" in said


def test_what_is_refused_makes_no_topic(node):
    topic = "bench-too-many-keys"
    said = bench(node, "produce", "-t", topic, "--keys", 100_000_000, status=1).stderr
    assert "distinct keys" in said
    words = [str(BINARY), "topic", "list", "-b", node.bootstrap]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert topic not in listed


def test_a_broker_that_hangs_counts_as_late_and_does_not_hang_the_bench(make_node):
    broker = make_node()
    broker.start()
    measured(broker, "produce", "-t", "bench-hangs", "-c", 1)
    options = ["-c", 2, "-t", "bench-hangs", "--warm-up", 0, "--seconds", 3, "--json", "--progress"]
    loads = {
        "produce": ["--in-flight", 1000, "--records-per-batch", 900, "--record-size", 1000],
        "end-to-end": ["--rate", 200, "--consumers", 2],
    }
    for kind, more in loads.items():
        words = command(broker.bootstrap, kind, *options, *more)
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert "requests/s" in process.stderr.readline()
        broker.process.send_signal(signal.SIGSTOP)
        try:
            report = json.loads(process.communicate(timeout=60)[0])
        finally:
            broker.process.send_signal(signal.SIGCONT)
        side = "end_to_end_" if kind == "end-to-end" else ""
        assert report[side + "unanswered"] > 0
        assert report[side + "max_ms"] > 2000


def test_refusals_have_kafkas_names_and_fail(node):
    topic = "bench-refused"
    words = [str(BINARY), "topic", "create", topic, "--partitions", "1"]
    words += ["--config", "max.message.bytes=1000", "-b", node.bootstrap]
    subprocess.run(words, check=True, capture_output=True)
    done = bench(
        node, "produce", *SHORT, "--json", "-t", topic, "-c", 1, "--record-size", 2000, status=1
    )
    report = json.loads(done.stdout)
    assert report["refused"] > 0 and set(report["errors"]) == {"MESSAGE_TOO_LARGE"}
    assert report["verdict"].startswith("errors: 100 %")
    assert "MESSAGE_TOO_LARGE" in done.stderr


def running(node, *options) -> subprocess.Popen:
    """A bench whose first second is over."""
    words = command(node.bootstrap, *options, "--progress", "--seconds", 600)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "requests/s" in process.stderr.readline()
    return process


@pytest.mark.parametrize("kind", ["produce", "consume", "end-to-end", "mixed"])
def test_ctrl_c_ends_it_with_a_report(node, kind):
    measured(node, "produce", "-t", "bench-stop", "-c", 1)
    process = running(node, kind, "-t", "bench-stop", "-c", 2, "--warm-up", 0)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT
    assert "verdict" in out and "latency" in out


@pytest.mark.parametrize("kind", ["produce", "consume", "mixed"])
def test_a_broker_that_dies_is_named(make_node, kind):
    broker = make_node()
    broker.start()
    measured(broker, "produce", "-t", "bench-dies", "-c", 1)
    process = running(broker, kind, "-t", "bench-dies", "-c", 2, "--warm-up", 0)
    broker.kill()
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"a connection to {broker.bootstrap} broke during the run" in errors
    assert "verdict     broken off" in out


def test_nobody_listens():
    words = command("127.0.0.1:1", "produce")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "cannot connect to 127.0.0.1:1" in done.stderr


@pytest.fixture
def sink(tmp_path):
    """A `karst bench sink`, with what a test needs of a node."""

    class Sink:
        log = tmp_path / "sink.log"

        def __init__(self):
            with open(self.log, "w") as log:
                words = [str(BINARY), "bench", "sink", "--partitions", "3"]
                self.process = subprocess.Popen(words, stdout=log, stderr=log)
            line = r"listening on (127\.0\.0\.1:\d+)\n"
            ready = lambda: re.search(line, self.log.read_text())  # noqa: E731
            self.bootstrap = eventually(ready, 30, "the sink listens")[1]

    made = Sink()
    yield made
    made.process.send_signal(signal.SIGTERM)
    assert made.process.wait(30) == 0


def test_the_sink_takes_and_gives(sink):
    if BROKER != "karst":
        pytest.skip("it is no broker's test")
    pid = ["--broker-pid", sink.process.pid]
    report = measured(sink, "produce", "-c", 4, "--records-per-batch", 64, *pid)
    assert report["refused"] == 0 and report["records_per_second"] > 0
    report = measured(sink, "consume", "-c", 2, *pid)
    assert report["refused"] == 0 and report["megabytes_per_second"] > 0
    assert records_in(sink, "any") == 3 * 16 * 64


def test_acknowledged_records_that_do_not_arrive_are_an_error(sink):
    """The sink acknowledges records and gives others."""
    if BROKER != "karst":
        pytest.skip("it is no broker's test")
    done = bench(sink, "end-to-end", *SHORT, "--json", "--rate", 20, "-c", 2, status=1)
    report = json.loads(done.stdout)
    assert report["readers_behind"] is False
    assert report["end_to_end_missing"] > 0 and report["end_to_end_records_per_second"] == 0
    assert re.search(r"\d+ acknowledged records had not arrived when it ended", done.stderr)
    assert "acknowledged and have not arrived" in report["verdict"]
