"""bench/compare's figures as the page that is bench/RESULTS.md."""

import argparse
import time

import measure
from measure import KAFKA, KARST
from compare_rows import KAFKA_SETTINGS, Column, Scenario

TITLES = {
    KARST: "Karst",
    KAFKA: "Kafka 4.2, page cache",
    f"{KAFKA}-flush": "Kafka 4.2, flush each",
}
# Less than this, and a JVM has not compiled what it runs, nor does a median mean much.
ROUNDS_LEAST = 3
WARM_UP_LEAST = 8
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
round(s) of {seconds:g} s after {warm_up:g} s of warm-up each, the candidates in turn, each on a
fresh directory in each round. {made}.
{caution}
An answer to acks=all means: Karst, the records are on the disk, written with O_DIRECT and flushed;
Kafka with its defaults, they are in the page cache of this one broker and a power cut loses them;
Kafka with log.flush.interval.messages=1, they are on the disk. The load generator shares the
machine with the broker. CPU is the broker's, user and system.
"""


def number(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}"


def cell(columns: tuple[Column, ...], figures: dict | None) -> str:
    if not figures:
        return "-"
    there = [column for column in columns if column.key in figures]
    parts = [f"{number(figures[one.key], one.decimals)} {one.unit}" for one in there]
    return "; ".join(parts).replace(" /s", "/s") or "-"


def ratio(column: Column, ours: dict | None, theirs: dict | None) -> str:
    """How many times better we are in a row's first figure."""
    if not ours or not theirs or column.key not in ours or column.key not in theirs:
        return "-"
    better, worse = ours[column.key], theirs[column.key]
    if not column.more_is_better:
        better, worse = worse, better
    return f"{better / worse:.1f}x" if worse else "-"


def table(rows: list[Scenario], candidates: list[str], found: dict) -> list[str]:
    others = [candidate for candidate in candidates if candidate != KARST]
    heads = ["scenario", *(TITLES[candidate] for candidate in candidates)]
    heads += [f"to {TITLES[other].split(', ')[1]}" for other in others] + ["the bar"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        ours = found.get((row.name, KARST))
        cells = [row.title]
        cells += [cell(row.columns, found.get((row.name, one))) for one in candidates]
        cells += [ratio(row.columns[0], ours, found.get((row.name, other))) for other in others]
        lines.append("| " + " | ".join([*cells, row.bar]) + " |")
    return lines


def settings(candidates: list[str]) -> list[str]:
    lines = ["", "## Settings", "", "- Karst: defaults."]
    if KAFKA in candidates:
        heap, own = " ".join(measure.KAFKA_HEAP), ", ".join(KAFKA_SETTINGS)
        lines += [
            f"- Kafka 4.2, page cache: defaults, heap {heap}, G1; one process is broker and"
            f" controller; replication factor 1. {own}, so that what a row wrote is gone soon after"
            " it.",
            "- Kafka 4.2, flush each: the same, and log.flush.interval.messages=1.",
        ]
    lines += [
        "- Topics have 8 partitions where nothing else is said, one replica, no compression.",
        "- The ratio is of a row's first figure, how many times better Karst is; where less is"
        " better, inverted.",
    ]
    return lines


def text(
    rows: list[Scenario], candidates: list[str], found: dict, asked: argparse.Namespace, rounds: int
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
    lines += [f"| {name} | {value} |" for name, value in measure.host().items()]
    read_ahead = measure.read_ahead_kb()
    if KAFKA in candidates and read_ahead > READ_AHEAD_USUAL_KB:
        lines += ["", f"Mind that {READ_AHEAD_CAUTION.format(kb=read_ahead)}."]
    lines += ["", "## Table", "", *table(rows, candidates, found), *settings(candidates)]
    return "\n".join(lines) + "\n"
