#!/usr/bin/env python3
"""Whether Karst after half an hour is Karst after a minute: half load, past retention's start.

  bench/endurance.py [--minutes 30] [--step 60] [--share 50] [--json]

Capacity is measured first; then that share of it is written at a fixed rate, 16 KB batches over 64
connections, to a topic that keeps 256 MiB a partition, so that segments are deleted from the first
minutes on; karst.memory.bytes=1 GiB, so that the readers' cache is full by then. For each step (a
minute): throughput, p50, p99, p99.9 as one run of `karst bench` measured them, and the most of the
broker's memory, open descriptors, files, bytes on the disk.
Said at the end, and makes the exit status 1: a step that was served less than 98 % of the rate,
requests that were refused, more than 0.1 % that had no answer when their step ended, and what grows
or gets slower (p50, p99, p99.9) between the first third behind retention's start and the last.
Needs build/release/karst (tools/build).
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import sys
import threading

import measure
from measure import KARST, say

PARTITIONS = 8
MIB = 1 << 20
KEPT = 256 * MIB
SEGMENT = 32 * MIB
LOAD = {"connections": 64, "records-per-batch": 16, "record-size": 1000}
# Small memory, so that the tails have filled their half of it long before the first third ends.
SETTINGS = ("log.retention.check.interval.ms=5000", f"karst.memory.bytes={1024 * MIB}")
NEEDED_BYTES = 25_000_000_000
# Of the rate that is asked for. Below it the load is another than in the other steps.
SERVED_LEAST = 0.98
# Of all that were due. Whenever a step ends, some are due that wait for a connection.
UNANSWERED_MOST = 0.001
# What may differ between the thirds: latencies on a shared disk wander, most so the few that are
# beyond p99.9; memory follows the tails, and segments come and go.
MOST = {
    "p50_ms": 1.5,
    "p99_ms": 1.5,
    "p999_ms": 2,
    "rss_mb": 1.1,
    "descriptors": 1.1,
    "files": 1.25,
    "disk_mb": 1.25,
}
TITLES = {
    "requests_per_second": "req/s",
    "megabytes_per_second": "MB/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "p999_ms": "p99.9 ms",
    "rss_mb": "RSS MB",
    "descriptors": "fds",
    "files": "files",
    "disk_mb": "disk MB",
    "deleted": "deleting",
}


def disk_use(place: pathlib.Path) -> tuple[int, int, int]:
    """Files, bytes that they take, and the lowest offset of a segment: not 0 once one is gone."""
    files = taken = 0
    lowest = []
    for directory, _, names in os.walk(place):
        offsets = [int(name[:-4]) for name in names if name.endswith(".log") and name[:1].isdigit()]
        if offsets and "endurance" in directory:
            lowest.append(min(offsets))
        for name in names:
            try:
                taken += os.stat(os.path.join(directory, name)).st_blocks * 512
                files += 1
            except FileNotFoundError:
                continue  # deleted meanwhile
    return files, taken, min(lowest, default=0)


def step(broker: measure.Broker, rate: float, seconds: float) -> dict:
    options = {**LOAD, "rate": rate, "seconds": seconds, "warm-up": min(0.5, seconds / 10)}
    over = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as watcher:
        watched = watcher.submit(most_used, broker, over)
        try:
            report = measure.load("produce", broker, "endurance", PARTITIONS, options)
        finally:
            over.set()
        return report | watched.result()


def most_used(broker: measure.Broker, over: threading.Event) -> dict:
    """The most of a step, looked at each second: retention comes in waves, and a single look would
    meet another part of one each time."""
    most: dict[str, float] = {}
    while True:
        files, taken, lowest = disk_use(broker.data)
        now = {
            "rss_mb": measure.resident_bytes(broker.pid) / 1e6,
            "descriptors": measure.descriptors(broker.pid),
            "files": files,
            "disk_mb": taken / 1e6,
            "deleted": 1 if lowest > 0 else 0,
        }
        most = {key: max(value, most.get(key, 0)) for key, value in now.items()}
        if over.wait(1):
            return most


def line(number: int, report: dict) -> str:
    return f"{number:5}" + "".join(f"{report[key]:10.1f}" for key in TITLES)


def complaints(steps: list[dict], rate: float) -> list[str]:
    return [*not_served(steps, rate), *grown(steps)]


def not_served(steps: list[dict], rate: float) -> list[str]:
    """Steps and requests that did not have what was asked for."""
    found = []
    for number, report in enumerate(steps, 1):
        served = report["requests_per_second"]
        if served < SERVED_LEAST * rate:
            found.append(f"step {number} was served {served:.0f} of {rate:.0f} requests/s")
    if refused := sum(report["refused"] for report in steps):
        found.append(f"{refused} requests were refused")
    unanswered = sum(report["unanswered"] for report in steps)
    due = unanswered + sum(report["all_requests"] for report in steps)
    if unanswered > UNANSWERED_MOST * due:
        found.append(f"{unanswered} of {due} requests had no answer when their step ended")
    return found


def grown(steps: list[dict]) -> list[str]:
    """What is worse in the last third than in the first, once retention deletes."""
    steps = [report for report in steps if report["deleted"]]
    third = len(steps) // 3
    if third == 0:
        return ["retention did not start, or too late to compare; give it more --minutes"]
    found = []
    for key, most in MOST.items():
        first = statistics.median(report[key] for report in steps[:third])
        last = statistics.median(report[key] for report in steps[-third:])
        if last > most * first:
            found.append(f"{TITLES[key]} grew from {first:.1f} to {last:.1f}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--step", type=float, default=60, help="seconds of each line")
    parser.add_argument("--share", type=float, default=50, help="percent of the capacity")
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    asked = parser.parse_args()
    measure.require(False, NEEDED_BYTES)
    steps: list[dict] = []
    with measure.fresh(KARST, *SETTINGS) as broker:
        broker.start()
        words = ["topic", "create", "endurance", "--partitions", PARTITIONS]
        words += ["--config", f"retention.bytes={KEPT}", "--config", f"segment.bytes={SEGMENT}"]
        words += ["--config", "file.delete.delay.ms=1000", "-b", broker.bootstrap]
        measure.karst(*words)
        capacity = measure.load(
            "produce", broker, "endurance", PARTITIONS, {**LOAD, "seconds": min(10, asked.step)}
        )["requests_per_second"]
        rate = capacity * asked.share / 100
        say(f"endurance: capacity {capacity:.0f} requests/s; {rate:.0f}/s from now on")
        if not asked.json:
            print(f"{'step':>5}" + "".join(f"{title:>10}" for title in TITLES.values()))
        for number in range(1, max(1, round(asked.minutes * 60 / asked.step)) + 1):
            steps.append(step(broker, rate, asked.step))
            if not asked.json:
                print(line(number, steps[-1]), flush=True)
    wrong = complaints(steps, rate)
    if asked.json:
        print(json.dumps({"steps": steps, "complaints": wrong}))
    else:
        print("\n".join(wrong or ["all served, no step, no growth"]))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
