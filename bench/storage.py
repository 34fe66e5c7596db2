#!/usr/bin/env python3
"""What the storage engine costs: recovery, bytes and operations at the device, memory, groups.

  bench/storage.py [recovery] [writes] [groups] [--partitions 2000 10000] [--seconds 10]

recovery  every partition has data; ready after kill -9 and after a clean stop, bytes read for it,
          memory before any load and after it.
writes    bytes and operations that reach the device for the records of a load, up to the end of a
          clean stop: bulk, 1,000 sparse partitions, both together.
groups    journal writes per second, with one core and with two.
Counters of the device are the whole machine's: run it on a quiet one. Needs build/release/karst.
Data goes under a temporary directory of $TMPDIR, which should be on the disk to be measured.
"""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "peers")]

import node  # noqa: E402

SECTOR_BYTES = 512
MIB = 1 << 20
BULK = ["--connections", "4", "--in-flight", "4", "--records-per-batch", "64"]
BULK += ["--record-size", "1000"]
SPARSE = ["--connections", "32", "--record-size", "200", "--rate", "2000"]


def karst(*words) -> subprocess.CompletedProcess:
    command = [str(word) for word in (node.BINARY, *words)]
    return subprocess.run(command, check=True, capture_output=True, text=True)


def load(broker, topic: str, partitions: int, seconds: float, options: list) -> subprocess.Popen:
    words = ["bench", "produce", "--json", "--seconds", seconds, "-b", broker.bootstrap]
    words += ["--topic", topic, "--partitions", partitions, *options]
    command = [str(word) for word in (node.BINARY, *words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def report_of(running: subprocess.Popen) -> dict:
    out, _ = running.communicate()
    assert running.returncode == 0, out
    return json.loads(out)


def batch_bytes(report: dict) -> float:
    return report["megabytes_per_second"] * 1e6 / report["requests_per_second"]


def create(broker, topic: str, partitions: int) -> None:
    karst("topic", "create", topic, "--partitions", partitions, "-b", broker.bootstrap)


@contextlib.contextmanager
def fresh(*settings):
    with tempfile.TemporaryDirectory(prefix="karst-storage-") as directory:
        broker = node.Node(pathlib.Path(directory), *settings)
        try:
            yield broker
        finally:
            broker.close()


def status(pid: int, name: str) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def bytes_read(pid: int) -> int:
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("read_bytes")).split()[1])


def device_writes(path: pathlib.Path) -> tuple[int, int]:
    """Operations and bytes written so far at the device that holds `path`."""
    number = os.stat(path).st_dev
    entry = pathlib.Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
    fields = [int(field) for field in entry.read_text().split()]
    return fields[4], fields[6] * SECTOR_BYTES


def timed_start(broker) -> str:
    subprocess.run(["sync"], check=True)
    begun = time.monotonic()
    broker.start()
    took = time.monotonic() - begun
    pid = broker.process.pid
    return f"{took * 1000:6.0f} ms, {bytes_read(pid) / MIB:5.0f} MiB read"


def measure_recovery(partitions: int, seconds: float) -> None:
    with fresh() as broker:
        broker.start()
        empty = status(broker.process.pid, "VmRSS")
        create(broker, "many", partitions)
        made = status(broker.process.pid, "VmRSS")
        options = ["--connections", "64", "--record-size", "100"]
        written = report_of(load(broker, "many", partitions, seconds, options))
        broker.kill()
        killed = timed_start(broker)
        loaded = status(broker.process.pid, "VmRSS")
        begun = time.monotonic()
        broker.stop()
        stopped = time.monotonic() - begun
        clean = timed_start(broker)
        idle = status(broker.process.pid, "VmRSS")
        broker.stop()
    print(f"{partitions} partitions, {written['all_requests']} records in them")
    print(f"  ready after kill -9:     {killed}")
    print(f"  ready after clean stop:  {clean}; the stop took {stopped * 1000:.0f} ms")
    print(
        f"  memory: {empty / MIB:.1f} MiB empty, {made / MIB:.1f} with the partitions,"
        f" {loaded / MIB:.1f} after recovery, {idle / MIB:.1f} after a clean restart"
    )


def measure_writes(title: str, loads: list[tuple], seconds: float) -> None:
    with fresh() as broker:
        broker.start()
        for topic, partitions, _ in loads:
            create(broker, topic, partitions)
        # The journal's files are zeroed once, in the background.
        time.sleep(5)
        operations, written = device_writes(broker.data)
        running = [
            load(broker, topic, partitions, seconds, options)
            for topic, partitions, options in loads
        ]
        reports = [report_of(process) for process in running]
        broker.stop()
        subprocess.run(["sync"], check=True)
        operations_after, written_after = device_writes(broker.directory)
    count = sum(report["all_requests"] for report in reports)
    user = sum(report["all_requests"] * batch_bytes(report) for report in reports)
    operations = operations_after - operations
    print(
        f"{title}: {count} batches, {user / MIB:.0f} MiB in, {(written_after - written) / MIB:.0f}"
        f" MiB to the device ({(written_after - written) / user:.2f} times) in {operations}"
        f" operations ({operations / count:.3f} per batch)"
    )


def measure_groups(cores: int, seconds: float) -> None:
    with fresh(f"karst.cores={cores}") as broker:
        broker.start()
        create(broker, "groups", 8)
        options = ["--connections", "16", "--record-size", "100"]
        report_of(load(broker, "groups", 8, 3, options))
        operations, _ = device_writes(broker.data)
        report = report_of(load(broker, "groups", 8, seconds, options))
        operations = device_writes(broker.data)[0] - operations
    print(
        f"{cores} core(s): {operations / seconds:.0f} journal writes/s for"
        f" {report['requests_per_second']:.0f} durable batches/s, p99 {report['p99_ms']:.2f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["recovery", "writes", "groups"])
    parser.add_argument("--partitions", type=int, nargs="+", default=[2000, 10000])
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    if "recovery" in arguments.parts:
        for partitions in arguments.partitions:
            measure_recovery(partitions, arguments.seconds)
    bulk = ("bulk", 8, BULK)
    sparse = ("sparse", 1000, SPARSE)
    if "writes" in arguments.parts:
        measure_writes("bulk, 64 KB batches", [bulk], arguments.seconds)
        measure_writes("1,000 sparse partitions, 200 B", [sparse], arguments.seconds)
        measure_writes("both together", [bulk, sparse], arguments.seconds)
    if "groups" in arguments.parts:
        for cores in (1, 2):
            measure_groups(cores, arguments.seconds)


if __name__ == "__main__":
    main()
