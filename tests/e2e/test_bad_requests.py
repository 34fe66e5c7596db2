"""Requests that are well formed and yet wrong: codes instead of surprises, and nothing kept.

The catalogue's other half, what is not even well formed, is in test_bad_input.
"""

import os
import random
import resource
import socket
import struct
import threading

import pytest
import wire
from node import eventually
from steady import broker, others_go_on, resident_mib, store  # noqa: F401 (fixtures)
from wire import Connection

OUT_OF_RANGE, UNKNOWN_TOPIC, INVALID_TOPIC, CLUSTER_AUTHORIZATION = 1, 3, 17, 31
ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_REPLICATION, INVALID_CONFIG = 36, 37, 38, 40
SESSION_NOT_FOUND, FENCED_EPOCH, UNKNOWN_EPOCH, INVALID_TXN_STATE = 70, 74, 75, 48
INVALID_RECORD, INVALID_TIMESTAMP = 87, 32
LIST_OFFSETS = 2


def names_in(broker) -> set[str]:
    return {name for name in os.listdir(broker.data) if not name.startswith("karst-")}


# What brokers and controllers tell each other, with bodies that would pass: a client may not.
INTER_BROKER = {"leader-and-isr": 4, "stop-replica": 5, "update-metadata": 6, "shutdown": 7}
INTER_BROKER |= {"alter-partition": 56, "envelope": 58, "register-broker": 62, "vote": 52}


@pytest.mark.parametrize("name", INTER_BROKER)
def test_what_only_brokers_may_ask_closes(broker, name):
    with Connection(broker.port) as connection:
        body = struct.pack(">iiq", 0, 1, 1) + bytes(64)
        connection.send(wire.frame(wire.header(INTER_BROKER[name], 0) + body))
        assert connection.closed()


ODD_NAMES = [
    b"a/b",
    b"../../escape",
    b".",
    b"..",
    b"",
    b"nul\0inside",
    b"line\nbreak",
    b"\xff\xfe not UTF-8",
    b"\x1b[31mred",
    b"x" * 250,
    b"x" * 30_000,
]


def create_named(name: bytes, *, partitions=1, replicas=1, configs: bytes = b"") -> bytes:
    body = struct.pack(">ih", 1, len(name)) + name + struct.pack(">ihi", partitions, replicas, 0)
    body += configs or struct.pack(">i", 0)
    return wire.frame(wire.header(wire.CREATE_TOPICS, 4) + body + struct.pack(">i?", 30_000, False))


def creation_code(connection, request: bytes) -> int:
    answer = connection.send(request).answer()
    (length,) = struct.unpack_from(">h", answer, 12)
    return struct.unpack_from(">h", answer, 14 + length)[0]


def test_odd_topic_names_are_refused_and_reach_neither_disk_nor_log(broker):
    before = names_in(broker)
    for name in ODD_NAMES:
        with Connection(broker.port) as connection:
            code = creation_code(connection, create_named(name))
            assert code == INVALID_TOPIC, (name[:40], code)
            # By its name in Metadata, which would create it.
            body = struct.pack(">ih", 1, len(name)) + name + b"\1"
            metadata = wire.frame(wire.header(wire.METADATA, 4) + body)
            answer = connection.send(metadata).answer()
            # The one topic ends the answer: code, name, not internal, no partitions.
            assert answer[-9 - len(name) :][:2] == struct.pack(">h", INVALID_TOPIC), name[:40]
    assert names_in(broker) == before
    assert all(character.isprintable() or character == "\n" for character in broker.log())


@pytest.mark.parametrize("client", [b"\xff\xfe", b"new\nline", b"\0", b"\x1b[2J", b"x" * 30_000])
def test_odd_client_ids_are_harmless(broker, client):
    with Connection(broker.port) as connection:
        head = struct.pack(">hhih", 3, 1, 77, len(client)) + client
        answer = connection.send(wire.frame(head + struct.pack(">i", 0))).answer()
        assert answer[:4] == struct.pack(">i", 77)
    assert all(character.isprintable() or character == "\n" for character in broker.log())


