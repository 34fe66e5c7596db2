"""What a fetch answers, to the byte and in time: limits, waits, sessions, ids. As Kafka does."""

import contextlib
import struct
import threading
import time
import uuid

import fetches
import pytest
import wire
from fetches import Want
from node import BROKER, eventually
from steady import resident_mib
from tools import create_topic
from wire import Connection

NONE, OUT_OF_RANGE, UNKNOWN_TOPIC, SESSION_NOT_FOUND, SESSION_EPOCH = 0, 1, 3, 70, 71
UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID, SESSION_TOPIC_ID = 100, 103, 106
BATCH = len(wire.batch([b"x" * 1000]))


@pytest.fixture
def connection(node):
    with Connection(node.port) as opened:
        yield opened


@pytest.fixture
def topic(node):
    """Four partitions, on whatever cores."""
    name = create_topic(node, f"fetch-{uuid.uuid4().hex[:8]}", 4)
    wait_for(node, name)
    return name


def wait_for(node, topic: str) -> None:
    """Kafka answers creation before its partitions are led."""
    with Connection(node.port) as opened:
        wants = [Want(topic, index) for index in range(4)]
        eventually(
            lambda: all(p.error == NONE for p in fetches.ask(opened, wants).partitions),
            20,
            f"{topic} can be read",
        )


def store(connection, topic: str, index: int, count: int = 1) -> None:
    records = wire.batch([b"x" * 1000])
    for _ in range(count):
        stored = fetches.produce_error(connection, topic, records, version=9, index=index)
        assert stored[0] == NONE


def timed(connection, *arguments, **more) -> tuple[float, fetches.Answer]:
    begun = time.monotonic()
    answer = fetches.ask(connection, *arguments, **more)
    return time.monotonic() - begun, answer


def test_the_first_batch_comes_whole_whatever_the_limits(connection, topic):
    store(connection, topic, 2)
    for most, partition_most in ((1, 1 << 20), (1 << 20, 1), (0, 0), (1, 1)):
        wants = [Want(topic, index, most=partition_most) for index in range(4)]
        sizes = fetches.ask(connection, wants, most=most).sizes()
        assert sizes == {0: 0, 1: 0, 2: BATCH, 3: 0}, (most, partition_most)


