"""bench/compare's figures as the page that is bench/RESULTS.md."""

import argparse
import time

import measure
from measure import KAFKA, KARST
from compare_rows import FLUSHING, KAFKA_SETTINGS, Column, Scenario, medians

TITLES = {
    KARST: "Karst",
    KAFKA: "Kafka 4.2, page cache",
    FLUSHING: "Kafka 4.2, flush each",
}
# Less than this, and a JVM has not compiled what it runs, nor does a median mean much.
ROUNDS_LEAST = 3
WARM_UP_LEAST = 8
# The load generator has one core. From this share of it on, it may be what limited the broker.
GENERATOR_FULL = 0.9
GENERATOR_CAUTION = "(*) The load generator took 90 % of its core or more: the broker may do more."
CAUTION = """
**A short run, to see it work: Kafka's JVM is not warm after so little, and single rounds vary. Its
ratios are no claim.**
"""
# The kernel's own setting. With far more, each first touch of a memory-mapped file fills that much
# page cache, and Kafka maps two index files of 10 MiB for each partition: with 8 MiB here, 1,000
# partitions took it to 165 requests/s.
READ_AHEAD_USUAL_KB = 128
READ_AHEAD_CAUTION = (
    "the device reads ahead {kb} KB (/sys/block/*/queue/read_ahead_kb), which Kafka's memory-mapped"
    " indexes suffer from with many partitions; 128, the kernel's own, is fair to it"
)
ABOUT = """\
# Karst beside Apache Kafka 4.2

Made by `bench/compare`; run it to have the same table of another machine. Medians of {rounds}
round(s) of {seconds:g} s after {warm_up:g} s of warm-up each, the candidates in turn, another one
first in each round, each on a fresh directory. {made}.
{caution}
An answer to acks=all means: Karst, the records are on the disk, written with O_DIRECT and flushed;
Kafka with its defaults, they are in the page cache of this one broker and a power cut loses them;
Kafka with log.flush.interval.messages=1, they are on the disk. The load generator shares the
machine with the broker. CPU is the broker's, user and system.
"""


def number(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}"


def cell(columns: tuple[Column, ...], reports: list[dict] | None, rounds: int) -> str:
    """The medians; None: the candidate does not take this row."""
    if reports is None:
        return "-"
    figures = medians(reports)
    there = [column for column in columns if column.key in figures]
    parts = [f"{number(figures[one.key], one.decimals)} {one.unit}" for one in there]
    text = "; ".join(parts).replace(" /s", "/s") or "-"
    if figures.get("own_cpu_share", 0) >= GENERATOR_FULL:
        text += " (*)"
    if len(reports) < rounds:
        text += f" ({len(reports)} of {rounds} rounds)"
    return text


def ratios(row: Scenario, ours: dict, theirs: dict) -> str:
    each = [ratio(column, ours, theirs) for column in row.columns[: row.compared]]
    return ", ".join(each) if set(each) != {"-"} else "-"


def ratio(column: Column, ours: dict, theirs: dict) -> str:
    """How many times better we are in a figure."""
    if column.key not in ours or column.key not in theirs:
        return "-"
    better, worse = ours[column.key], theirs[column.key]
    if not column.more_is_better:
        better, worse = worse, better
    # Memory may even have shrunk: that is no ratio.
    return f"{better / worse:.1f}x" if better > 0 and worse > 0 else "-"


def table(rows: list[Scenario], candidates: list[str], found: dict, rounds: int) -> list[str]:
    """`found` has the reports of each row and candidate, one for each round that did not fail."""
    others = [candidate for candidate in candidates if candidate != KARST]
    heads = ["scenario", *(TITLES[candidate] for candidate in candidates)]
    heads += [f"to {TITLES[other].split(', ')[1]}" for other in others] + ["the bar"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        of = {one: found.get((row.name, one)) for one in candidates}
        figures = {one: medians(reports or []) for one, reports in of.items()}
        cells = [row.title, *(cell(row.columns, of[one], rounds) for one in candidates)]
        cells += [ratios(row, figures[KARST], figures[other]) for other in others]
        lines.append("| " + " | ".join([*cells, row.bar]) + " |")
    if any("(*)" in line for line in lines):
        lines += ["", GENERATOR_CAUTION]
    return lines


def settings(candidates: list[str]) -> list[str]:
    small = "cold data with karst.memory.bytes=256 MiB, so that it is cold"
    lines = ["", "## Settings", "", f"- Karst: defaults; {small}."]
    if KAFKA in candidates:
        heap, own = " ".join(measure.KAFKA_HEAP), ", ".join(KAFKA_SETTINGS)
        lines += [
            "- Kafka 4.2, page cache: defaults but group.initial.rebalance.delay.ms=0, heap"
            f" {heap}, G1; one process is broker and controller; replication factor 1. {own}, so"
            " that what a row wrote is gone soon after it.",
            "- Kafka 4.2, flush each: the same, and log.flush.interval.messages=1.",
        ]
    lines += [
        "- Topics have 8 partitions where nothing else is said, one replica, no compression.",
        "- The ratio is of a row's first figure (of the Java tools, one for each), how many times"
        " better Karst is; where less is better, inverted.",
        "- (n of m rounds): the row failed in the others.",
    ]
    return lines


def text(
    rows: list[Scenario],
    candidates: list[str],
    found: dict,
    asked: argparse.Namespace,
    rounds: int,
    host: dict[str, str],
) -> str:
    made = time.strftime("Made on %Y-%m-%d %H:%M UTC", time.gmtime())
    short = rounds < ROUNDS_LEAST or asked.warm_up < WARM_UP_LEAST
    about = ABOUT.format(
        rounds=rounds,
        seconds=asked.seconds,
        warm_up=asked.warm_up,
        made=made,
        caution=CAUTION if short else "",
    )
    lines = [about, "## Host", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in host.items()]
    read_ahead = measure.read_ahead_kb()
    if KAFKA in candidates and read_ahead > READ_AHEAD_USUAL_KB:
        lines += ["", f"Mind that {READ_AHEAD_CAUTION.format(kb=read_ahead)}."]
    lines += ["", "## Table", "", *table(rows, candidates, found, rounds), *settings(candidates)]
    return "\n".join(lines) + "\n"
