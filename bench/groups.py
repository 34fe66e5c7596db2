#!/usr/bin/env python3
"""Groups on Karst and on Apache Kafka, side by side, interleaved, the same requests by hand.

  bench/groups.py [--rounds 3] [--brokers karst kafka-4.2 kafka-3.9]

  first record    a group that nobody knew: from FindCoordinator to the first record, one member
  rebalance       of 100 members when one more joins: from its JoinGroup to the last assignment;
                  members send a heartbeat every 20 ms, so that is the floor
  commits         OffsetCommit of one partition, 64 connections with one request in flight each.
                  Karst answers when it is on the disk, Kafka when it is in the page cache

Medians over the rounds. Both sides have group.initial.rebalance.delay.ms=0 (Kafka's default, 3000,
would be all of the first record). The client is Python on the same cores: commits/s are its limit
as much as the broker's. Needs build/release/karst (tools/build), a JDK and Maven.
"""

import argparse
import asyncio
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "peers")]

import group_wire as gw  # noqa: E402
import node  # noqa: E402
import wire  # noqa: E402

SETTINGS = ["group.initial.rebalance.delay.ms=0", "offsets.topic.replication.factor=1"]
MEMBERS, BEAT_SECONDS = 100, 0.02
COMMIT_CONNECTIONS, COMMIT_SECONDS = 64, 4
FRESH_GROUPS, REBALANCES = 20, 5


def prepare(broker: node.Node) -> None:
    def ready() -> bool:
        with wire.Connection(broker.port) as connection:
            code = wire.created(connection.send(wire.create_topic("topic")).answer())
            found = gw.find_error(connection.send(gw.find_coordinator("warm")).answer())
            return code in (0, 36) and found == 0

    node.eventually(ready, 60, "a topic and a coordinator")
    with wire.Connection(broker.port) as connection:
        connection.send(wire.produce("topic", wire.batch([b"first"]))).answer()


def first_record(broker: node.Node, group: str) -> float:
    """Seconds until a fresh group's only member has a record."""
    began = time.perf_counter()
    with wire.Connection(broker.port) as connection:
        while gw.find_error(connection.send(gw.find_coordinator(group)).answer()) != 0:
            time.sleep(0.005)
        while True:
            asked = gw.joined(connection.send(gw.join(group)).answer())
            if asked.error == gw.MEMBER_ID_REQUIRED:
                break
            time.sleep(0.005)
        member = gw.joined(connection.send(gw.join(group, asked.member)).answer())
        assignment = {member.member: b"a"}
        request = gw.sync(group, member.generation, member.member, assignment)
        assert gw.synced(connection.send(request).answer()) == (0, b"a")
        found = gw.fetched_offsets(
            connection.send(gw.fetch_offsets(group, [("topic", 0)])).answer()
        )
        assert found == (0, [-1])
        connection.send(wire.fetch("topic", 0, wait_ms=500)).answer()
        taken = time.perf_counter() - began
        connection.send(gw.leave(group, member.member)).answer()
        return taken


async def member_of(port: int, group: str, state: dict, stop: asyncio.Event) -> None:
    connection, member = gw.Asynchronous(port), ""
    while not stop.is_set():
        joined = gw.joined(await connection.ask(gw.join(group, member, rebalance_ms=60_000)))
        member = joined.member
        if joined.error != 0:
            continue
        assignments = {each: b"a" for each in joined.members}
        error, _ = gw.synced(
            await connection.ask(gw.sync(group, joined.generation, member, assignments))
        )
        if error != 0:
            continue
        state[member] = joined.generation
        while not stop.is_set():
            beat = gw.heartbeat(group, joined.generation, member)
            if gw.error_of(await connection.ask(beat)) != 0:
                break
            await asyncio.sleep(BEAT_SECONDS)
    connection.drop()


async def rebalances(port: int, group: str) -> float:
    """The median of seconds that a joining member costs a large group."""
    state: dict[str, int] = {}
    stop = asyncio.Event()
    members = [asyncio.create_task(member_of(port, group, state, stop)) for _ in range(MEMBERS)]

    async def settled(size: int) -> None:
        while not (len(state) == size and len(set(state.values())) == 1):
            await asyncio.sleep(0.001)

    await settled(MEMBERS)
    taken = []
    for extra in range(1, REBALANCES + 1):
        began = time.perf_counter()
        members.append(asyncio.create_task(member_of(port, group, state, stop)))
        await settled(MEMBERS + extra)
        taken.append(time.perf_counter() - began)
    stop.set()
    await asyncio.gather(*members)
    return statistics.median(taken)


async def commits(port: int) -> float:
    """Commits in a second."""
    done = 0
    end = time.perf_counter() + COMMIT_SECONDS

    async def commit(index: int) -> None:
        nonlocal done
        connection = gw.Asynchronous(port)
        request = gw.commit(f"commits-{index}", {("topic", 0): 1})
        while time.perf_counter() < end:
            assert gw.commit_errors(await connection.ask(request)) == [0]
            done += 1
        connection.drop()

    await asyncio.gather(*(commit(index) for index in range(COMMIT_CONNECTIONS)))
    return done / COMMIT_SECONDS


def measure(broker: node.Node, turn: int) -> dict[str, float]:
    fresh = [first_record(broker, f"fresh-{turn}-{i}") for i in range(FRESH_GROUPS)]
    return {
        "first record ms": 1e3 * statistics.median(fresh),
        "rebalance of 100 ms": 1e3 * asyncio.run(rebalances(broker.port, f"large-{turn}")),
        "commits/s": asyncio.run(commits(broker.port)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--brokers", nargs="+", default=["karst", "kafka-4.2", "kafka-3.9"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="karst-groups-") as name:
        brokers = {}
        for kind in arguments.brokers:
            port = 0 if kind == "karst" else node.stable_port(2)
            place = pathlib.Path(name) / kind
            brokers[kind] = node.Node(place, *SETTINGS, port=port, broker=kind)
        results: dict[str, list[dict[str, float]]] = {kind: [] for kind in brokers}
        try:
            for broker in brokers.values():
                prepare(broker.start())
            for turn in range(arguments.rounds + 1):  # the first warms up
                for kind, broker in brokers.items():
                    found = measure(broker, turn)
                    if turn > 0:
                        results[kind].append(found)
                    print(f"round {turn} of {arguments.rounds}: {kind} done", file=sys.stderr)
        finally:
            for broker in brokers.values():
                broker.close()
    for column in results[arguments.brokers[0]][0]:
        values = {k: statistics.median(r[column] for r in results[k]) for k in results}
        shown = "".join(f"{kind:>12} {value:9.2f}" for kind, value in values.items())
        print(f"{column:22}{shown}")


if __name__ == "__main__":
    main()