def test_topics_that_cannot_be_made_get_their_codes(broker):
    one_config = struct.pack(">i", 1)
    garbage = one_config + wire.text("retention.ms") + wire.text("soon")
    unknown = one_config + wire.text("no.such.key") + wire.text("1")
    without_value = one_config + wire.text("retention.ms") + wire.text(None)
    with Connection(broker.port) as connection:
        for expected, request in (
            (0, create_named(b"dotted.name")),
            (ALREADY_EXISTS, create_named(b"dotted.name")),
            (INVALID_TOPIC, create_named(b"dotted_name")),
            (INVALID_PARTITIONS, create_named(b"wide", partitions=1_000_000)),
            (INVALID_PARTITIONS, create_named(b"wide", partitions=2**31 - 1)),
            (INVALID_PARTITIONS, create_named(b"wide", partitions=0)),
            (INVALID_REPLICATION, create_named(b"wide", replicas=3)),
            (INVALID_CONFIG, create_named(b"wide", configs=garbage)),
            (INVALID_CONFIG, create_named(b"wide", configs=unknown)),
            (INVALID_CONFIG, create_named(b"wide", configs=without_value)),
        ):
            assert creation_code(connection, request) == expected, (expected, request)
    assert not any(name.startswith("wide") for name in names_in(broker))


def fetch_request(
    partitions: list[bytes],
    *,
    replica: int = -1,
    wait_ms: int = 0,
    least: int = 0,
    most: int = 1 << 20,
    session: tuple[int, int] = (0, -1),
) -> bytes:
    """Fetch version 9, of the topic `good`."""
    body = struct.pack(">iiiib", replica, wait_ms, least, most, 0) + struct.pack(">ii", *session)
    body += struct.pack(">i", 1) + wire.text("good") + struct.pack(">i", len(partitions))
    body += b"".join(partitions) + struct.pack(">i", 0)
    return wire.frame(wire.header(wire.FETCH, 9) + body)


def wanted(offset: int, *, index: int = 0, epoch: int = -1, most: int = 1 << 20) -> bytes:
    return struct.pack(">iiqqi", index, epoch, offset, -1, most)


def fetched(answer: bytes) -> tuple[int, list[tuple[int, int, int]]]:
    """The error of the whole; index, error and record bytes of each partition."""
    _, _, error, _, topics = struct.unpack_from(">iihii", answer)
    found, at = [], 18
    for _ in range(topics):
        (length,) = struct.unpack_from(">h", answer, at)
        at += 2 + length
        (partitions,) = struct.unpack_from(">i", answer, at)
        at += 4
        for _ in range(partitions):
            index, code = struct.unpack_from(">ih", answer, at)
            aborted, size = struct.unpack_from(">ii", answer, at + 30)
            assert aborted in (0, -1)
            found.append((index, code, max(size, 0)))
            at += 38 + max(size, 0)
    assert at == len(answer)
    return error, found


def test_fetches_of_nothing_get_codes_and_no_memory(broker):
    with Connection(broker.port) as connection:
        end = store(connection, b"known") + 1

        def ask(*partitions, **more):
            return fetched(connection.send(fetch_request(list(partitions), **more)).answer())

        assert ask(wanted(-1)) == (0, [(0, OUT_OF_RANGE, 0)])
        assert ask(wanted(-(2**63))) == (0, [(0, OUT_OF_RANGE, 0)])
        assert ask(wanted(end + 1)) == (0, [(0, OUT_OF_RANGE, 0)])
        assert ask(wanted(2**63 - 1)) == (0, [(0, OUT_OF_RANGE, 0)])
        assert ask(wanted(0, index=-1)) == (0, [(-1, UNKNOWN_TOPIC, 0)])
        assert ask(wanted(0, index=2**31 - 1)) == (0, [(2**31 - 1, UNKNOWN_TOPIC, 0)])
        # Limits out of reason are brought back into it; the first batch is given all the same.
        for most in (-1, 0, 1, 2**31 - 1):
            error, ((_, code, size),) = ask(wanted(end - 1, most=most), most=most)
            assert (error, code) == (0, 0) and size > 0
        assert ask(wanted(end), wait_ms=-5, least=2**31 - 1) == (0, [(0, 0, 0)])
        assert ask(wanted(end), wait_ms=-(2**31), least=-1) == (0, [(0, 0, 0)])
        # Epochs from nowhere, and a client that calls itself a replica (CVE-2018-1288).
        assert ask(wanted(0, epoch=2**31 - 1)) == (0, [(0, UNKNOWN_EPOCH, 0)])
        error, ((_, code, size),) = ask(wanted(0), replica=1001)
        assert (error, code, size) == (0, CLUSTER_AUTHORIZATION, 0)
        # Sessions that nobody opened.
        assert ask(wanted(0), session=(12345, 7))[0] == SESSION_NOT_FOUND


