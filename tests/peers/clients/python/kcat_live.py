"""kcat while its broker stops and dies, with the ledgers of JavaHammer and JavaMember.

    kcat_live.py hammer BOOTSTRAP TOPIC PARTITIONS LEDGER PAUSE_MS
    kcat_live.py member BOOTSTRAP GROUP TOPIC LEDGER

Each until stdin closes or says something. kcat commits by itself and does not say so.
"""

import re
import select
import subprocess
import sys
import threading
import time

QUICK = ["retry.backoff.ms=20", "reconnect.backoff.ms=20", "reconnect.backoff.max.ms=100"]
PRODUCER = ["enable.idempotence=true", "linger.ms=1", "message.timeout.ms=100000"]
MEMBER = [
    "auto.offset.reset=earliest",
    "session.timeout.ms=10000",
    "heartbeat.interval.ms=500",
    "auto.commit.interval.ms=200",
    "fetch.wait.max.ms=100",
]
# It ends by itself when no broker is left, unless it is told so.
PATIENT = "-E"
DELIVERED = re.compile(r"delivered to partition \d+ \(offset (-?\d+)\)")


def options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("-X", setting)]


def stopped() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


class Partition:
    """One kcat for each partition: its deliveries come in the order of its lines."""

    def __init__(self, bootstrap: str, topic: str, partition: int, partitions: int, ledger):
        command = ["kcat", "-P", "-b", bootstrap, "-t", topic, "-p", str(partition)]
        command += ["-vvv", PATIENT]
        self.process = subprocess.Popen(
            [*command, *options(*QUICK, *PRODUCER)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.reader = threading.Thread(target=self.read, args=(partition, partitions, ledger))
        self.reader.start()

    def read(self, partition: int, partitions: int, ledger) -> None:
        number = partition
        for line in self.process.stderr:
            if found := DELIVERED.search(line):
                ledger.write(f"ack {number} {partition} {found[1]}\n")
                number += partitions
            elif "failed" in line:
                print(line, end="", file=sys.stderr)

    def finish(self) -> int:
        self.process.stdin.close()
        status = self.process.wait(110)
        self.reader.join()
        return status


def hammer(bootstrap: str, topic: str, partitions: str, ledger_path: str, pause_ms: str) -> int:
    count = int(partitions)
    with open(ledger_path, "w", buffering=1) as ledger:
        senders = [Partition(bootstrap, topic, each, count, ledger) for each in range(count)]
        number = 0
        while not stopped():
            print(f"kcat {number:012}", file=senders[number % count].process.stdin, flush=True)
            number += 1
            time.sleep(int(pause_ms) / 1000)
        return max([sender.finish() for sender in senders])


def tell_assignments(stream, ledger) -> None:
    for line in stream:
        print(line, end="", file=sys.stderr)
        if "assigned: " in line:
            numbers = sorted(re.findall(r"\[(\d+)\]", line))
            ledger.write(f"assigned {' '.join(numbers)}\n")


def tell_records(stream, ledger) -> None:
    for line in stream:
        ledger.write("record " + line)


def member(bootstrap: str, group: str, topic: str, ledger_path: str) -> int:
    form = r"%p %o %s\n"
    command = ["kcat", "-b", bootstrap, *options(*QUICK, *MEMBER), "-u", "-f", form]
    command += [PATIENT, "-G", group]
    with open(ledger_path, "w", buffering=1) as ledger:
        process = subprocess.Popen(
            [*command, topic], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        readers = [
            threading.Thread(target=tell_records, args=(process.stdout, ledger)),
            threading.Thread(target=tell_assignments, args=(process.stderr, ledger)),
        ]
        for reader in readers:
            reader.start()
        select.select([sys.stdin], [], [])
        process.terminate()
        status = process.wait(30)
        for reader in readers:
            reader.join()
        return status


sys.exit({"hammer": hammer, "member": member}[sys.argv[1]](*sys.argv[2:]))
