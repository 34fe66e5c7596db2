"""Programs that live through the death of their broker, and the ledgers that they keep."""

import collections
import pathlib
import subprocess

from node import eventually

# Between two records of a hammer.
PAUSE_MS = 4


class Live:
    """One process of a client: it goes on until its stdin closes, and then ends by itself."""

    def __init__(self, name: str, command: list[str], ledger: pathlib.Path):
        self.name = name
        self.ledger_path = ledger
        self.errors_path = ledger.with_suffix(".errors")
        self.ledger_path.touch()
        self.lines: list[list[str]] = []
        self.read_to = 0  # bytes of the ledger
        with open(self.errors_path, "w") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=errors, stderr=errors
            )

    def ledger(self, word: str) -> list[list[str]]:
        """The ledger's lines of this kind, without the word."""
        with open(self.ledger_path, "rb") as ledger:
            ledger.seek(self.read_to)
            whole, _, _ = ledger.read().rpartition(b"\n")
        if whole:
            self.read_to += len(whole) + 1
            self.lines += [line.split(maxsplit=3) for line in whole.decode().splitlines()]
        return [rest for first, *rest in self.lines if first == word]

    def wait_for(self, word: str, count: int, seconds: float = 60) -> None:
        self.until(lambda: len(self.ledger(word)) >= count, f"{count} lines of {word}", seconds)

    def until(self, check, what: str, seconds: float = 60) -> None:
        try:
            eventually(lambda: check() or self.check_alive(), seconds, what, every=0.05)
        except AssertionError as late:
            raise AssertionError(f"{self.name}: {late}; it said {self.errors()}") from None

    def check_alive(self) -> None:
        if self.process.poll() not in (None, 0):
            raise AssertionError(f"ended with {self.process.returncode}")

    def errors(self) -> str:
        return self.errors_path.read_text(errors="replace")[-2000:]

    def finish(self) -> None:
        self.tell()
        self.wait()

    def tell(self) -> None:
        if not self.process.stdin.closed:
            self.process.stdin.close()

    def wait(self, seconds: float = 60) -> None:
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} did not end within {seconds} s; it said {self.errors()}"
            ) from None
        assert status == 0, f"{self.name} ended with {status}; it said {self.errors()}"

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Hammer(Live):
    """A producer that counts; see JavaHammer."""

    def __init__(self, client, name, bootstrap: str, topic: str, partitions: int, ledger):
        command = client.hammer(bootstrap, topic, partitions, ledger, PAUSE_MS)
        super().__init__(f"the producer of {name}", command, ledger)

    def acknowledged(self) -> set[int]:
        return {int(number) for number, *_ in self.ledger("ack")}


class Member(Live):
    """A member of a group; see JavaMember."""

    def __init__(self, client, name, bootstrap: str, group: str, topic: str, ledger):
        command = client.member(bootstrap, group, topic, ledger)
        super().__init__(f"the member {name}", command, ledger)

    def records(self) -> list[tuple[int, int, int]]:
        """Partition, offset and number of each record, as the member read them."""
        return [
            (int(partition), int(offset), int(value.split()[1]))
            for partition, offset, value in self.ledger("record")
        ]

    def numbers(self) -> set[int]:
        return {number for _, _, number in self.records()}

    def ranges(self) -> dict[str, list[int]]:
        """Of each partition the first and the last offset that the member read, and how many."""
        offsets = collections.defaultdict(list)
        for partition, offset, _ in self.records():
            offsets[str(partition)].append(offset)
        return {key: [min(all), max(all), len(all)] for key, all in sorted(offsets.items())}

    def committed(self) -> dict[int, int]:
        """Of each partition the highest offset whose commit was answered, if the client says so."""
        highest: dict[int, int] = {}
        for partition, offset in self.ledger("committed"):
            highest[int(partition)] = max(highest.get(int(partition), 0), int(offset))
        return highest