def test_a_fetch_may_not_wait_longer_than_its_connection(broker):
    connections = [Connection(broker.port) for _ in range(50)]
    for each in connections:
        end = store(each, b"x") + 1000
        each.send(fetch_request([wanted(end - 999)], wait_ms=2**31 - 1, least=2**31 - 1))
    for each in connections:
        each.socket.close()
    descriptors = f"/proc/{broker.process.pid}/fd"
    eventually(lambda: len(os.listdir(descriptors)) < 45, 10, "parked fetches end with their peers")


def test_batches_that_need_what_is_not_there(broker):
    with Connection(broker.port) as connection:

        def code_of(records: bytes, topic: str = "good") -> int:
            answer = connection.send(wire.produce(topic, records)).answer()
            return wire.produce_result(answer)[0]

        before = store(connection, b"x")
        transactional = wire.batch([b"a"], attributes=0x10, producer=(5, 0, 0))
        assert code_of(transactional) in (INVALID_TXN_STATE, INVALID_RECORD)
        limits = {"message.timestamp.after.max.ms": "3600000"}
        connection.send(wire.create_topic("timely", configs=limits)).answer()
        assert code_of(future_batch(), "timely") == INVALID_TIMESTAMP
        assert store(connection, b"y") == before + 1


def future_batch() -> bytes:
    """A record of the year 2262."""
    when = 9_223_372_036_854
    covered = struct.pack(">hiqqqhii", 0, 0, when, when, -1, -1, -1, 1) + wire.record(b"v")
    head = struct.pack(">ibI", 0, 2, wire.crc32c(covered))
    return struct.pack(">qi", 0, len(head) + len(covered)) + head + covered


def test_a_million_elements_in_one_request_cost_little(broker):
    before = resident_mib(broker)
    names = struct.pack(">i", 1_000_000) + b"\0\1a" * 1_000_000
    partitions = struct.pack(">i", 500_000) + wanted(0) * 500_000
    body = struct.pack(">iiiib", -1, 0, 0, 1, 0) + struct.pack(">iii", 0, -1, 1) + wire.text("good")
    offsets = struct.pack(">ibi", -1, 0, 1) + wire.text("good")
    offsets += struct.pack(">i", 500_000) + struct.pack(">iiq", 0, -1, -1) * 500_000
    for content in (
        wire.header(wire.METADATA, 4) + names + b"\0",
        wire.header(wire.FETCH, 9) + body + partitions + struct.pack(">i", 0),
        wire.header(LIST_OFFSETS, 4) + offsets,
    ):
        with Connection(broker.port) as connection:
            try:
                connection.send(wire.frame(content))
                connection.answer()  # or it is closed: both are right
            except (EOFError, ConnectionError):
                pass
        assert resident_mib(broker) - before < 300


def test_a_hundred_thousand_requests_that_nobody_reads(broker):
    before = resident_mib(broker)
    count = 100_000
    with Connection(broker.port, receive_buffer=4096) as hasty:
        requests = b"".join(wire.api_versions(0, number) for number in range(count))
        sender = threading.Thread(target=lambda: hasty.socket.sendall(requests), daemon=True)
        sender.start()
        with Connection(broker.port) as other:
            for _ in range(50):
                store(other, b"beside")
        assert resident_mib(broker) - before < 150
        # Who reads in the end gets every answer, in order.
        stream = hasty.socket.makefile("rb")
        for number in range(count):
            (size,) = struct.unpack(">i", stream.read(4))
            assert stream.read(size)[:4] == struct.pack(">i", number)
        sender.join(10)


def test_storms_of_connections_leave_nothing_behind(broker):
    generator = random.Random(5)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = f"/proc/{broker.process.pid}/fd"
    before = len(os.listdir(descriptors))
    for _ in range(10):
        burst = []
        for _ in range(min(200, soft // 2)):
            connection = socket.create_connection(("127.0.0.1", broker.port))
            if generator.randrange(2):
                connection.sendall(wire.api_versions()[: generator.randrange(20)])
            if generator.randrange(2):  # closed with a reset
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            burst.append(connection)
        for connection in burst:
            connection.close()
    eventually(lambda: len(os.listdir(descriptors)) <= before + 5, 10, "descriptors are given back")
