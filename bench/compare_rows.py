"""The rows of bench/compare: what is asked of a broker, and how."""

import contextlib
import dataclasses
import pathlib
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import footprint
import measure
from measure import KAFKA, KARST, Broker, say

import peers

FLUSHING = f"{KAFKA}-flush"

# A topic's data goes when its row is measured. Kafka removes files a minute after the topic unless
# it is told otherwise; by then the next rows would have filled the disk.
KAFKA_SETTINGS = ["log.segment.delete.delay.ms=1000"]
SMALL = {"record-size": 100}
BATCHES_64_KB = {"records-per-batch": 64, "record-size": 1000}
# Just below what Kafka accepts by default (message.max.bytes, 1,048,588).
BATCHES_1_MB = {"records-per-batch": 1000, "record-size": 1024}
PARTITIONS = 8
# Of the data that is fetched again and again: it fits in each side's cache.
CACHED_BYTES = 1_000_000_000
# A broker that takes less than the rate is given this many times the time that it should need.
FILL_TRIES = 20
JAVA_RECORD_BYTES = 1000


@dataclasses.dataclass(frozen=True)
class Column:
    """One figure of a row."""

    key: str
    unit: str
    more_is_better: bool = True
    decimals: int = 0


RATE = Column("requests_per_second", "/s")
MEGABYTES = Column("megabytes_per_second", "MB/s")
P50 = Column("p50_ms", "ms p50", False, 2)
P99 = Column("p99_ms", "ms p99", False, 2)
CPU_EACH = Column("broker_cpu_us_per_request", "us CPU each", False, 1)
CPU_GB = Column("broker_cpu_seconds_per_gb", "CPU-s/GB", False, 2)


@dataclasses.dataclass(frozen=True)
class Asked:
    """How long a row is measured."""

    seconds: float
    warm_up: float
    quick: bool = False


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str  # for --only
    title: str
    columns: tuple[Column, ...]
    run: Callable[[Broker, Asked], dict]
    bar: str
    seconds: Callable[[Asked], float]  # about how long one run takes
    kafka: bool = True  # whether there is a Kafka to compare with
    flush: bool = True  # and one that flushes, which would not differ
    own_broker: bool = False  # starts brokers itself: `run` gets one that is not started
    compared: int = 1  # of the columns, from the first: those with a ratio


@contextlib.contextmanager
def own_topic(broker: Broker, partitions: int):
    """A topic of its own for each run. It goes when the run fails, too: the next rows share its
    broker and the disk."""
    name = f"compare-{time.monotonic_ns()}"
    try:
        measure.create(broker, name, partitions)
        yield name
    except Exception:
        # What failed first is what is told in the end.
        try:
            measure.remove(broker, name)
        except (RuntimeError, AssertionError, OSError) as wrong:
            say(f"compare: {name}, whose row failed, is not removed: {str(wrong)[-500:]}")
        raise
    measure.remove(broker, name)


def loaded(broker: Broker, kind: str, topic: str, partitions: int, options: dict, asked: Asked):
    """One run; its warm-up, for JIT, caches and memory that is touched first, does not count."""
    times = {"seconds": asked.seconds, "warm-up": asked.warm_up}
    return measure.load(kind, broker, topic, partitions, {**options, **times})


def produce(options: dict, partitions: int = PARTITIONS) -> Callable[[Broker, Asked], dict]:
    def run(broker: Broker, asked: Asked) -> dict:
        with own_topic(broker, partitions) as topic:
            return loaded(broker, "produce", topic, partitions, options, asked)

    return run


def warmth(asked: Asked) -> float:
    """Seconds after which a JVM has compiled most of what the rows run."""
    return 3 if asked.quick else 20


def warm_jvm(broker: Broker, seconds: float) -> None:
    options = {"connections": 64, "in-flight": 4, **SMALL, "seconds": seconds}
    with own_topic(broker, PARTITIONS) as topic:
        measure.load("produce", broker, topic, PARTITIONS, options)


def fill(broker: Broker, topic: str, wanted: float, seconds: float) -> None:
    """Writes `wanted` bytes, in `seconds` if the broker keeps up, else until they are there: each
    candidate is to read as much."""
    batch_bytes = BATCHES_64_KB["records-per-batch"] * BATCHES_64_KB["record-size"]
    options = {"connections": 8, **BATCHES_64_KB, "seconds": seconds, "warm-up": 0}
    written = 0
    for _ in range(FILL_TRIES):
        options["rate"] = max(1, round((wanted - written) / batch_bytes / seconds))
        written += measure.load("produce", broker, topic, PARTITIONS, options)["all_bytes"]
        # The last batches may be on their way when a load ends.
        if written >= 0.99 * wanted:
            return
    raise RuntimeError(f"{written / 1e6:.0f} of {wanted / 1e6:.0f} MB after {FILL_TRIES} fills")


