#!/usr/bin/env python3
"""How soon a parked fetch hears of a record, and what a large fetch session costs.

  bench/parked_fetch.py [karst] [kafka-3.9] [kafka-4.2] [--rounds N] [--partitions N]

For each broker, one after the other on a fresh data directory: the time from sending a produce
request (acks=all, one record of 100 bytes) to the answer of a fetch that was parked for it, beside
the time to the acknowledgement; then a session of many idle partitions: the time of an incremental
fetch that finds nothing, and the broker's CPU for it. The two requests travel by two connections of
this one process; nothing else runs. Karst acknowledges what is on the disk, Kafka what is in its
page cache: the two lines are not the same promise.
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "peers")]

import fetches  # noqa: E402
import wire  # noqa: E402
from fetches import Want  # noqa: E402
from node import Node, eventually, stable_port  # noqa: E402
from tools import create_topic  # noqa: E402

RECORDS = wire.batch([b"x" * 100])


def milliseconds(values: list[float]) -> str:
    ordered = sorted(values)
    share = {p: ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] for p in (50, 99)}
    return f"p50 {share[50] * 1000:.2f} ms, p99 {share[99] * 1000:.2f} ms"


def led(connection: wire.Connection, topic: str, partitions: int) -> None:
    wants = [Want(topic, index) for index in range(partitions)]
    eventually(
        lambda: all(p.error == 0 for p in fetches.ask(connection, wants).partitions),
        60,
        f"{topic} is led",
    )


def wake_up(node: Node, rounds: int) -> None:
    topic = create_topic(node, "wake", 1)
    woken, acknowledged = [], []
    with wire.Connection(node.port) as reader, wire.Connection(node.port) as writer:
        led(reader, topic, 1)
        for offset in range(rounds):
            reader.send(fetches.fetch([Want(topic, 0, offset)], least=1, wait_ms=10_000))
            time.sleep(0.005)  # parked by now
            begun = time.monotonic()
            writer.send(wire.produce(topic, RECORDS))
            answer = fetches.answer_of(reader.answer())
            woken.append(time.monotonic() - begun)
            writer.answer()
            acknowledged.append(time.monotonic() - begun)
            assert answer.one().records
    # The first tenth warms up.
    print(f"  parked fetch answered: {milliseconds(woken[rounds // 10:])}")
    print(f"  record acknowledged:   {milliseconds(acknowledged[rounds // 10:])}")


def cpu_seconds(process: int) -> float:
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def session(node: Node, partitions: int, rounds: int) -> None:
    topic = create_topic(node, "wide", partitions)
    with wire.Connection(node.port) as connection:
        led(connection, topic, partitions)
        wants = [Want(topic, index) for index in range(partitions)]
        made = fetches.ask(connection, wants, session=(0, 0))
        times, before = [], cpu_seconds(node.process.pid)
        for epoch in range(1, rounds + 1):
            begun = time.monotonic()
            answer = fetches.ask(connection, session=(made.session, epoch))
            times.append(time.monotonic() - begun)
            assert (answer.error, answer.partitions) == (0, [])
        cpu = (cpu_seconds(node.process.pid) - before) / rounds
    found = f"{milliseconds(times)}, CPU {cpu * 1000:.2f} ms"
    print(f"  session of {partitions} idle partitions: {found}")


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("brokers", nargs="*", default=["karst"])
    arguments.add_argument("--rounds", type=int, default=1000)
    arguments.add_argument("--partitions", type=int, default=1000)
    asked = arguments.parse_args()
    for broker in asked.brokers:
        with tempfile.TemporaryDirectory() as directory:
            port = stable_port(1 if broker == "karst" else 2)
            node = Node(pathlib.Path(directory) / "node", port=port, broker=broker)
            node.start()
            try:
                print(broker)
                wake_up(node, asked.rounds)
                session(node, asked.partitions, asked.rounds)
            finally:
                node.close()


if __name__ == "__main__":
    main()
