#!/usr/bin/env python3
"""Readers of what is on the disk only, beside a producer: how near they come to the device's own
speed, and what they cost the producer.

  bench/cold_fetch.py [--rounds 3] [--gigabytes 6] [--rate 2000] [--readers 8] [--cores 0]

In each round, on one broker with little memory: (1) the device's speed: the same segments read with
O_DIRECT, 1 MiB at a time, one after the other; (2) the producer alone, open loop; (3) the same
producer while consumers read another topic once, which is dropped from the page cache before, until
the producer is done; where they have read all before, that is said. Prints medians, and the two
figures that are wanted: at least 80 % of the device, and a p99 of the producer that changes by less
than 20 %. Needs build/release/karst; data goes under $TMPDIR, which should be on the disk to be
measured.
"""

import argparse
import json
import mmap
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "peers")]

import node  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
PARTITIONS = 8
MIB = 1 << 20
# Most of the cold topic must not fit into the tails, and its segments be sealed.
SETTINGS = ("karst.memory.bytes=268435456", "log.segment.bytes=134217728")


def say(what: str) -> None:
    print(f"cold_fetch: {what}", file=sys.stderr)


def cpu_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def bench(broker: node.Node, *options: str) -> subprocess.Popen:
    command = [str(node.BINARY), "bench", *options, "-b", broker.bootstrap, "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def report_of(running: subprocess.Popen, *statuses: int) -> dict:
    text, _ = running.communicate()
    if running.returncode not in (0, *statuses):
        sys.exit(f"{' '.join(running.args)} ended with {running.returncode}")
    return json.loads(text.splitlines()[-1])


def segments(broker: node.Node) -> list[pathlib.Path]:
    return sorted(broker.data.glob("cold-*/*.log"))


def fill(broker: node.Node, gigabytes: float) -> None:
    create = ["topic", "create", "cold", "--partitions", str(PARTITIONS), "-b", broker.bootstrap]
    subprocess.run([node.BINARY, *create], check=True, stdout=subprocess.DEVNULL)
    shape = ("--records-per-batch", "64", "--record-size", "1000", "--in-flight", "2")
    where = ("-t", "cold", "--partitions", str(PARTITIONS), "-c", str(PARTITIONS))
    while sum(part.stat().st_size for part in segments(broker)) < gigabytes * 1e9:
        report_of(bench(broker, "produce", *where, *shape, "--seconds", "2"))


def drop_from_cache(broker: node.Node) -> None:
    for part in segments(broker):
        file = os.open(part, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def device_speed(broker: node.Node, most: int = 2_000_000_000) -> float:
    """MB/s of direct reads of the same files, 1 MiB each, one at a time."""
    memory = mmap.mmap(-1, MIB)
    done = 0
    begin = time.monotonic()
    for part in segments(broker):
        file = os.open(part, os.O_RDONLY | os.O_DIRECT)
        size = part.stat().st_size
        for at in range(0, size - MIB, MIB):
            done += os.preadv(file, [memory], at)
        os.close(file)
        if done > most:
            break
    return done / 1e6 / (time.monotonic() - begin)


def produce(broker: node.Node, rate: int, seconds: float) -> subprocess.Popen:
    shape = ("-c", "32", "--record-size", "100", "--partitions", str(PARTITIONS))
    pace = ("--rate", str(rate), "--seconds", str(seconds))
    return bench(broker, "produce", "-t", "hot", *shape, *pace)


def measure(broker: node.Node, arguments: argparse.Namespace) -> dict:
    drop_from_cache(broker)
    speed = device_speed(broker)
    alone = report_of(produce(broker, arguments.rate, arguments.seconds))
    drop_from_cache(broker)
    before = cpu_seconds(broker.process.pid)
    beside = produce(broker, arguments.rate, arguments.seconds)
    time.sleep(0.5)  # it connects; its first second does not count
    shape = ("-t", "cold", "--partitions", str(PARTITIONS), "-c", str(arguments.readers))
    once = ("--mode", "once", "--warm-up", "0", "--seconds", "600")
    reading = bench(broker, "consume", *shape, *once)
    loaded = report_of(beside)
    if reading.poll() is None:
        reading.send_signal(signal.SIGINT)
    else:
        say("all was read before the producer ended: give it more --gigabytes")
    cold = report_of(reading, 128 + signal.SIGINT)
    used = cpu_seconds(broker.process.pid) - before
    return {
        "device MB/s": speed,
        "cold MB/s": cold["megabytes_per_second"],
        "share of the device, %": 100 * cold["megabytes_per_second"] / speed,
        "cold reading took, s": cold["seconds"],
        "producer alone p50, ms": alone["p50_ms"],
        "producer alone p99, ms": alone["p99_ms"],
        "producer beside p50, ms": loaded["p50_ms"],
        "producer beside p99, ms": loaded["p99_ms"],
        "change of p99, %": 100 * (loaded["p99_ms"] / alone["p99_ms"] - 1),
        "broker CPU s": used,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=6)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--cores", type=int, default=0, help="karst.cores; 0: all")
    arguments = parser.parse_args()
    settings = [*SETTINGS]
    if arguments.cores:
        settings.append(f"karst.cores={arguments.cores}")
    rounds = []
    with tempfile.TemporaryDirectory(prefix="karst-bench-") as directory:
        broker = node.Node(pathlib.Path(directory), *settings)
        broker.start()
        try:
            fill(broker, arguments.gigabytes)
            report_of(produce(broker, arguments.rate, 1))
            for number in range(arguments.rounds):
                rounds.append(measure(broker, arguments))
                told = ", ".join(f"{what} {value:.2f}" for what, value in rounds[-1].items())
                say(f"round {number + 1}: {told}")
        finally:
            broker.close()
    for what in rounds[0]:
        print(f"{what:28}{statistics.median(each[what] for each in rounds):10.2f}")


if __name__ == "__main__":
    main()