def fetch_cached(broker: Broker, asked: Asked) -> dict:
    with own_topic(broker, PARTITIONS) as topic:
        if asked.quick:
            fill(broker, topic, CACHED_BYTES / 10, 2)
        else:
            fill(broker, topic, CACHED_BYTES, 8)
        return loaded(broker, "consume", topic, PARTITIONS, {"connections": 8}, asked)


def cold_fetch(broker: Broker, asked: Asked) -> dict:
    """By a script of its own, which takes a broker with little memory."""
    script = pathlib.Path(__file__).with_name("cold_fetch.py")
    command = [sys.executable, str(script), "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{script.name}: {done.stdout}{done.stderr}")
    wanted = {
        "device_share_percent": "share of the device, %",
        "cold_mb": "cold MB/s",
        "p99_change_percent": "change of p99, %",
    }
    number = r"\s+(-?[\d.]+)$"
    return {key: figures(done.stdout, re.escape(what) + number)[0] for key, what in wanted.items()}


def footprint_of(parts: list[str]) -> Callable[[Broker, Asked], dict]:
    def run(broker: Broker, asked: Asked) -> dict:
        turns = "1" if asked.quick else "2"
        words = [*parts, "--seconds", str(min(asked.seconds, 5)), "--turns", turns]
        wanted = footprint.arguments().parse_args(words)
        return footprint.one_round(broker.broker, parts, wanted)

    return run


# --- Kafka's own tools, with the JVM's own settings as Kafka's scripts have them


