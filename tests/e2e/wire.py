"""Kafka frames by hand, right and wrong: what no client library lets a test send."""

import socket
import struct
import zlib

PRODUCE, FETCH, METADATA, API_VERSIONS, CREATE_TOPICS = 0, 1, 3, 18, 19


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC_TABLE = _crc_table()


def varint(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def record(value: bytes, offset_delta: int = 0, key: bytes | None = None) -> bytes:
    body = b"\0" + varint(0) + varint(offset_delta)
    body += varint(-1) if key is None else varint(len(key)) + key
    body += varint(len(value)) + value + varint(0)
    return varint(len(body)) + body


def batch(
    values: list[bytes],
    *,
    magic: int = 2,
    attributes: int = 0,
    count: int | None = None,
    last_delta: int | None = None,
    length_error: int = 0,
    crc_error: int = 0,
    records: bytes | None = None,
    producer: tuple[int, int, int] = (-1, -1, -1),
    timestamp: int = 0,
) -> bytes:
    """A record batch v2; every field can be made wrong."""
    if records is None:
        records = b"".join(record(value, i) for i, value in enumerate(values))
    count = len(values) if count is None else count
    last_delta = len(values) - 1 if last_delta is None else last_delta
    covered = struct.pack(
        ">hiqqqhii", attributes, last_delta, timestamp, timestamp, *producer, count
    )
    covered += records
    head = struct.pack(">ibI", 0, magic, (crc32c(covered) + crc_error) & 0xFFFFFFFF)
    return struct.pack(">qi", 0, len(head) + len(covered) + length_error) + head + covered


def gzip_bytes(data: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    return deflate.compress(data) + deflate.flush()


def text(value: str | None) -> bytes:
    if value is None:
        return struct.pack(">h", -1)
    return struct.pack(">h", len(value.encode())) + value.encode()


def header(key: int, version: int, correlation: int = 1, client: str | None = "bad") -> bytes:
    return struct.pack(">hhi", key, version, correlation) + text(client)


def frame(content: bytes) -> bytes:
    return struct.pack(">i", len(content)) + content


def produce(
    topic: str, records: bytes, *, partition: int = 0, acks: int = -1, version: int = 8
) -> bytes:
    body = text(None) + struct.pack(">hii", acks, 30_000, 1) + text(topic)
    body += struct.pack(">iii", 1, partition, len(records)) + records
    return frame(header(PRODUCE, version) + body)


def fetch(topic: str, offset: int, *, wait_ms: int = 0, version: int = 4) -> bytes:
    """Version 4, or 10: the first that gives zstd."""
    sessions = version >= 7
    body = struct.pack(">iiiib", -1, wait_ms, 1, 1 << 20, 0)
    body += struct.pack(">ii", 0, -1) if sessions else b""
    body += struct.pack(">i", 1) + text(topic) + struct.pack(">ii", 1, 0)
    position = struct.pack(">iqq", -1, offset, -1) if sessions else struct.pack(">q", offset)
    body += position + struct.pack(">i", 1 << 20)
    body += struct.pack(">i", 0) if sessions else b""
    return frame(header(FETCH, version) + body)


def create_topic(name: str, partitions: int = 1, configs: dict[str, str] | None = None) -> bytes:
    body = struct.pack(">i", 1) + text(name) + struct.pack(">ihi", partitions, 1, 0)
    configs = configs or {}
    body += struct.pack(">i", len(configs))
    body += b"".join(text(name) + text(value) for name, value in configs.items())
    return frame(header(CREATE_TOPICS, 4) + body + struct.pack(">i?", 30_000, False))


def api_versions(version: int = 0, correlation: int = 1) -> bytes:
    content = header(API_VERSIONS, version, correlation)
    # From version 3 on tagged fields end the header and the body, which names the software.
    return frame(content + (b"\0" + b"\x02a" + b"\x021" + b"\0" if version >= 3 else b""))


def offered(answer: bytes) -> dict[int, tuple[int, int]]:
    """The versions by API key in an ApiVersions v0 answer."""
    (count,) = struct.unpack_from(">i", answer, 6)
    rows = [struct.unpack_from(">hhh", answer, 10 + 6 * row) for row in range(count)]
    return {key: (lowest, highest) for key, lowest, highest in rows}


def created(answer: bytes) -> int:
    """The error code of the one topic in a CreateTopics v4 answer."""
    (name,) = struct.unpack_from(">h", answer, 12)
    return struct.unpack_from(">h", answer, 14 + name)[0]


def codecs_of(answer: bytes) -> set[int]:
    """The codecs of the whole batches in a Fetch v10 answer for one partition."""
    (name,) = struct.unpack_from(">h", answer, 18)
    at = 20 + name + struct.calcsize(">iihqqqi")
    (size,) = struct.unpack_from(">i", answer, at)
    batches = answer[at + 4 : at + 4 + size]
    found = set()
    while len(batches) >= 61:
        (length,) = struct.unpack_from(">i", batches, 8)
        found.add(struct.unpack_from(">h", batches, 21)[0] & 7)
        batches = batches[12 + length :]
    return found


class Connection:
    """A raw connection; usable as a context manager."""

    def __init__(self, port: int, timeout: float = 30, receive_buffer: int | None = None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data: bytes) -> "Connection":
        self.socket.sendall(data)
        return self

    def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def answer(self) -> bytes:
        """The next answer after its length: correlation id and body."""
        return self.exactly(struct.unpack(">i", self.exactly(4))[0])

    def closed(self) -> bool:
        """Waits for the other side to close; whatever it still sends is an error."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True


def produce_result(answer: bytes) -> tuple[int, int, str | None]:
    """Error code, base offset and error message of the one partition in a Produce v8 answer."""
    at = 4 + 4
    (length,) = struct.unpack_from(">h", answer, at)
    at += 2 + length + 4
    _, code, offset, _, _, errors = struct.unpack_from(">ihqqqi", answer, at)
    at += struct.calcsize(">ihqqqi")
    for _ in range(errors):
        (length,) = struct.unpack_from(">h", answer, at + 4)
        at += 6 + max(length, 0)
    (length,) = struct.unpack_from(">h", answer, at)
    message = None if length < 0 else answer[at + 2 : at + 2 + length].decode()
    return code, offset, message
