"""Input that no client should send: the node lives, others go on, memory stays bounded."""

import random
import struct
import threading
import time
import zlib

import pytest
import wire
from node import Node, eventually
from steady import broker, others_go_on, resident_mib, store  # noqa: F401 (fixtures)
from wire import Connection

MESSAGE_MAX = 1024 * 1024 + 12  # Kafka's default for message.max.bytes
CORRUPT, TOO_LARGE, UNSUPPORTED_FORMAT, INVALID_RECORD = 2, 10, 43, 87
REQUIRED_ACKS, UNSUPPORTED_COMPRESSION = 21, 76


def produce_bad(broker: Node, records: bytes) -> tuple[int, int, str | None]:
    """The answer to a bad batch; the topic's end must not have moved."""
    with Connection(broker.port) as connection:
        before = store(connection, b"x")
        result = wire.produce_result(connection.send(wire.produce("good", records)).answer())
        assert store(connection, b"y") == before + 1, "something was stored"
    return result


FRAMES = {
    "negative length": struct.pack(">i", -1),
    "most negative length": struct.pack(">i", -(2**31)),
    "no length": struct.pack(">i", 0),
    "length of a part of a header": struct.pack(">i", 9) + b"123456789",
    "above socket.request.max.bytes": struct.pack(">i", 100 * 1024 * 1024 + 1),
    "longest length": struct.pack(">i", 2**31 - 1),
    "unknown key": wire.frame(wire.header(9999, 0)),
    "negative key": wire.frame(wire.header(-1, 0)),
    "version above": wire.frame(wire.header(wire.METADATA, 99)),
    "version below": wire.frame(wire.header(wire.FETCH, 0)),
    "negative version": wire.frame(wire.header(wire.METADATA, -1)),
    "old produce": wire.produce("good", b"", version=2),
    "client id beyond the frame": wire.frame(struct.pack(">hhih", 3, 1, 1, 32767) + b"abc"),
    "client id of negative length": wire.frame(struct.pack(">hhih", 3, 1, 1, -2)),
    "body missing": wire.frame(wire.header(wire.METADATA, 1)),
    "array longer than the body": wire.frame(
        wire.header(wire.METADATA, 1) + struct.pack(">i", 2**31 - 1)
    ),
    "negative array": wire.frame(wire.header(wire.METADATA, 1) + struct.pack(">i", -5)),
    "text longer than the body": wire.frame(
        wire.header(wire.METADATA, 1) + struct.pack(">ih", 1, 32000) + b"abc"
    ),
    "bytes left over": wire.frame(wire.header(wire.METADATA, 1) + struct.pack(">i", 0) + b"zz"),
    "varint without end": wire.frame(wire.header(wire.METADATA, 9) + b"\0" + b"\xff" * 12),
    "tags out of order": wire.frame(
        wire.header(wire.METADATA, 9) + b"\x02\x01\x00\x00\x00" + b"\0\0\0\0\0"
    ),
    "records longer than the body": wire.frame(
        wire.header(wire.PRODUCE, 8)
        + wire.text(None)
        + struct.pack(">hii", -1, 1000, 1)
        + wire.text("good")
        + struct.pack(">iii", 1, 0, 10**9)
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_what_cannot_be_understood_closes(broker, name):
    with Connection(broker.port) as connection:
        connection.send(wire.api_versions(0, 7))
        assert connection.answer()[:4] == struct.pack(">i", 7)
        connection.send(FRAMES[name])
        assert connection.closed()


def test_a_too_new_api_versions_is_answered_in_version_0(broker):
    with Connection(broker.port) as connection:
        answer = connection.send(wire.api_versions(99, 5)).answer()
        assert answer[:6] == struct.pack(">ih", 5, 35)
        assert connection.send(wire.api_versions(0, 6)).answer()[:6] == struct.pack(">ih", 6, 0)


@pytest.mark.parametrize(
    ("opening", "guess"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100), "TLS"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP"),
        (b"POST /topics HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP"),
    ],
)
def test_another_protocol_is_named_in_one_line(broker, opening, guess):
    def lines():
        with Connection(broker.port) as connection:
            peer = "127.0.0.1:%d" % connection.socket.getsockname()[1]
            assert connection.send(opening).closed()
        return [line for line in broker.log().splitlines() if peer in line]

    # Such lines come at most once a second: a connection soon after another may have none.
    found = eventually(lines, 10, "a line that names the peer", every=0.3)
    assert len(found) == 1 and guess in found[0]


RECORD = wire.record(b"value")
BATCHES = {
    "wrong crc": (wire.batch([b"a"], crc_error=1), {CORRUPT}),
    "length too large": (wire.batch([b"a"], length_error=5), {CORRUPT}),
    "length too small": (wire.batch([b"a"], length_error=-5), {CORRUPT}),
    "cut": (wire.batch([b"a" * 100])[:-20], {CORRUPT}),
    "cut header": (wire.batch([b"a"])[:30], {CORRUPT}),
    "magic 1": (wire.batch([b"a"], magic=1), {UNSUPPORTED_FORMAT, CORRUPT, INVALID_RECORD}),
    "magic 7": (wire.batch([b"a"], magic=7), {UNSUPPORTED_FORMAT, CORRUPT, INVALID_RECORD}),
    "count above": (wire.batch([b"a"], count=2, last_delta=1), {INVALID_RECORD, CORRUPT}),
    "count below": (wire.batch([b"a", b"b"], count=1, last_delta=0), {INVALID_RECORD, CORRUPT}),
    "no records": (wire.batch([], count=0, last_delta=-1), {INVALID_RECORD, CORRUPT}),
    "last delta": (wire.batch([b"a", b"b"], last_delta=5), {INVALID_RECORD, CORRUPT}),
    "negative last delta": (wire.batch([b"a"], last_delta=-3), {INVALID_RECORD, CORRUPT}),
    "record beyond": (
        wire.batch([b"a"], records=wire.varint(1000) + RECORD[1:]),
        {INVALID_RECORD, CORRUPT},
    ),
    "unknown codec": (wire.batch([b"a"], attributes=5), {UNSUPPORTED_COMPRESSION, INVALID_RECORD}),
    "not compressed": (wire.batch([b"a"], attributes=1), {CORRUPT, INVALID_RECORD}),
    "control batch": (wire.batch([b"a"], attributes=0x20), {INVALID_RECORD}),
    "sequence missing": (wire.batch([b"a"], producer=(5, 0, -1)), {INVALID_RECORD}),
    "two batches": (wire.batch([b"a"]) + wire.batch([b"b"]), {INVALID_RECORD, CORRUPT}),
    "no batch": (b"", {INVALID_RECORD, CORRUPT}),
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_bad_batch_is_refused_and_nothing_is_stored(broker, name):
    records, codes = BATCHES[name]
    code, offset, message = produce_bad(broker, records)
    assert code in codes, (code, message)
    assert offset == -1


def test_too_large_a_record_names_limit_and_size(broker):
    large = wire.batch([b"x" * (MESSAGE_MAX + 1000)])
    code, _, message = produce_bad(broker, large)
    assert code == TOO_LARGE
    assert str(len(large)) in message and str(MESSAGE_MAX) in message, message


def test_a_decompression_bomb_is_refused_within_memory(broker):
    before = resident_mib(broker)
    # 900 MB of zeros in one record, 0.9 MB on the wire.
    deflate = zlib.compressobj(9, 8, 31)
    head = b"\0" + wire.varint(0) + wire.varint(0) + wire.varint(-1) + wire.varint(900_000_000)
    body = deflate.compress(wire.varint(900_000_000 + len(head) + 1) + head)
    for _ in range(900):
        body += deflate.compress(bytes(1_000_000))
    body += deflate.compress(wire.varint(0)) + deflate.flush()
    code, _, message = produce_bad(broker, wire.batch([b"x"], attributes=1, records=body))
    assert code in (TOO_LARGE, CORRUPT), message
    assert resident_mib(broker) - before < 150


@pytest.mark.parametrize("acks", [2, -2, 100])
def test_unknown_acks_are_refused(broker, acks):
    with Connection(broker.port) as connection:
        request = wire.produce("good", wire.batch([b"a"]), acks=acks)
        assert wire.produce_result(connection.send(request).answer())[0] == REQUIRED_ACKS


def test_an_error_without_acks_closes_the_connection(broker):
    with Connection(broker.port) as connection:
        connection.send(wire.produce("good", wire.batch([b"a"], crc_error=1), acks=0))
        assert connection.closed()
    with Connection(broker.port) as connection:
        connection.send(wire.produce("good", wire.batch([b"stored"]), acks=0))
        # No answer to it: the next answer belongs to the next request.
        assert connection.send(wire.api_versions(0, 9)).answer()[:4] == struct.pack(">i", 9)


def test_half_sent_large_frames_by_the_dozen(broker):
    before = resident_mib(broker)
    half = struct.pack(">i", 100 * 1024 * 1024) + wire.header(wire.PRODUCE, 8)
    half += bytes(8 * 1024 * 1024)
    stuck = [Connection(broker.port) for _ in range(36)]

    def push(connection):
        try:
            connection.send(half)
        except OSError:
            pass

    threads = [threading.Thread(target=push, args=[each], daemon=True) for each in stuck]
    for thread in threads:
        thread.start()
    with Connection(broker.port) as other:
        for _ in range(20):
            begun = time.monotonic()
            large = wire.batch([b"x" * 900_000])
            assert wire.produce_result(other.send(wire.produce("good", large)).answer())[0] == 0
            assert time.monotonic() - begun < 10
            # Two cores, a budget of 128 MiB each, and what the log itself keeps.
            assert resident_mib(broker) - before < 600
    for each in stuck:
        each.socket.close()
    for thread in threads:
        thread.join(60)


def test_too_many_connections_are_closed_at_once(make_node):
    node = make_node("max.connections=30", "max.connections.per.ip=20").start()
    kept = [Connection(node.port) for _ in range(20)]
    for each in kept:
        assert each.send(wire.api_versions(0, 3)).answer()[:6] == struct.pack(">ih", 3, 0)
    for _ in range(5):
        with Connection(node.port) as refused:
            assert refused.closed()
    assert "max.connections.per.ip=20" in node.log() and "127.0.0.1" in node.log()
    kept.pop().socket.close()

    def served():
        with Connection(node.port) as again:
            try:
                return again.send(wire.api_versions(0, 4)).answer()
            except (EOFError, ConnectionError):
                return None

    eventually(served, 5, "a place that was given up is taken")
    for each in kept:
        assert each.send(wire.api_versions(0, 5)).answer()[:6] == struct.pack(">ih", 5, 0)
        each.socket.close()


def test_a_stop_waits_for_no_parked_fetch(make_node):
    node = make_node().start()
    with Connection(node.port) as parked, Connection(node.port) as idle:
        parked.send(wire.create_topic("parked")).answer()
        parked.send(wire.fetch("parked", 0, wait_ms=60_000))
        idle.send(wire.api_versions()).answer()
        begun = time.monotonic()
        assert node.stop() == 0
        assert time.monotonic() - begun < 2
        # The parked one may still get its answer, without records.
        assert len(parked.socket.makefile("rb").read()) < 100
        assert idle.closed()


def test_random_bytes_and_damaged_requests(broker):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    generator = random.Random(seed)
    requests = [
        wire.api_versions(0),
        wire.produce("good", wire.batch([b"abc", b"def"])),
        wire.create_topic("made-by-chance"),
        wire.frame(wire.header(wire.METADATA, 1) + struct.pack(">i", -1)),
        *FRAMES.values(),
    ]
    for _ in range(400):
        data = bytearray(generator.choice(requests))
        for _ in range(generator.randrange(1, 6)):
            kind = generator.randrange(3)
            at = generator.randrange(len(data))
            if kind == 0:
                data[at] = generator.randrange(256)
            elif kind == 1:
                del data[at : at + generator.randrange(1, 9)]
                data = data or bytearray(b"\0")
            else:
                data[at:at] = generator.randbytes(generator.randrange(1, 9))
        with Connection(broker.port, timeout=5) as connection:
            try:
                connection.send(bytes(data))
                connection.socket.shutdown(1)
                while connection.socket.recv(65536):
                    pass
            except OSError:
                pass
    assert broker.process.poll() is None, f"seed {seed}"
