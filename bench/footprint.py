#!/usr/bin/env python3
"""What a broker takes to be there: time to start, memory, idle connections.

  bench/footprint.py [start] [recovery] [memory] [connections] [--kafka] [--rounds 3] [--json]

start        from exec on an empty directory to "karst ready" (Kafka: to its first answer)
recovery     from exec after kill -9, every one of 2,000 partitions with data, until a fetch of each
             is answered without an error
memory       RSS idle, and with 2,000 and 10,000 partitions with data after a restart that recovers
connections  10,000 connections that each asked for the API's versions once and are silent since:
             RSS each, the kernel's memory each (sockets of both ends, as client and broker share
             the machine), and p99 of 64 active connections without them and with them, in turn

Medians of the rounds. Needs build/release/karst (tools/build); --kafka runs Apache Kafka 4.2 with a
heap of 4 GB beside it and needs a JDK and Maven. Data goes under a temporary directory of $TMPDIR.
"""

import argparse
import json
import resource
import socket
import statistics
import struct
import time

import measure
from measure import KAFKA, KARST, say

import fetches  # noqa: E402
import wire  # noqa: E402
from fetches import Want  # noqa: E402

PARTS = ("start", "recovery", "memory", "connections")
# Every broker has the same data, at a rate that each can keep: what is in memory is counted.
FILL_REQUESTS = 100_000
FILL_SECONDS = 4
ACTIVE = {"connections": 64, "record-size": 100}
# Large requests that name every partition take a while; this is no measurement of them.
ASKED_AT_ONCE = 1000


def fill(broker: measure.Broker, topic: str, partitions: int) -> None:
    """Creates the topic and writes a record batch to every partition, then FILL_REQUESTS more."""
    measure.create(broker, topic, partitions)
    batch = wire.batch([b"x" * 100])
    with wire.Connection(broker.port) as connection:
        for first in range(0, partitions, 500):
            indexes = range(first, min(first + 500, partitions))
            connection.send(produce_to(topic, indexes, batch))
            answer = connection.answer()
            codes = produced_codes(answer, topic, len(indexes))
            while any(codes):  # Kafka leads a new partition a moment after it said that it is made
                connection.send(produce_to(topic, indexes, batch))
                codes = produced_codes(connection.answer(), topic, len(indexes))
    options = {"connections": 64, "record-size": 100, "seconds": FILL_SECONDS, "warm-up": 0}
    options["rate"] = FILL_REQUESTS / FILL_SECONDS
    measure.load("produce", broker, topic, partitions, options)


def produce_to(topic: str, indexes: range, batch: bytes) -> bytes:
    body = wire.text(None) + struct.pack(">hii", -1, 30_000, 1) + wire.text(topic)
    body += struct.pack(">i", len(indexes))
    for index in indexes:
        body += struct.pack(">ii", index, len(batch)) + batch
    return wire.frame(wire.header(wire.PRODUCE, 8) + body)


def produced_codes(answer: bytes, topic: str, count: int) -> list[int]:
    """The error codes of a Produce v8 answer; every partition of ours has the same size in it."""
    at = 4 + 4 + 2 + len(topic) + 4
    codes = []
    for _ in range(count):
        codes.append(struct.unpack_from(">h", answer, at + 4)[0])
        if codes[-1] != 0:
            return codes
        at += struct.calcsize(">ihqqqih")
    return codes


def all_served(broker: measure.Broker, topic: str, partitions: int) -> bool:
    """Whether a fetch of the first record of every partition succeeds."""
    try:
        with wire.Connection(broker.port) as connection:
            for first in range(0, partitions, ASKED_AT_ONCE):
                indexes = range(first, min(first + ASKED_AT_ONCE, partitions))
                wants = [Want(topic, index, 0, most=1) for index in indexes]
                found = fetches.ask(connection, wants).partitions
                if len(found) < len(wants) or any(partition.error for partition in found):
                    return False
    except (OSError, AssertionError, struct.error):
        return False
    return True


def until_served(broker: measure.Broker, topic: str, partitions: int) -> float:
    """Seconds from exec until all is served."""
    begun = time.monotonic()
    broker.start()
    while not all_served(broker, topic, partitions):
        assert time.monotonic() - begun < 300, "not all partitions are served within 300 s"
        time.sleep(0.005)
    return time.monotonic() - begun


def measure_start(kind: str) -> dict:
    with measure.fresh(kind) as broker:
        seconds = broker.timed_start()
        time.sleep(1)
        return {"start_ms": seconds * 1000, "rss_idle_mb": megabytes(broker)}


def megabytes(broker: measure.Broker) -> float:
    return measure.resident_bytes(broker.pid) / 1e6


def measure_partitions(kind: str, partitions: int) -> dict:
    """Data in each partition, kill -9, restart; what that took, and the memory then."""
    with measure.fresh(kind) as broker:
        broker.start()
        fill(broker, "many", partitions)
        broker.kill()
        seconds = until_served(broker, "many", partitions)
        time.sleep(2)
        return {
            f"recovery_{partitions}_s": seconds,
            f"rss_{partitions}_mb": megabytes(broker),
        }


# --- connections


def silent_connections(broker: measure.Broker, count: int) -> list[socket.socket]:
    """Opens them, each a client that said hello and has nothing to say since."""
    made = []
    hello = wire.api_versions()
    for _ in range(count):
        made.append(socket.create_connection(("127.0.0.1", broker.port)))
        made[-1].sendall(hello)
        if len(made) % 500 == 0:
            for each in made[-500:]:
                assert each.recv(4096), "the broker closed a connection"
    return made


