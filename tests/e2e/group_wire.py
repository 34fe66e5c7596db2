"""Group requests by hand: what no client library lets a test send, and a thousand members."""

import asyncio
import dataclasses
import struct

from wire import frame, header, text

OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR = 8, 9, 10
JOIN, HEARTBEAT, LEAVE, SYNC = 11, 12, 13, 14

COORDINATOR_LOADING, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR = 14, 15, 16
ILLEGAL_GENERATION, INCONSISTENT_PROTOCOL, INVALID_GROUP, UNKNOWN_MEMBER = 22, 23, 24, 25
INVALID_SESSION_TIMEOUT, REBALANCE_IN_PROGRESS, METADATA_TOO_LARGE = 26, 27, 12
MEMBER_ID_REQUIRED, FENCED_INSTANCE = 79, 82


def opaque(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


class Answer:
    """Reads an inflexible answer field by field, after its correlation id."""

    def __init__(self, data: bytes, at: int = 4):
        self.data, self.at = data, at

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return value

    def raw(self, size: int) -> bytes:
        value = self.data[self.at : self.at + max(size, 0)]
        self.at += max(size, 0)
        return value

    def text(self) -> str | None:
        size = self.number("h")
        return None if size < 0 else self.raw(size).decode()

    def opaque(self) -> bytes:
        return self.raw(self.number("i"))


def find_coordinator(group: str, kind: int = 0) -> bytes:
    return frame(header(FIND_COORDINATOR, 2) + text(group) + struct.pack(">b", kind))


def find_error(data: bytes) -> int:
    answer = Answer(data)
    answer.number("i")
    return answer.number("h")


def join(
    group: str,
    member: str = "",
    *,
    instance: str | None = None,
    session_ms: int = 10_000,
    rebalance_ms: int = 20_000,
    kind: str = "consumer",
    protocols: dict[str, bytes] | None = None,
    version: int = 5,
) -> bytes:
    protocols = {"range": b"m"} if protocols is None else protocols
    body = text(group) + struct.pack(">ii", session_ms, rebalance_ms) + text(member)
    body += text(instance) if version >= 5 else b""
    body += text(kind) + struct.pack(">i", len(protocols))
    body += b"".join(text(name) + opaque(data) for name, data in protocols.items())
    return frame(header(JOIN, version) + body)


@dataclasses.dataclass
class Joined:
    error: int
    generation: int
    protocol: str
    leader: str
    member: str
    members: list[str]


def joined(data: bytes) -> Joined:
    """A JoinGroup v5 answer."""
    answer = Answer(data)
    answer.number("i")
    error, generation = answer.number("h"), answer.number("i")
    protocol, leader, member = answer.text(), answer.text(), answer.text()
    members = []
    for _ in range(answer.number("i")):
        members.append(answer.text())
        answer.text()
        answer.opaque()
    return Joined(error, generation, protocol, leader, member, members)


def sync(
    group: str,
    generation: int,
    member: str,
    assignments: dict[str, bytes] | None = None,
    instance: str | None = None,
) -> bytes:
    body = text(group) + struct.pack(">i", generation) + text(member) + text(instance)
    assignments = assignments or {}
    body += struct.pack(">i", len(assignments))
    body += b"".join(text(name) + opaque(data) for name, data in assignments.items())
    return frame(header(SYNC, 3) + body)


def synced(data: bytes) -> tuple[int, bytes]:
    answer = Answer(data)
    answer.number("i")
    return answer.number("h"), answer.opaque()


def heartbeat(group: str, generation: int, member: str, instance: str | None = None) -> bytes:
    body = text(group) + struct.pack(">i", generation) + text(member) + text(instance)
    return frame(header(HEARTBEAT, 3) + body)


def leave(group: str, member: str) -> bytes:
    return frame(header(LEAVE, 2) + text(group) + text(member))


def error_of(data: bytes) -> int:
    """The error of an answer that begins with the throttle time."""
    answer = Answer(data)
    answer.number("i")
    return answer.number("h")


def commit(
    group: str,
    offsets: dict[tuple[str, int], int],
    *,
    generation: int = -1,
    member: str = "",
    instance: str | None = None,
    metadata: str | None = "",
) -> bytes:
    body = text(group) + struct.pack(">i", generation) + text(member) + text(instance)
    body += struct.pack(">i", len(offsets))
    for (topic, partition), offset in offsets.items():
        body += text(topic) + struct.pack(">iiqi", 1, partition, offset, -1) + text(metadata)
    return frame(header(OFFSET_COMMIT, 7) + body)


def commit_errors(data: bytes) -> list[int]:
    answer = Answer(data)
    answer.number("i")
    errors = []
    for _ in range(answer.number("i")):
        answer.text()
        for _ in range(answer.number("i")):
            answer.number("i")
            errors.append(answer.number("h"))
    return errors


def fetch_offsets(group: str, partitions: list[tuple[str, int]]) -> bytes:
    body = text(group) + struct.pack(">i", len(partitions))
    for topic, partition in partitions:
        body += text(topic) + struct.pack(">ii", 1, partition)
    return frame(header(OFFSET_FETCH, 5) + body)


def fetched_offsets(data: bytes) -> tuple[int, list[int]]:
    answer = Answer(data)
    answer.number("i")
    offsets = []
    for _ in range(answer.number("i")):
        answer.text()
        for _ in range(answer.number("i")):
            answer.number("i")
            offsets.append(answer.number("q"))
            answer.number("i")
            answer.text()
            answer.number("h")
    return answer.number("h"), offsets


class Asynchronous:
    """One connection of many; asks one thing at a time."""

    def __init__(self, port: int):
        self.port = port
        self.reader = self.writer = None

    async def ask(self, request: bytes) -> bytes:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(request)
        (size,) = struct.unpack(">i", await self.reader.readexactly(4))
        return await self.reader.readexactly(size)

    def drop(self) -> None:
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None
