"""Groups under storms: very many members, coordinators that die in every state, and giant input."""

import asyncio
import collections
import random
import time

import group_wire as gw
import pytest
import wire
from node import BROKER, eventually
from steady import resident_mib
from wire import Connection

MEMBERS = 1_000
SESSION_MS, REBALANCE_MS = 6_000, 30_000
BEAT_SECONDS = 1.0


class Group:
    """What members were told, held against what a group may never do."""

    def __init__(self, name: str, size: int):
        self.name, self.size = name, size
        self.leaders: dict[int, set[str]] = collections.defaultdict(set)
        self.seen: dict[str, int] = {}  # the newest generation of each member
        self.longest_join = self.longest_sync = 0.0
        self.stable: dict[str, int] = {}  # generation in which a member has its assignment
        self.failures: list[str] = []

    def note(self, member: str, generation: int, leader: str) -> None:
        if generation < self.seen.get(member, 0):
            self.failures.append(f"{member}: {generation} after {self.seen[member]}")
        self.seen[member] = generation
        self.leaders[generation].add(leader)

    def settled(self, size: int) -> bool:
        return len(self.stable) == size and len(set(self.stable.values())) == 1


async def run_member(port: int, group: Group, stop: asyncio.Event, gate: asyncio.Semaphore):
    """A member as clients are: joins, syncs, beats, joins again when told to."""
    connection, member = gw.Asynchronous(port), ""
    while not stop.is_set():
        began = time.monotonic()
        async with gate if not member else _open():
            answer = gw.joined(
                await connection.ask(
                    gw.join(group.name, member, session_ms=SESSION_MS, rebalance_ms=REBALANCE_MS)
                )
            )
        if answer.error in (gw.MEMBER_ID_REQUIRED, gw.UNKNOWN_MEMBER):
            member = answer.member if answer.error == gw.MEMBER_ID_REQUIRED else ""
            continue
        if answer.error != 0:
            group.failures.append(f"join of {member}: {answer.error}")
            return
        group.longest_join = max(group.longest_join, time.monotonic() - began)
        group.note(member, answer.generation, answer.leader)
        assignments = {each: each.encode() for each in answer.members}
        began = time.monotonic()
        error, mine = gw.synced(
            await connection.ask(gw.sync(group.name, answer.generation, member, assignments))
        )
        group.longest_sync = max(group.longest_sync, time.monotonic() - began)
        if error in (gw.REBALANCE_IN_PROGRESS, gw.UNKNOWN_MEMBER, gw.ILLEGAL_GENERATION):
            continue
        if error != 0 or mine != member.encode():
            group.failures.append(f"sync of {member}: {error}, {mine!r}")
            return
        group.stable[member] = answer.generation
        while not stop.is_set():
            error = gw.error_of(
                await connection.ask(gw.heartbeat(group.name, answer.generation, member))
            )
            if error != 0:
                break
            await _pause(stop)
        group.stable.pop(member, None)
    if stop.kind == "leave":
        await connection.ask(gw.leave(group.name, member))
    group.seen.pop(member, None)
    connection.drop()


class Stop(asyncio.Event):
    kind = "die"


class _open:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return False


async def _pause(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), BEAT_SECONDS * random.uniform(0.5, 1.0))
    except TimeoutError:
        pass