def raise_descriptor_limit(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise SystemExit(
                f"footprint: {wanted} connections need as many descriptors, and the limit is"
                f" {hard}; raise it (ulimit -Hn), or take fewer with --idle"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def measure_connections(kind: str, count: int, seconds: float, turns: int) -> dict:
    raise_descriptor_limit(count + 200)
    with measure.fresh(kind) as broker:
        broker.start()
        measure.create(broker, "active", 8)

        def active() -> dict:
            return measure.load("produce", broker, "active", 8, {**ACTIVE, "seconds": seconds})

        active()  # memory that every broker touches once
        if kind == KAFKA:
            active()  # and its JVM compiles
        alone, beside = [], []
        cost = {}
        for turn in range(turns):
            # A broker gets faster for a while: each comes first in turn.
            if turn % 2 == 0:
                alone.append(active())
            kernel = measure.meminfo("Slab") + measure.socket_memory()
            resident = measure.resident_bytes(broker.pid)
            silent = silent_connections(broker, count)
            time.sleep(1)
            if turn == 0:
                # The second time the broker's allocator has the first time's memory already.
                cost["bytes_per_connection"] = (
                    measure.resident_bytes(broker.pid) - resident
                ) / count
                now = measure.meminfo("Slab") + measure.socket_memory()
                cost["kernel_bytes_per_connection"] = (now - kernel) / count
            beside.append(active())
            for each in silent:
                each.close()
            time.sleep(1)
            if turn % 2 == 1:
                alone.append(active())
    for name in ("p99_ms", "broker_cpu_us_per_request"):
        cost[f"{name}_alone"] = statistics.median(report[name] for report in alone)
        cost[f"{name}_beside"] = statistics.median(report[name] for report in beside)
    cost["p99_change_percent"] = 100 * (cost["p99_ms_beside"] / cost["p99_ms_alone"] - 1)
    return cost


# --- all of it

BARS = {
    "start_ms": ("start on an empty directory, ms", 50),
    "recovery_2000_s": ("restart after kill -9, 2,000 partitions, s", 1),
    "rss_idle_mb": ("RSS idle, MB", 25),
    "rss_2000_mb": ("RSS with 2,000 partitions, MB", 80),
    "rss_10000_mb": ("RSS with 10,000 partitions, MB", 250),
    "bytes_per_connection": ("an idle connection, bytes of RSS", 8192),
    "kernel_bytes_per_connection": ("the same, kernel memory of both ends", None),
    "p99_ms_alone": ("p99 of 64 active connections alone, ms", None),
    "p99_ms_beside": ("the same beside the idle ones, ms", None),
    "p99_change_percent": ("change of p99, %", 10),
    "broker_cpu_us_per_request_alone": ("CPU of a request alone, us", None),
    "broker_cpu_us_per_request_beside": ("the same beside the idle ones, us", None),
}


def one_round(kind: str, parts: list[str], asked: argparse.Namespace) -> dict:
    found = {}
    if "start" in parts:
        found |= measure_start(kind)
    if "recovery" in parts or "memory" in parts:
        found |= measure_partitions(kind, 2000)
    if "memory" in parts and kind == KARST:
        found |= measure_partitions(kind, 10_000)
    if "connections" in parts:
        found |= measure_connections(kind, asked.idle, asked.seconds, asked.turns)
    return found


def measured(kinds: list[str], parts: list[str], asked: argparse.Namespace) -> dict[str, dict]:
    """Medians by broker; rounds are interleaved."""
    rounds: dict[str, list[dict]] = {kind: [] for kind in kinds}
    for number in range(asked.rounds):
        for kind in kinds:
            say(f"footprint: round {number + 1} of {asked.rounds}, {kind}")
            rounds[kind].append(one_round(kind, parts, asked))
    return {
        kind: {key: statistics.median(one[key] for one in all_of) for key in all_of[0]}
        for kind, all_of in rounds.items()
    }


def table(found: dict[str, dict]) -> str:
    lines = [f"{'':46}{'bar':>10}" + "".join(f"{kind:>12}" for kind in found)]
    for key, (title, bar) in BARS.items():
        if not any(key in values for values in found.values()):
            continue
        cells = "".join(
            f"{values[key]:12.2f}" if key in values else f"{'-':>12}" for values in found.values()
        )
        lines.append(f"{title:46}{bar if bar is not None else '':>10}{cells}")
    return "\n".join(lines)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART")
    parser.add_argument("--kafka", action="store_true", help="Apache Kafka 4.2 beside it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=10_000, help="connections (default 10,000)")
    parser.add_argument("--seconds", type=float, default=5, help="of each load beside them")
    parser.add_argument("--turns", type=int, default=3, help="loads without and with them")
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    return parser


def main() -> None:
    parser = arguments()
    asked = parser.parse_args()
    if wrong := [part for part in asked.parts if part not in PARTS]:
        parser.error(f"there is no part '{wrong[0]}'; there are: {' '.join(PARTS)}")
    measure.require(asked.kafka, 10_000_000_000)
    kinds = [KARST, KAFKA] if asked.kafka else [KARST]
    found = measured(kinds, asked.parts, asked)
    print(json.dumps(found) if asked.json else table(found))


if __name__ == "__main__":
    main()
