#!/usr/bin/env python3
"""Compaction of the same records by Karst and Apache Kafka 3.9: speed, memory, produce beside it.

  bench/compaction.py [--megabytes 1000] [--keys 200000] [--codecs none zstd] [--brokers ...]
                      [--segment-seconds 75]

Everything lies in one active segment, which neither compacts, until its segment.ms has passed; then
the next record rolls it, and from there to the moment in which cleaner-offset-checkpoint names its
end is the time of the compaction: reading it twice, and writing what remains. Memory is the
process's resident set before and its peak during it; a JVM that has touched its heap before shows
less than it takes. Beside it runs a load on another topic at a fixed rate, in a quiet window before
and in one that begins with the compaction. Needs build/release/karst (tools/build), kcat, a JDK and
Maven. Data goes under a temporary directory of $TMPDIR, which should be on the disk to be measured.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "peers")]

import node  # noqa: E402
import wire  # noqa: E402

MIB = 1 << 20
VALUE_BYTES = 500
WINDOW_SECONDS = 3
LOAD = ["--connections", "32", "--record-size", "100", "--rate", "1000"]
TOPIC = "compacted"


def write_records(path: pathlib.Path, megabytes: int, keys: int) -> int:
    """Lines of a key and a text that codecs halve; returns how many."""
    chance = random.Random(1)
    words = [f"{chance.getrandbits(32):08x} the log " for _ in range(4096)]
    count = megabytes * 1_000_000 // VALUE_BYTES
    with open(path, "w") as out:
        for _ in range(count):
            body = "".join(chance.choices(words, k=VALUE_BYTES // 17))
            out.write(f"key-{chance.randrange(keys):08}:{body}\n")
    return count


def resident(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def create(broker: node.Node, name: str, configs: dict[str, str]) -> None:
    def created() -> bool:
        # Kafka answers before it has found itself: no broker for the replica.
        with wire.Connection(broker.port) as connection:
            answer = connection.send(wire.create_topic(name, 1, configs)).answer()
            return wire.created(answer) == 0

    node.eventually(created, 30, f"{name} is created", every=0.2)


def kcat(broker: node.Node, *arguments, stdin=None) -> None:
    command = ["kcat", "-P", "-b", broker.bootstrap, "-t", TOPIC, "-p", "0", "-K", ":"]
    subprocess.run([*command, *arguments], check=True, stdin=stdin, stderr=subprocess.DEVNULL)


def start_load(broker: node.Node) -> subprocess.Popen:
    command = [node.BINARY, "bench", "produce", "--json", "--seconds", str(WINDOW_SECONDS)]
    command += ["-b", broker.bootstrap, "--topic", "beside", "--partitions", "1", *LOAD]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def p99_of(load: subprocess.Popen) -> float:
    return json.loads(load.communicate()[0])["p99_ms"]


def measure(
    kind: str, directory: pathlib.Path, records: pathlib.Path, codec: str, segment_seconds: int
) -> dict:
    settings = ["log.cleaner.backoff.ms=50", "log.retention.check.interval.ms=3600000"]
    broker = node.Node(directory, *settings, broker=kind)
    broker.start()
    try:
        create(broker, "beside", {})
        configs = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01"}
        configs |= {"segment.bytes": str(2**31 - 1), "segment.ms": str(segment_seconds * 1000)}
        create(broker, TOPIC, configs)
        began = time.monotonic()
        kcat(broker, "-z", codec, "-l", str(records))
        loaded = time.monotonic() - began
        assert loaded < segment_seconds - 5, f"loading took {loaded:.0f} s: use fewer megabytes"
        segment = next((broker.data / f"{TOPIC}-0").glob("*.log"))
        size = sum(path.stat().st_size for path in segment.parent.glob("*.log"))
        p99_of(start_load(broker))
        time.sleep(max(0, segment_seconds - 2 * WINDOW_SECONDS - (time.monotonic() - began)))
        quiet = p99_of(start_load(broker))
        time.sleep(max(0, segment_seconds + 2 - (time.monotonic() - began)))
        before = peak = resident(broker.process.pid)
        beside = start_load(broker)
        # Karst makes the next segment's file first, and rolls at the record after.
        while len(list(segment.parent.glob("*.log"))) < 2:
            one = subprocess.Popen(["echo", "last:one"], stdout=subprocess.PIPE)
            kcat(broker, stdin=one.stdout)
        start = time.monotonic()
        checkpoint = broker.data / "cleaner-offset-checkpoint"
        while not (checkpoint.exists() and f"{TOPIC} 0 " in checkpoint.read_text()):
            peak = max(peak, resident(broker.process.pid))
            assert time.monotonic() - start < 300, "not compacted within 300 s"
            time.sleep(0.02)
        seconds = time.monotonic() - start
        busy = p99_of(beside)
        left = sum(path.stat().st_size for path in segment.parent.glob("*.log"))
        return {
            "MB": size / 1e6,
            "left MB": left / 1e6,
            "seconds": seconds,
            "MB/s": size / 1e6 / seconds,
            "RSS before MiB": before / MIB,
            "RSS peak MiB": peak / MIB,
            "grown MiB": (peak - before) / MIB,
            "p99 ms quiet": quiet,
            "p99 ms beside": busy,
        }
    finally:
        broker.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--keys", type=int, default=200_000)
    parser.add_argument("--codecs", nargs="+", default=["none", "zstd"])
    parser.add_argument("--brokers", nargs="+", default=["karst", "kafka-3.9"])
    parser.add_argument("--segment-seconds", type=int, default=75, help="loading must take less")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="karst-compaction-") as name:
        place = pathlib.Path(name)
        records = place / "records"
        count = write_records(records, arguments.megabytes, arguments.keys)
        print(f"{count} records of {arguments.keys} keys")
        for codec in arguments.codecs:
            for kind in arguments.brokers:
                directory = place / f"{kind}-{codec}"
                result = measure(kind, directory, records, codec, arguments.segment_seconds)
                columns = "  ".join(f"{key} {value:.2f}" for key, value in result.items())
                print(f"{codec:6} {kind:10} {columns}", flush=True)
                subprocess.run(["rm", "-rf", directory], check=True)


if __name__ == "__main__":
    main()
