"""Group requests that are well formed and yet wrong: Kafka's codes, and nothing kept."""

import struct

import group_wire as gw
import pytest
import wire
from node import BROKER, eventually
from steady import broker, others_go_on, resident_mib  # noqa: F401 (fixtures)
from wire import Connection

UNKNOWN_TOPIC, INVALID_REQUEST = 3, 42


@pytest.fixture
def connection(broker):
    with Connection(broker.port) as connection:
        found = gw.find_coordinator("g")
        eventually(lambda: gw.find_error(connection.send(found).answer()) == 0, 60, "coordinator")
        yield connection


def join(connection, *arguments, **named) -> gw.Joined:
    return gw.joined(connection.send(gw.join(*arguments, **named)).answer())


def settle(connection, group: str, **named) -> gw.Joined:
    """A stable group of one."""
    member = join(connection, group, **named)
    if member.error == gw.MEMBER_ID_REQUIRED:
        member = join(connection, group, member.member, **named)
    assert member.error == 0
    instance = named.get("instance")
    request = gw.sync(group, member.generation, member.member, {member.member: b"a"}, instance)
    assert gw.synced(connection.send(request).answer()) == (0, b"a")
    return member


def test_an_empty_group_name(connection):
    assert join(connection, "").error == gw.INVALID_GROUP
    assert gw.synced(connection.send(gw.sync("", 1, "m")).answer())[0] == gw.INVALID_GROUP
    for request in gw.heartbeat("", 1, "m"), gw.leave("", "m"):
        assert gw.error_of(connection.send(request).answer()) == gw.INVALID_GROUP


@pytest.mark.parametrize("session_ms", [-1, 0, 5_999, 1_800_001, 2**31 - 1])
def test_session_timeouts_out_of_bounds(connection, session_ms):
    answer = join(connection, "g", session_ms=session_ms)
    assert answer.error == gw.INVALID_SESSION_TIMEOUT


def test_protocols_that_nobody_shares(connection):
    member = settle(connection, "shared")
    assert join(connection, "shared", protocols={}).error == gw.INCONSISTENT_PROTOCOL
    assert join(connection, "shared", kind="connect").error == gw.INCONSISTENT_PROTOCOL
    other = {"sticky": b""}
    assert join(connection, "shared", protocols=other).error == gw.INCONSISTENT_PROTOCOL
    assert join(connection, "new", protocols={}).error == gw.INCONSISTENT_PROTOCOL
    beat = gw.heartbeat("shared", member.generation, member.member)
    assert gw.error_of(connection.send(beat).answer()) == 0
    connection.send(gw.leave("shared", member.member)).answer()


def test_strangers(connection):
    member = settle(connection, "known")
    generation = member.generation
    cases = {
        gw.heartbeat("nobody-has-it", 1, "m"): gw.UNKNOWN_MEMBER,
        gw.heartbeat("known", generation, "m"): gw.UNKNOWN_MEMBER,
        gw.heartbeat("known", generation + 1, member.member): gw.ILLEGAL_GENERATION,
        gw.leave("known", "m"): gw.UNKNOWN_MEMBER,
        gw.leave("nobody-has-it", "m"): gw.UNKNOWN_MEMBER,
    }
    for request, code in cases.items():
        assert gw.error_of(connection.send(request).answer()) == code
    assert join(connection, "known", "m").error == gw.UNKNOWN_MEMBER
    assert join(connection, "nobody-has-it", "m").error == gw.UNKNOWN_MEMBER
    assert gw.synced(connection.send(gw.sync("known", 9, member.member)).answer())[0] == (
        gw.ILLEGAL_GENERATION
    )
    assert gw.synced(connection.send(gw.sync("known", 1, "m")).answer())[0] == gw.UNKNOWN_MEMBER
    connection.send(gw.leave("known", member.member)).answer()


