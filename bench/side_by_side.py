#!/usr/bin/env python3
"""Karst beside Apache Kafka under the same produce loads: medians, both durabilities stated.

  bench/side_by_side.py [--rounds 3] [--seconds 8] [--warm-up 8] [--kafka 4.2]

Rounds are interleaved; in each, a fresh broker takes each load once for the warm-up's length (a JVM
compiles, Karst touches its memory for the first time), which does not count, and then for the
measurement. Needs build/release/karst (tools/build) and, for Kafka, a JDK and Maven.
Data goes under a temporary directory of $TMPDIR, which should be on the disk to be measured. CPU is
what the broker's process used, in user and kernel; the load generator shares the machine.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "peers")]

import node  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
PARTITIONS = 8

LOADS = {
    "100 B records, 64 connections, 1 in flight": [
        *("--connections", "64", "--record-size", "100"),
    ],
    "64 KB batches, 8 connections, 4 in flight": [
        *("--connections", "8", "--in-flight", "4"),
        *("--records-per-batch", "64", "--record-size", "1000"),
    ],
}


def brokers(kafka: str) -> dict[str, tuple[str, list[str]]]:
    return {
        "karst (ack = on disk)": ("karst", []),
        f"kafka {kafka} (ack = page cache)": (f"kafka-{kafka}", []),
        f"kafka {kafka} (flush.messages=1: ack = on disk)": (
            f"kafka-{kafka}",
            ["log.flush.interval.messages=1"],
        ),
    }


def cpu_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def bench(seconds: float, options: list[str]) -> dict:
    command = [node.BINARY, "bench", "produce", "--json", "--seconds", str(seconds), *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def measure(
    kind: str, settings: list[str], seconds: float, warm_up: float, directory: pathlib.Path
) -> dict:
    """One broker, started afresh, under every load."""
    node.BROKER = kind
    broker = node.Node(directory, *settings)
    broker.start()
    results = {}
    try:
        for number, (load, options) in enumerate(LOADS.items()):
            at = ["-b", broker.bootstrap]
            topic = f"load-{number}"
            create = ["topic", "create", topic, "--partitions", str(PARTITIONS), *at]
            subprocess.run([node.BINARY, *create], check=True, stdout=subprocess.DEVNULL)
            target = [*at, "--topic", topic, "--partitions", str(PARTITIONS)]
            if warm_up > 0:
                bench(warm_up, [*target, *options])
            before = cpu_seconds(broker.process.pid)
            report = bench(seconds, [*target, *options])
            # The load's first moments are in the CPU, so they are in the requests that divide it.
            report["cpu_seconds"] = cpu_seconds(broker.process.pid) - before
            results[load] = report
    finally:
        broker.close()
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--warm-up", type=float, default=8)
    parser.add_argument("--kafka", default="4.2", choices=("3.9", "4.2"))
    arguments = parser.parse_args()
    candidates = brokers(arguments.kafka)
    rounds: dict[tuple[str, str], list[dict]] = {}
    with tempfile.TemporaryDirectory(prefix="karst-bench-") as directory:
        for number in range(arguments.rounds):
            for name, (kind, settings) in candidates.items():
                print(f"round {number + 1} of {arguments.rounds}: {name}", file=sys.stderr)
                place = pathlib.Path(directory) / f"{number}-{kind}-{len(settings)}"
                measured = measure(kind, settings, arguments.seconds, arguments.warm_up, place)
                for load, report in measured.items():
                    rounds.setdefault((load, name), []).append(report)
                subprocess.run(["rm", "-rf", place], check=True)
    for load in LOADS:
        print(f"\n{load} (medians of {arguments.rounds} rounds)")
        print(f"{'':50}{'req/s':>9}{'MB/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU us/req':>12}")
        for name in candidates:
            reports = rounds[load, name]
            columns = [
                statistics.median(report[key] for report in reports)
                for key in ("requests_per_second", "megabytes_per_second", "p50_ms", "p99_ms")
            ]
            cpu = statistics.median(
                1e6 * report["cpu_seconds"] / max(1, report["all_requests"]) for report in reports
            )
            rate, megabytes, p50, p99 = columns
            print(f"{name:50}{rate:9.0f}{megabytes:9.1f}{p50:9.2f}{p99:9.2f}{cpu:12.1f}")


if __name__ == "__main__":
    main()