def test_limits_of_partitions_keep_whole_batches_out(connection, topic):
    for index in range(4):
        store(connection, topic, index, 2)

    def sizes(partition_most, most=1 << 24):
        wants = [Want(topic, index, most=partition_most) for index in range(4)]
        found = fetches.ask(connection, wants, most=most).sizes()
        return [found[index] for index in range(4)]

    # Only the first to have records may be larger than its limit; none gets less than a batch.
    assert sizes(100) == [BATCH, 0, 0, 0]
    assert sizes(BATCH - 1) == [BATCH, 0, 0, 0]
    assert sizes(BATCH) == [BATCH] * 4
    # A batch that is cut at the end is no use, but counts: clients leave it.
    assert [size // BATCH for size in sizes(2 * BATCH - 1)] == [1] * 4
    assert sizes(2 * BATCH) == [2 * BATCH] * 4
    # The limit of the whole.
    assert sum(size // BATCH for size in sizes(1 << 20, most=BATCH)) == 1
    assert sum(size // BATCH for size in sizes(1 << 20, most=3 * BATCH)) == 3
    assert sum(size // BATCH for size in sizes(1 << 20, most=8 * BATCH)) == 8
    assert sizes(1 << 20, most=8 * BATCH) == [2 * BATCH] * 4


def test_the_limit_of_the_answer_is_filled_from_wherever_records_are(connection, topic):
    store(connection, topic, 1, 6)
    wants = [Want(topic, index) for index in range(4)]
    for batches in (1, 2, 5, 6):
        sizes = fetches.ask(connection, wants, most=batches * BATCH).sizes()
        assert sizes[1] == batches * BATCH, batches


def test_who_wants_more_than_there_is_waits_and_gets_what_there_is(connection, topic):
    store(connection, topic, 0, 2)
    wants = [Want(topic, 0), Want(topic, 1)]
    took, answer = timed(connection, wants, least=2 * BATCH + 1, wait_ms=600)
    assert answer.sizes() == {0: 2 * BATCH, 1: 0}
    assert 0.5 < took < 5
    took, answer = timed(connection, wants, least=2 * BATCH, wait_ms=5000)
    assert took < 2 and answer.sizes()[0] == 2 * BATCH
    # Nothing wanted, nothing waited for.
    took, answer = timed(connection, [Want(topic, 1)], least=0, wait_ms=5000)
    assert took < 2 and answer.one().records == b""


def test_a_minimum_above_the_maximum_is_the_maximum(connection, topic):
    store(connection, topic, 0, 3)
    took, answer = timed(connection, [Want(topic)], least=1 << 30, most=BATCH, wait_ms=5000)
    assert took < 2 and answer.one().records != b""
    # With the partition's limit below the minimum there is never enough.
    wants = [Want(topic, 0, most=BATCH)]
    took, answer = timed(connection, wants, least=2 * BATCH, wait_ms=600)
    assert took > 0.5 and len(answer.one().records) == BATCH


def test_what_other_limits_keep_out_counts_for_the_minimum(connection, topic):
    for index in range(4):
        store(connection, topic, index)
    # Each has 600 bytes within its limit; only the first gives a batch.
    wants = [Want(topic, index, most=600) for index in range(4)]
    took, answer = timed(connection, wants, least=2000, wait_ms=5000)
    assert took < 2 and sorted(answer.sizes().values()) == [0, 0, 0, BATCH]
    took, answer = timed(connection, wants, least=2500, wait_ms=600)
    assert took > 0.5 and sorted(answer.sizes().values()) == [0, 0, 0, BATCH]


def test_errors_are_not_waited_on_but_unknown_partitions_wait_for_others(connection, topic):
    took, answer = timed(connection, [Want(topic, 0, 99), Want(topic, 1)], least=1, wait_ms=5000)
    assert took < 2 and {p.index: p.error for p in answer.partitions} == {0: OUT_OF_RANGE, 1: NONE}
    took, answer = timed(connection, [Want("no-such"), Want(topic, 1)], least=1, wait_ms=600)
    assert took > 0.5
    assert [(p.topic, p.error) for p in answer.partitions] == [(topic, 0), ("no-such", 3)]
    took, answer = timed(connection, [Want("no-such")], least=1, wait_ms=5000)
    assert took < 2 and answer.one().error == UNKNOWN_TOPIC


def test_a_parked_fetch_wakes_when_enough_has_come(node, connection, topic):
    def later():
        with Connection(node.port) as other:
            store(other, topic, 3)
            store(other, topic, 1)

    producer = threading.Timer(0.3, later)
    producer.start()
    wants = [Want(topic, index) for index in range(4)]
    took, answer = timed(connection, wants, least=2 * BATCH, wait_ms=20_000)
    producer.join()
    assert 0.2 < took < 10
    assert answer.sizes() == {0: 0, 1: BATCH, 2: 0, 3: BATCH}


@pytest.mark.parametrize("version", [7, 11, 12, 13, 17])
def test_a_session_tells_what_is_new(connection, topic, version):
    (name,) = fetches.topic_ids(connection, topic) if version >= 13 else (topic,)

    def ask(*arguments, **more):
        return fetches.ask(connection, *arguments, version=version, **more)

    store(connection, topic, 1)
    full = ask([Want(name, index) for index in range(4)], session=(0, 0))
    assert full.error == NONE and full.session > 0
    assert full.sizes() == {0: 0, 1: BATCH, 2: 0, 3: 0}
    session = full.session
    quiet = ask([Want(name, 1, 1)], session=(session, 1))
    assert (quiet.error, quiet.session, quiet.partitions) == (NONE, session, [])
    store(connection, topic, 2)
    store(connection, topic, 1)
    assert ask(session=(session, 2)).indexes() == [1, 2]
    moved = ask([Want(name, 1, 2), Want(name, 2, 1)], session=(session, 3), forget=[(name, 3)])
    assert moved.partitions == []
    # Who was served goes behind the others.
    store(connection, topic, 1)
    assert ask(session=(session, 4)).indexes() == [1]
    store(connection, topic, 2)
    assert ask(session=(session, 5)).indexes() == [2, 1]
    assert ask([Want(name, 1, 3), Want(name, 2, 2)], session=(session, 6)).partitions == []
    store(connection, topic, 3)
    assert ask(session=(session, 7)).partitions == []
    assert ask([Want(name, 3, 0)], session=(session, 8)).sizes() == {3: BATCH}
    # An error is told again and again, and then its end.
    out = Want(name, 0, 99)
    assert [p.error for p in ask([out], session=(session, 9)).partitions if p.index == 0] == [1]
    assert [p.error for p in ask(session=(session, 10)).partitions if p.index == 0] == [1]
    back = ask([Want(name, 0, 0), Want(name, 3, 1)], session=(session, 11))
    assert (0, NONE) in [(p.index, p.error) for p in back.partitions]
    assert ask(session=(session, 12)).partitions == []
    # The wrong number, and none at all.
    for wrong in (12, 14, 1, 2**31 - 1):
        refused = ask(session=(session, wrong))
        assert (refused.error, refused.session) == (SESSION_EPOCH, 0)
    assert ask(session=(session, -1)).session == 0
    assert ask(session=(session, 13)).error == SESSION_NOT_FOUND


def test_a_session_keeps_to_names_or_to_ids(connection, topic):
    session = fetches.ask(connection, [Want(topic)], session=(0, 0)).session
    assert fetches.ask(connection, version=13, session=(session, 1)).error == SESSION_TOPIC_ID
    (ident,) = fetches.topic_ids(connection, topic)
    session = fetches.ask(connection, [Want(ident)], version=13, session=(0, 0)).session
    assert fetches.ask(connection, version=12, session=(session, 1)).error == SESSION_TOPIC_ID
    emptied = fetches.ask(connection, version=13, session=(session, 1), forget=[(ident, 0)])
    assert (emptied.error, emptied.session, emptied.partitions) == (NONE, 0, [])
    assert fetches.ask(connection, version=13, session=(session, 2)).error == SESSION_NOT_FOUND


def test_a_session_of_an_other_connection_is_ended_by_who_names_it(node, connection, topic):
    first = fetches.ask(connection, [Want(topic)], session=(0, 0)).session
    for _ in range(8):
        with Connection(node.port) as other:
            second = fetches.ask(other, [Want(topic)], session=(first, 0)).session
        assert second not in (0, first)
        assert fetches.ask(connection, session=(first, 1)).error == SESSION_NOT_FOUND
        first = second


def test_sessions_go_on_while_connections_find_the_core_of_their_partition(make_node):
    """Half of them are accepted on another core, and may move to where the partition is."""
    node = make_node("karst.cores=2").start()
    topic = create_topic(node, "moving", 2)
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(Connection(node.port)) for _ in range(6)]
        eventually(
            lambda: fetches.ask(connections[0], [Want(topic)]).one().error == NONE, 20, "it is led"
        )
        numbered = list(enumerate(connections))
        wants = [[Want(topic, index % 2)] for index, _ in numbered]
        sessions = [fetches.ask(c, wants[i], session=(0, 0)).session for i, c in numbered]
        for epoch in range(1, 100):
            for index, connection in numbered:
                store(connection, topic, index % 2)
                got = fetches.ask(connection, session=(sessions[index], epoch))
                assert (got.error, got.session) == (NONE, sessions[index])
                # Its position stays: what was stored is there, each time anew.
                assert got.one().index == index % 2 and got.one().records


def delete(connection, topic: str) -> None:
    body = struct.pack(">i", 1) + wire.text(topic) + struct.pack(">i", 30_000)
    answer = connection.send(wire.frame(wire.header(20, 1) + body)).answer()
    assert answer[-2:] == b"\0\0"


def make_anew(connection, topic: str) -> None:
    """Kafka 3.9 answers a deletion before it is done."""
    eventually(
        lambda: wire.created(connection.send(wire.create_topic(topic, 4)).answer()) == NONE,
        20,
        f"{topic} can be made anew",
    )


def eventually_fetched(connection, error: int, wants, **more):
    def found():
        answer = fetches.ask(connection, wants, **more).one()
        return answer if answer.error == error else None

    return eventually(found, 20, f"error {error} of {wants}")


def test_a_topic_that_is_made_anew_has_another_id(node, connection, topic):
    (old,) = fetches.topic_ids(connection, topic)
    store(connection, topic, 0)
    session = fetches.ask(connection, [Want(old)], version=13, session=(0, 0)).session
    delete(connection, topic)
    eventually_fetched(connection, UNKNOWN_TOPIC, [Want(topic)])
    make_anew(connection, topic)
    wait_for(node, topic)
    store(connection, topic, 0)
    (new,) = fetches.topic_ids(connection, topic)
    assert new != old
    assert eventually_fetched(connection, NONE, [Want(new)], version=13).records
    anew = fetches.ask(connection, [Want(old), Want(new)], version=17)
    assert {p.topic: p.error for p in anew.partitions} == {old: UNKNOWN_TOPIC_ID, new: NONE}
    assert fetches.ask(connection, version=13, session=(session, 1)).one().error == (
        INCONSISTENT_TOPIC_ID
    )


def test_names_of_positions_by_version(connection, topic):
    store(connection, topic, 0, 3)

    def at(timestamp, version):
        return fetches.list_offset(connection, topic, timestamp, version=version)[:3]

    unsupported = (35, -1, -1)
    newest = wire.offered(connection.send(wire.api_versions()).answer())[2][1]
    versions = range(6, min(newest, 10) + 1)  # Kafka 3.9 ends with 9
    assert {at(-1, version)[2] for version in versions} == {3}
    assert {at(-2, version)[2] for version in versions} == {0}
    assert (at(-3, 6), at(-3, 7)) == (unsupported, (0, 0, 0))
    assert (at(-4, 7), at(-4, 8)) == (unsupported, (0, -1, 0))
    assert (at(-5, 8), at(-5, 9)) == (unsupported, (0, -1, -1))
    assert at(-6, versions[-1]) == unsupported


def test_thousands_of_sessions_take_a_bounded_part_of_the_memory(make_node):
    node = make_node().start()
    topic = create_topic(node, "many", 4)
    wait_for(node, topic)
    wants = [Want(topic, index) for index in range(200)]  # most of which do not exist
    with Connection(node.port) as one, Connection(node.port) as another:
        before = resident_mib(node)
        kept = {one: [], another: []}
        for number in range(3000):
            connection = one if number % 2 else another
            answer = fetches.ask(connection, wants, session=(0, 0))
            assert answer.error == NONE and len(answer.partitions) == 200
            kept[connection] += [answer.session] if answer.session else []
        assert 0 < sum(map(len, kept.values())) <= 1000
        # The first still works, and so does who was refused.
        for connection, sessions in kept.items():
            answer = fetches.ask(connection, session=(sessions[0], 1))
            assert (answer.error, len(answer.partitions)) == (NONE, 196)
            assert fetches.ask(connection, [Want(topic)]).one().error == NONE
        if BROKER == "karst":
            assert resident_mib(node) - before < 64
