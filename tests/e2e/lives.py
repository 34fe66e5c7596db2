"""A restart and a kill -9 of the broker while clients produce to it and consume in groups.

Many clients live through the same two ends of one broker; each has a topic and a group of its own.
"""

import pathlib

import bring
import groups
from clients import CLIENTS
from live import Hammer, Member
from node import Node
from tools import create_topic

PARTITIONS = 4
# Between two ends of the broker each client must get at least so far.
RECORDS_PER_LIFE = 120
NO_GROUPS = ("rskafka",)


class Pair:
    """A client's producer, and its member of a group, where it has groups."""

    def __init__(self, node: Node, name: str, directory: pathlib.Path):
        self.name, self.node = name, node
        self.topic, self.group = f"{name}-lives", f"{name}-lives-group"
        self.problem: BaseException | None = None
        self.seen: dict[int, int] = {}  # committed offsets, as another client saw them
        self.regressions: list[str] = []
        client, address = CLIENTS[name], (node.bootstrap, self.topic)
        create_topic(node, self.topic, PARTITIONS)
        ledger = directory / f"{name}-lives.hammer"
        self.hammer = Hammer(client, name, *address, PARTITIONS, ledger)
        reader = CLIENTS["confluent-kafka"] if name in NO_GROUPS else client
        ledger = directory / f"{name}-lives.member"
        self.member = Member(reader, name, node.bootstrap, self.group, self.topic, ledger)

    def advance(self) -> None:
        """Waits until both have got further."""
        sent, read = len(self.hammer.ledger("ack")), len(self.member.ledger("record"))
        self.hammer.wait_for("ack", sent + RECORDS_PER_LIFE)
        self.member.wait_for("record", read + RECORDS_PER_LIFE)

    def look(self) -> None:
        """No committed offset may be less than what was seen, or answered, before."""
        known = self.member.committed()
        now = groups.committed(self.node.bootstrap, self.group, self.topic, PARTITIONS)
        for partition in range(PARTITIONS):
            least = max(self.seen.get(partition, 0), known.get(partition, 0))
            if now.get(partition, 0) < least:
                self.regressions.append(f"{partition}: {least}, then {now.get(partition)}")
        self.seen = now

    def finish(self) -> None:
        acknowledged = self.hammer.acknowledged()
        what = f"all {len(acknowledged)} acknowledged records were read"
        self.member.until(lambda: self.member.numbers() >= acknowledged, what)
        ends = {}
        for partition, offset, _ in self.member.records():
            ends[partition] = max(ends.get(partition, 0), offset + 1)

        def all_committed() -> bool:
            self.look()
            return self.seen == ends

        self.member.until(all_committed, f"everything is committed, {ends}")
        self.member.finish()

    def outcome(self) -> dict:
        places: dict[int, set] = {}
        for partition, offset, number in self.member.records():
            places.setdefault(number, set()).add((partition, offset))
        twice = sum(len(each) > 1 for each in places.values())
        idempotent = CLIENTS[self.name].hammer_is_idempotent
        return {
            "acknowledged records lost": len(self.hammer.acknowledged() - set(places)),
            "records twice": twice if idempotent else "not asked",
            "committed offsets that went back": self.regressions,
        }

    def close(self) -> None:
        self.hammer.close()
        self.member.close()


def run(node: Node, names: list[str], directory: pathlib.Path) -> dict:
    """Each client's outcome, or the exception that was its end."""
    outcomes, pairs = {}, []
    for name in names:
        try:
            pairs.append(Pair(node, name, directory))
        except (bring.NotRun, AssertionError) as problem:
            outcomes[name] = problem

    def each(step) -> None:
        for pair in pairs:
            if pair.problem is None:
                try:
                    step(pair)
                except Exception as problem:
                    pair.problem = problem

    try:
        for end in (node.stop, node.kill):
            each(Pair.advance)
            each(Pair.look)
            end()
            node.start()
            each(Pair.look)
        each(Pair.advance)
        each(lambda pair: pair.hammer.tell())
        each(lambda pair: pair.hammer.wait(120))
        each(Pair.finish)
        for pair in pairs:
            outcomes[pair.name] = pair.problem or pair.outcome()
    finally:
        for pair in pairs:
            pair.close()
    return outcomes