def test_a_static_member_is_fenced_by_its_successor(connection):
    old = settle(connection, "static", instance="i")
    new = join(connection, "static", instance="i")
    assert new.error == 0
    assert new.member != old.member
    assert new.generation == old.generation, "the same instance comes back without a rebalance"
    beat = gw.heartbeat("static", old.generation, old.member, "i")
    assert gw.error_of(connection.send(beat).answer()) == gw.FENCED_INSTANCE
    stale = gw.commit(
        "static", {("good", 0): 1}, generation=old.generation, member=old.member, instance="i"
    )
    assert gw.commit_errors(connection.send(stale).answer()) == [gw.FENCED_INSTANCE]
    beat = gw.heartbeat("static", new.generation, new.member, "i")
    assert gw.error_of(connection.send(beat).answer()) == 0


def test_commits_that_cannot_be(connection):
    def errors(*arguments, **named):
        return gw.commit_errors(connection.send(gw.commit(*arguments, **named)).answer())

    both = {("missing", 0): 1, ("good", 0): 5}
    assert errors("commits", both) == [UNKNOWN_TOPIC, 0]
    assert errors("commits", {("good", 9): 1}) == [UNKNOWN_TOPIC]
    assert errors("commits", {("good", 0): 1}, metadata="x" * 4097) == [gw.METADATA_TOO_LARGE]
    assert errors("commits", {("good", 0): 6}, metadata="x" * 4096) == [0]
    assert errors("commits", {("good", 0): 7}, metadata=None) == [0]
    unknown = errors("no-such-group", {("good", 0): 1}, generation=1, member="m")
    assert unknown == [gw.ILLEGAL_GENERATION]
    fetch = gw.fetch_offsets("commits", [("good", 0), ("missing", 0)])
    assert gw.fetched_offsets(connection.send(fetch).answer()) == (0, [7, -1])
    fetch = gw.fetch_offsets("no-such-group", [("good", 0)])
    assert gw.fetched_offsets(connection.send(fetch).answer()) == (0, [-1])


def test_odd_group_names_are_names(connection, broker):
    for name in ("a b", "line\nbreak", "\x1b[31mred", "日本語", "😀", "x" * 32_000):
        member = settle(connection, name)
        commit = gw.commit(
            name, {("good", 0): 3}, generation=member.generation, member=member.member
        )
        assert gw.commit_errors(connection.send(commit).answer()) == [0]
        connection.send(gw.leave(name, member.member)).answer()
    if BROKER == "karst":
        assert "\x1b[31m" not in broker.log()


@pytest.mark.skipif(BROKER != "karst", reason="Kafka takes them, and fails when it stores them")
def test_metadata_that_no_record_can_hold(connection, broker):
    before = resident_mib(broker)
    for _ in range(50):
        answer = join(connection, "giant", protocols={"range": bytes(2 << 20)})
        assert answer.error == INVALID_REQUEST
    assert resident_mib(broker) - before < 64


def test_an_assignment_that_no_record_can_hold(connection):
    member = join(connection, "large")
    member = join(connection, "large", member.member)
    request = gw.sync("large", member.generation, member.member, {member.member: bytes(3 << 20)})
    error, _ = gw.synced(connection.send(request).answer())
    assert error == -1  # UNKNOWN_SERVER_ERROR, as from Kafka
    connection.send(gw.leave("large", member.member)).answer()


@pytest.mark.skipif(BROKER != "karst", reason="measures Karst's memory")
def test_very_many_groups_that_nobody_joins(connection, broker):
    before = resident_mib(broker)
    for start in range(0, 20_000, 500):
        requests = [gw.join(f"fleeting-{start + i}") for i in range(500)]
        connection.send(b"".join(requests))
        for _ in requests:
            assert gw.joined(connection.answer()).error == gw.MEMBER_ID_REQUIRED
    assert resident_mib(broker) - before < 64


def test_transactions_and_share_groups_have_no_coordinator_here(connection):
    if BROKER == "karst":
        answer = gw.Answer(connection.send(gw.find_coordinator("t", 1)).answer())
        answer.number("i")
        assert answer.number("h") == INVALID_REQUEST
        assert "transactions are not available" in answer.text()


def test_arrays_that_promise_more_than_they_hold(broker):
    for key, version in ((gw.JOIN, 5), (gw.SYNC, 3), (gw.OFFSET_COMMIT, 7), (gw.LEAVE, 4)):
        with Connection(broker.port) as connection:
            body = wire.text("g") + struct.pack(">i", 2**31 - 1)
            connection.send(wire.frame(wire.header(key, version) + body))
            assert connection.closed()