async def _until(check, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


async def storm(port: int, group: Group) -> None:
    gate = asyncio.Semaphore(100)  # joins that have no member id yet, at a time
    stops = [Stop() for _ in range(group.size)]
    members = [asyncio.create_task(run_member(port, group, stop, gate)) for stop in stops]
    await _until(lambda: group.settled(group.size) or group.failures, 60, "all have joined")
    # A third dies, a third leaves, at once.
    third = group.size // 3
    for index, stop in enumerate(stops[: 2 * third]):
        stop.kind = "die" if index < third else "leave"
        stop.set()
    await asyncio.gather(*members[: 2 * third])
    rest = group.size - 2 * third
    await _until(lambda: group.settled(rest) or group.failures, 60, "the rest has settled")
    for stop in stops[2 * third :]:
        stop.kind = "leave"
        stop.set()
    await asyncio.gather(*members[2 * third :])


def test_a_thousand_members_join_die_and_leave(make_node):
    node = make_node().start()
    with Connection(node.port) as connection:
        eventually(
            lambda: gw.find_error(connection.send(gw.find_coordinator("storm")).answer()) == 0,
            60,
            "a coordinator",
        )
    before = resident_mib(node)
    group = Group("storm", MEMBERS)
    asyncio.run(storm(node.port, group))
    assert not group.failures, group.failures[:5]
    two_leaders = {each: names for each, names in group.leaders.items() if len(names) > 1}
    assert not two_leaders
    # Nobody waits longer than the timers: a rebalance ends when those who died are given up.
    assert group.longest_join <= REBALANCE_MS / 1000 + 2, group.longest_join
    assert group.longest_sync <= REBALANCE_MS / 1000 + 2, group.longest_sync
    if BROKER == "karst":
        assert resident_mib(node) - before < 64
        assert node.stop() == 0


class Members:
    """A group of two that the test moves from state to state by hand."""

    def __init__(self, port: int, name: str):
        self.port, self.name = port, name
        self.first, self.second = Connection(port), Connection(port)

    def join(self, connection: Connection, member: str = "") -> gw.Joined:
        answer = gw.joined(connection.send(gw.join(self.name, member)).answer())
        if answer.error == gw.MEMBER_ID_REQUIRED:
            return self.join(connection, answer.member)
        return answer

    def close(self) -> None:
        self.first.socket.close()
        self.second.socket.close()


def ask(port: int, request: bytes, retried=(14, 15, 16), seconds: float = 30):
    """Asks until the coordinator is there; the answer's bytes."""

    def once():
        with Connection(port) as connection:
            data = connection.send(request).answer()
        key = int.from_bytes(request[4:6], "big")
        codes = gw.commit_errors(data) if key == gw.OFFSET_COMMIT else [_code(key, data)]
        return None if set(codes) & set(retried) else data

    return eventually(once, seconds, "the coordinator answers")


def _code(key: int, data: bytes) -> int:
    if key == gw.OFFSET_FETCH:
        return gw.fetched_offsets(data)[0]
    return gw.error_of(data)


STATES = ["empty", "preparing", "completing", "stable"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_coordinator_that_restarts_in_every_state(make_node, state, how):
    node = make_node("num.partitions=2").start()
    with Connection(node.port) as connection:
        connection.send(wire.create_topic("t", 2)).answer()
    ask_coordinator(node)
    members = Members(node.port, "g")
    one = members.join(members.first)
    assert one.error == 0 and one.leader == one.member
    assert gw.synced(
        members.first.send(gw.sync("g", one.generation, one.member, {one.member: b"all"})).answer()
    ) == (0, b"all")
    offsets = {("t", 0): 7}
    commit = gw.commit("g", offsets, generation=one.generation, member=one.member)
    assert gw.commit_errors(members.first.send(commit).answer()) == [0]

    generation = one.generation
    if state == "empty":
        assert gw.error_of(members.first.send(gw.leave("g", one.member)).answer()) == 0
    elif state in ("preparing", "completing"):
        fresh = gw.joined(members.second.send(gw.join("g")).answer())
        members.second.send(gw.join("g", fresh.member))
        eventually(
            lambda: gw.error_of(
                members.first.send(gw.heartbeat("g", generation, one.member)).answer()
            )
            == gw.REBALANCE_IN_PROGRESS,
            10,
            "the rebalance begins",
        )
        if state == "completing":
            again = gw.joined(members.first.send(gw.join("g", one.member)).answer())
            assert again.error == 0 and len(again.members) == 2
            assert again.generation == generation + 1

    node.kill() if how == "kill" else node.stop()
    members.close()
    node.start()

    # What was committed is there; the generation has not gone back; the old member may go on
    # where the group was stable, and in every state a new one can join.
    error, found = gw.fetched_offsets(ask(node.port, gw.fetch_offsets("g", [("t", 0), ("t", 1)])))
    assert (error, found) == (0, [7, -1])
    if state == "stable":
        beat = gw.heartbeat("g", generation, one.member)
        assert gw.error_of(ask(node.port, beat)) == 0
    members = Members(node.port, "g")
    if state != "empty":
        # The member that is known leaves, as it would at the end of its session.
        ask(node.port, gw.leave("g", one.member))
    new = members.join(members.first)
    assert new.error == 0
    assert new.generation > generation
    assert new.leader == new.member
    assert gw.synced(
        members.first.send(gw.sync("g", new.generation, new.member, {new.member: b"x"})).answer()
    ) == (0, b"x")
    stale = gw.commit("g", {("t", 0): 1}, generation=generation, member=one.member)
    assert gw.commit_errors(members.first.send(stale).answer()) == [gw.UNKNOWN_MEMBER]
    members.close()


def ask_coordinator(node) -> None:
    with Connection(node.port) as connection:
        eventually(
            lambda: gw.find_error(connection.send(gw.find_coordinator("g")).answer()) == 0,
            60,
            "a coordinator",
        )