def java(tool: str, *arguments) -> str:
    """Runs one of Kafka's tools, warm enough to matter: not with the settings for short lives."""
    command = ["java", "-Xms512m", "-Xmx512m", "-XX:+UseG1GC", "-cp", peers.class_path("4.2")]
    command += [peers.tool_class("4.2", tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{tool}: {done.stdout}{done.stderr}")
    return done.stdout


def figures(text: str, pattern: str) -> list[float]:
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise RuntimeError(f"this tool's output has no {pattern}: {text}")
    return [float(group) for group in found.groups()]


def java_records(asked: Asked) -> int:
    return 200_000 if asked.quick else 1_000_000


def java_tools(broker: Broker, asked: Asked) -> dict:
    with own_topic(broker, PARTITIONS) as topic:
        report = java_throughput(broker, topic, java_records(asked))
    with own_topic(broker, 1) as topic:
        return report | java_latency(broker, topic, 1000 if asked.quick else 10_000)


def java_throughput(broker: Broker, topic: str, count: int) -> dict:
    server = ["--bootstrap-server", broker.bootstrap]
    words = [*server, "--topic", topic, "--num-records", count, "--throughput", -1]
    words += ["--record-size", JAVA_RECORD_BYTES, "--warmup-records", count // 10]
    out = java("producer-perf-test", *words, "--command-property", "acks=all")
    # "... records/sec (113.20 MB/sec), ... ms avg latency, ...": the last line is the whole run
    # behind its warm-up.
    rates = re.findall(r"\(([\d.]+) MB/sec\)", out)
    report = {"java_produce_mb": float(rates[-1]) * 1.048576}
    out = java("consumer-perf-test", *server, "--topic", topic, "--num-records", count)
    # start, end, MB in all, MB/sec, messages in all, messages/sec, rebalance ms, fetch ms, MB/sec
    # while it fetched, messages/sec of it
    row = [part.strip() for part in out.strip().splitlines()[-1].split(",")]
    report["java_consume_mb"] = float(row[3]) * 1.048576
    report["java_fetch_mb"] = float(row[8]) * 1.048576
    return report


def java_latency(broker: Broker, topic: str, messages: int) -> dict:
    out = java("e2e-latency", broker.bootstrap, topic, messages, "all", 100)
    (average,) = figures(out, r"Avg latency: ([\d.]+) ms")
    p50, p99 = figures(out, r"Percentiles: 50th = ([\d.]+), 99th = ([\d.]+)")
    return {"e2e_avg_ms": average, "e2e_p50_ms": p50, "e2e_p99_ms": p99}


def twice(asked: Asked) -> float:
    return asked.seconds + asked.warm_up + 4


SCENARIOS = [
    Scenario(
        "small-16",
        "100 B, 16 connections, 1 in flight",
        (RATE, P99, CPU_EACH),
        produce({"connections": 16, **SMALL}),
        ">= 44,000/s",
        twice,
    ),
    Scenario(
        "small-64",
        "100 B, 64 connections",
        (RATE, P99, CPU_EACH),
        produce({"connections": 64, **SMALL}),
        ">= 85,000/s, p99 <= 2.5 ms, <= 12 us CPU each",
        twice,
    ),
    Scenario(
        "small-64x8",
        "100 B, 64 connections x 8 in flight",
        (RATE, P99, CPU_EACH),
        produce({"connections": 64, "in-flight": 8, **SMALL}),
        ">= 400,000/s",
        twice,
    ),
    Scenario(
        "partitions",
        "1,000 partitions, 64 connections",
        (RATE, P99, CPU_EACH),
        produce({"connections": 64, **SMALL}, 1000),
        ">= 80,000/s, p99 <= 3 ms",
        twice,
    ),
    Scenario(
        "open-loop",
        "2,000/s open loop, 32 connections",
        (P50, P99, RATE),
        produce({"connections": 32, "rate": 2000, **SMALL}),
        "p50 <= 0.3 ms, p99 <= 1.0 ms",
        twice,
    ),
    Scenario(
        "bulk-64k",
        "64 KB batches of 1 KB records, 8 connections x 2",
        (MEGABYTES, P99, CPU_GB),
        produce({"connections": 8, "in-flight": 2, **BATCHES_64_KB}),
        ">= 900 MB/s, <= 0.6 CPU-s/GB",
        twice,
    ),
    Scenario(
        "bulk-1m",
        "1 MB batches, 8 connections x 2",
        (MEGABYTES, P99, CPU_GB),
        produce({"connections": 8, "in-flight": 2, **BATCHES_1_MB}),
        ">= 1,000 MB/s",
        twice,
    ),
    Scenario(
        "fetch-cached",
        "fetch of cached data, 8 connections",
        (MEGABYTES, P99, CPU_GB),
        fetch_cached,
        ">= 4,000 MB/s, <= 0.3 CPU-s/GB",
        lambda asked: twice(asked) + 10,
    ),
    Scenario(
        "fetch-cold",
        "fetch of cold data beside a producer",
        (
            Column("device_share_percent", "% of the device"),
            Column("cold_mb", "MB/s"),
            Column("p99_change_percent", "% more p99 for the producer", False),
        ),
        cold_fetch,
        ">= 80 % of the device, p99 changes < 20 %",
        lambda asked: 120,
        kafka=False,
        own_broker=True,
    ),
    Scenario(
        "start",
        "start on an empty directory; RSS idle",
        (Column("start_ms", "ms", False), Column("rss_idle_mb", "MB", False)),
        footprint_of(["start"]),
        "50 ms; 25 MB",
        lambda asked: 6,
        flush=False,
        own_broker=True,
    ),
    Scenario(
        "recovery",
        "kill -9 with 2,000 partitions with data; RSS then, and with 10,000",
        (
            Column("recovery_2000_s", "s until all are served", False, 2),
            Column("rss_2000_mb", "MB", False),
            Column("rss_10000_mb", "MB with 10,000", False),
        ),
        footprint_of(["recovery", "memory"]),
        "1 s; 80 MB; 250 MB",
        lambda asked: 60,
        flush=False,
        own_broker=True,
    ),
    Scenario(
        "idle",
        "10,000 idle connections beside 64 active",
        (
            Column("bytes_per_connection", "B of RSS each", False),
            Column("kernel_bytes_per_connection", "B of the kernel's, both ends", False),
            Column("p99_change_percent", "% more p99", False),
        ),
        footprint_of(["connections"]),
        "<= 8,192 B each, p99 changes < 10 %",
        lambda asked: 50,
        flush=False,
        own_broker=True,
    ),
    Scenario(
        "java",
        "Java producer-perf-test, consumer-perf-test, e2e-latency",
        (
            Column("java_produce_mb", "MB/s written"),
            Column("java_consume_mb", "MB/s read"),
            # Its percentiles are whole milliseconds.
            Column("e2e_avg_ms", "ms e2e on average", False, 2),
            Column("e2e_p99_ms", "ms e2e p99", False),
        ),
        java_tools,
        "better than Kafka in the same run, all three",
        lambda asked: 20 if asked.quick else 50,
        compared=3,
    ),
]


def medians(reports: list[dict]) -> dict:
    """Of each figure that every round has: null is none."""
    found = {}
    for key in reports[0] if reports else ():
        values = [report.get(key) for report in reports]
        if all(isinstance(value, int | float) for value in values):
            found[key] = statistics.median(values)
    return found


def takes(scenario: Scenario, candidate: str) -> bool:
    if candidate == KARST:
        return True
    return scenario.kafka and (scenario.flush or candidate != FLUSHING)


def settings_of(candidate: str) -> tuple[str, list[str]]:
    """The broker and its settings by the candidate's name."""
    if candidate == KARST:
        return KARST, []
    flushing = ["log.flush.interval.messages=1"] if candidate == FLUSHING else []
    return KAFKA, [*KAFKA_SETTINGS, *flushing]
