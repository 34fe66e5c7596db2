#!/usr/bin/env python3
"""How Karst holds up along one axis at a time: load, producers, cores, the kernel's interface.

  bench/sweep.py [overload] [producers] [cores] [io] [sparse] [--rounds 3] [--seconds 10] [--json]

overload   capacity is what 64 connections with 8 requests of 100 B in flight get; then 50, 80, 100
           and 120 % of it are asked for at a fixed rate. Latency counts from when a request was
           due. Above capacity it grows, as clients are slowed; what is served must not shrink.
producers  400 batches of 16 KB in flight, from 1, 4, 50 and 400 connections
cores      karst.cores=1 against 2, with small requests and with 64 KB batches
io         karst.io=epoll against io_uring, the same
sparse     2,000 requests/s over 8 partitions against 10,000

Each on a fresh directory, interleaved, medians of the rounds. The load generator shares the
machine. Needs build/release/karst (tools/build). Data goes under a temporary directory of $TMPDIR.
"""

import argparse
import dataclasses
import json
import statistics
import sys

import measure
from measure import KARST, say

SMALL = {"connections": 64, "record-size": 100}
DEEP = {**SMALL, "in-flight": 8}
BULK = {"connections": 8, "in-flight": 2, "records-per-batch": 64, "record-size": 1000}
MEDIUM = {"records-per-batch": 16, "record-size": 1000}
IN_FLIGHT = {1: 400, 4: 100, 50: 8, 400: 1}
SHARES = (50, 80, 100, 120)
NEEDED_BYTES = 25_000_000_000


@dataclasses.dataclass(frozen=True)
class Variant:
    """One point on an axis: how Karst is set, and what it is asked for."""

    name: str
    load: dict
    settings: tuple[str, ...] = ()
    partitions: int = 8


def settings_axis(key: str, values: tuple) -> list[Variant]:
    loads = {"100 B, 64 connections": SMALL, "the same x 8 in flight": DEEP, "64 KB batches": BULK}
    return [
        Variant(f"{title}, {key}={value}", load, (f"{key}={value}",))
        for title, load in loads.items()
        for value in values
    ]


AXES = {
    "producers": [
        Variant(f"{count} producers", {"connections": count, "in-flight": depth, **MEDIUM})
        for count, depth in IN_FLIGHT.items()
    ],
    "cores": settings_axis("karst.cores", (1, 2)),
    "io": settings_axis("karst.io", ("epoll", "io_uring")),
    "sparse": [
        Variant(f"{count} partitions", {**SMALL, "rate": 2000}, (), count) for count in (8, 10_000)
    ],
}
FIGURES = {
    "requests_per_second": ("req/s", 0),
    "megabytes_per_second": ("MB/s", 1),
    "p50_ms": ("p50 ms", 2),
    "p99_ms": ("p99 ms", 2),
    "broker_cpu_us_per_request": ("CPU us", 1),
    "broker_cpu_seconds_per_gb": ("CPU s/GB", 2),
    "rss_mb": ("RSS MB", 0),
}


def run(broker: measure.Broker, variant: Variant, asked: argparse.Namespace) -> dict:
    """A topic of its own, removed when it is measured."""
    topic = f"sweep-{len(variant.name)}-{variant.load.get('rate', 0):.0f}"
    measure.create(broker, topic, variant.partitions)
    times = {"seconds": asked.seconds, "warm-up": asked.warm_up}
    report = measure.load("produce", broker, topic, variant.partitions, {**variant.load, **times})
    report["rss_mb"] = measure.resident_bytes(broker.pid) / 1e6
    measure.remove(broker, topic)
    return report


def run_fresh(variant: Variant, asked: argparse.Namespace) -> dict:
    with measure.fresh(KARST, *variant.settings) as broker:
        broker.start()
        return run(broker, variant, asked)


def overload(asked: argparse.Namespace) -> dict[str, dict]:
    """One broker for all shares of a round, as its capacity is what they are shares of."""
    with measure.fresh(KARST) as broker:
        broker.start()
        run(broker, Variant("what every broker does once", DEEP), asked)
        found = {"capacity": run(broker, Variant("capacity", DEEP), asked)}
        capacity = found["capacity"]["requests_per_second"]
        for share in SHARES:
            name = f"{share} % of capacity"
            load = {**DEEP, "rate": round(capacity * share / 100)}
            found[name] = run(broker, Variant(name, load), asked)
    return found


def one_round(part: str, asked: argparse.Namespace) -> dict[str, dict]:
    if part == "overload":
        return overload(asked)
    return {variant.name: run_fresh(variant, asked) for variant in AXES[part]}


def medians(rounds: list[dict[str, dict]]) -> dict[str, dict]:
    return {
        name: {key: median([one[name][key] for one in rounds]) for key in FIGURES}
        for name in rounds[0]
    }


def median(values: list[float | None]) -> float | None:
    """None where a round does not know the figure: it is not 0."""
    return None if None in values else statistics.median(values)


def verdict(part: str, found: dict[str, dict]) -> str:
    if part == "overload":
        capacity = found["capacity"]["requests_per_second"]
        served = found[f"{SHARES[-1]} % of capacity"]["requests_per_second"]
        return f"at {SHARES[-1]} % of capacity {100 * served / capacity:.0f} % of it is served"
    if part == "producers":
        rates = [figures["megabytes_per_second"] for figures in found.values()]
        return f"the slowest is {100 * (1 - min(rates) / max(rates)):.0f} % below the fastest"
    return ""


def table(part: str, found: dict[str, dict]) -> str:
    lines = [f"{part:44}" + "".join(f"{title:>11}" for title, _ in FIGURES.values())]
    for name, figures in found.items():
        cells = (cell(figures[key], decimals) for key, (_, decimals) in FIGURES.items())
        lines.append(f"{name:44}" + "".join(cells))
    return "\n".join([*lines, verdict(part, found), ""])


def cell(value: float | None, decimals: int) -> str:
    return f"{'-':>11}" if value is None else f"{value:11.{decimals}f}"


def main() -> None:
    parts = ["overload", *AXES]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=parts, metavar="PART")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm-up", type=float, default=3)
    parser.add_argument("--json", action="store_true", help="JSON instead of tables")
    asked = parser.parse_args()
    if wrong := [part for part in asked.parts if part not in parts]:
        parser.error(f"there is no part '{wrong[0]}'; there are: {' '.join(parts)}")
    if asked.rounds < 1:
        parser.error("--rounds is at least 1")
    measure.require(False, NEEDED_BYTES)
    everything = {}
    for part in asked.parts:
        rounds = []
        for number in range(1, asked.rounds + 1):
            say(f"sweep: {part}, round {number} of {asked.rounds}")
            rounds.append(one_round(part, asked))
        everything[part] = medians(rounds)
        if not asked.json:
            print(table(part, everything[part]))
            sys.stdout.flush()
    if asked.json:
        print(json.dumps(everything))


if __name__ == "__main__":
    main()
