"""Fetch frames of versions 7 to 17 by hand: sessions, topic ids, limits, hints."""

import dataclasses
import struct

import wire


class Encoder:
    """Kafka's primitives, in the old or the flexible form."""

    def __init__(self, flexible: bool):
        self.flexible = flexible
        self.bytes = b""

    def put(self, format: str, *values) -> "Encoder":
        self.bytes += struct.pack(">" + format, *values)
        return self

    def varint(self, value: int) -> "Encoder":
        while value >= 0x80:
            self.bytes += bytes([value & 0x7F | 0x80])
            value >>= 7
        self.bytes += bytes([value])
        return self

    def count(self, size: int) -> "Encoder":
        return self.varint(size + 1) if self.flexible else self.put("i", size)

    def text(self, value: str | None) -> "Encoder":
        if not self.flexible:
            self.bytes += wire.text(value)
            return self
        encoded = b"" if value is None else value.encode()
        self.varint(0 if value is None else len(encoded) + 1)
        self.bytes += encoded
        return self

    def tags(self) -> "Encoder":
        if self.flexible:
            self.bytes += b"\0"
        return self


class Decoder:
    """Reads what Encoder writes."""

    def __init__(self, data: bytes, flexible: bool):
        self.data = data
        self.flexible = flexible
        self.at = 0

    def get(self, format: str):
        values = struct.unpack_from(">" + format, self.data, self.at)
        self.at += struct.calcsize(">" + format)
        return values[0] if len(values) == 1 else values

    def raw(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def count(self) -> int:
        return self.varint() - 1 if self.flexible else self.get("i")

    def text(self) -> str | None:
        size = self.varint() - 1 if self.flexible else self.get("h")
        return None if size < 0 else self.raw(size).decode()

    def tags(self) -> dict[int, bytes]:
        found = {}
        for _ in range(self.varint() if self.flexible else 0):
            tag = self.varint()
            found[tag] = self.raw(self.varint())
        return found


def framed(key: int, version: int, flexible: bool, body: bytes) -> bytes:
    tags = b"\0" if flexible else b""
    return wire.frame(wire.header(key, version) + tags + body)


@dataclasses.dataclass
class Want:
    """A partition that is asked for. `topic` is a name, or 16 bytes from version 13 on."""

    topic: str | bytes
    index: int = 0
    offset: int = 0
    most: int = 1 << 20
    epoch: int = -1
    last_epoch: int = -1


def by_topic(wants) -> list[tuple[str | bytes, list]]:
    """Neighbours of one topic together, as clients send them."""
    grouped: list[tuple[str | bytes, list]] = []
    for want in wants:
        topic = want.topic if isinstance(want, Want) else want[0]
        if not grouped or grouped[-1][0] != topic:
            grouped.append((topic, []))
        grouped[-1][1].append(want)
    return grouped


def name_topic(out: Encoder, version: int, topic: str | bytes) -> None:
    if version < 13:
        out.text(topic)
    else:
        out.bytes += topic


def fetch(
    wants=(),
    *,
    version: int = 12,
    session: tuple[int, int] = (0, -1),
    forget=(),
    wait_ms: int = 0,
    least: int = 0,
    most: int = 1 << 24,
    replica: int = -1,
) -> bytes:
    out = Encoder(version >= 12)
    if version < 15:
        out.put("i", replica)
    out.put("iiib", wait_ms, least, most, 0).put("ii", *session)
    topics = by_topic(wants)
    out.count(len(topics))
    for topic, partitions in topics:
        name_topic(out, version, topic)
        out.count(len(partitions))
        for want in partitions:
            out.put("i", want.index)
            if version >= 9:
                out.put("i", want.epoch)
            out.put("q", want.offset)
            if version >= 12:
                out.put("i", want.last_epoch)
            out.put("qi", -1, want.most).tags()
        out.tags()
    forgotten = by_topic(forget)
    out.count(len(forgotten))
    for topic, partitions in forgotten:
        name_topic(out, version, topic)
        out.count(len(partitions)).put(f"{len(partitions)}i", *(index for _, index in partitions))
        out.tags()
    if version >= 11:
        out.text("")
    if version >= 15 and replica != -1:
        out.varint(1).varint(1).varint(13).put("iq", replica, -1).tags()
    else:
        out.tags()
    return framed(wire.FETCH, version, version >= 12, out.bytes)


@dataclasses.dataclass
class Got:
    """A partition of an answer."""

    topic: str | bytes
    index: int
    error: int
    high_watermark: int
    log_start: int
    records: bytes
    tags: dict[int, bytes]


@dataclasses.dataclass
class Answer:
    error: int
    session: int
    partitions: list[Got]
    tags: dict[int, bytes]

    def one(self) -> Got:
        (only,) = self.partitions
        return only

    def indexes(self) -> list[int]:
        return [each.index for each in self.partitions]

    def sizes(self) -> dict[int, int]:
        return {each.index: len(each.records) for each in self.partitions}


def read_partition(data: Decoder, version: int, topic: str | bytes) -> Got:
    index, error, high_watermark, _, log_start = data.get("ihqqq")
    for _ in range(max(data.count(), 0)):
        data.get("qq")
        data.tags()
    if version >= 11:
        data.get("i")
    records = data.raw(max(data.count(), 0))
    return Got(topic, index, error, high_watermark, log_start, records, data.tags())


def answer_of(frame: bytes, version: int = 12) -> Answer:
    data = Decoder(frame, version >= 12)
    data.get("i")
    data.tags()
    _, error, session = data.get("ihi")
    partitions = []
    for _ in range(data.count()):
        topic = data.text() if version < 13 else data.raw(16)
        for _ in range(data.count()):
            partitions.append(read_partition(data, version, topic))
        data.tags()
    answer = Answer(error, session, partitions, data.tags())
    assert data.at == len(frame)
    return answer


def ask(connection: wire.Connection, wants=(), *, version: int = 12, **more) -> Answer:
    frame = connection.send(fetch(wants, version=version, **more)).answer()
    return answer_of(frame, version)


def topic_ids(connection: wire.Connection, *names: str) -> list[bytes]:
    """By Metadata version 12; a topic that is not there has an id of zeros."""
    out = Encoder(True).count(len(names))
    for name in names:
        out.bytes += bytes(16)
        out.text(name).tags()
    out.put("??", False, False).tags()
    data = Decoder(connection.send(framed(wire.METADATA, 12, True, out.bytes)).answer(), True)
    data.get("i")
    data.tags()
    data.get("i")
    for _ in range(data.count()):
        data.get("i")
        data.text()
        data.get("i")
        data.text()
        data.tags()
    data.text()
    data.get("i")
    found = {}
    for _ in range(data.count()):
        data.get("h")
        name = data.text()
        found[name] = data.raw(16)
        data.get("?")
        for _ in range(data.count()):
            data.get("hiii")
            for _ in range(3):
                data.get(f"{data.count()}i")
            data.tags()
        data.get("i")
        data.tags()
    return [found[name] for name in names]


def list_offset(
    connection: wire.Connection, topic: str, timestamp: int, *, index: int = 0, version: int = 9
) -> tuple[int, int, int, int]:
    """Error, timestamp, offset and leader epoch, by ListOffsets version 6 to 10."""
    out = Encoder(True).put("ib", -1, 0).count(1).text(topic).count(1)
    out.put("iiq", index, -1, timestamp).tags().tags()
    if version >= 10:
        out.put("i", 1000)
    out.tags()
    data = Decoder(connection.send(framed(2, version, True, out.bytes)).answer(), True)
    data.get("i")
    data.tags()
    data.get("i")
    assert data.count() == 1
    data.text()
    assert data.count() == 1
    return data.get("ihqqi")[1:]


def produce_error(
    connection: wire.Connection, topic: str, records: bytes, *, version: int = 12, index: int = 0
) -> tuple[int, dict[int, bytes], dict[int, bytes]]:
    """The error of the one partition, its tags, and those of the whole answer."""
    out = Encoder(True).text(None).put("hi", -1, 30_000).count(1).text(topic).count(1)
    out.put("i", index).count(len(records))
    out.bytes += records
    out.tags().tags().tags()
    data = Decoder(connection.send(framed(wire.PRODUCE, version, True, out.bytes)).answer(), True)
    data.get("i")
    data.tags()
    assert data.count() == 1
    data.text()
    assert data.count() == 1
    error = data.get("ihqqq")[1]
    for _ in range(data.count()):
        data.get("i")
        data.text()
        data.tags()
    data.text()
    tags = data.tags()
    data.tags()
    data.get("i")
    return error, tags, data.tags()
