"""The records that go through every pair of clients: what a producer may send, in all shapes."""

import base64
import json
import time

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
PARTITIONS = 3
# Yesterday's midnight: hours of records from there on are not the future at any time of the day,
# and young enough for a broker's retention.
FIRST_TIMESTAMP = (int(time.time()) // 86_400 - 1) * 86_400_000
TEXT = "the log is the unit of truth and every other store a view of it"
WORDS = TEXT.split()
# One name twice, an empty value, bytes beyond ASCII.
SOME_HEADERS = [("unit", "ümlaut"), ("trace", "first"), ("trace", "")]


def sample(codec: str, plain: bool = False) -> list[dict]:
    """Records for each partition; `plain` leaves out what kcat's command line cannot say."""
    made = []
    for number in range(120):
        text = " ".join(WORDS[(number * 7 + i) % len(WORDS)] for i in range(number % 40 + 1))
        value = f"{codec} {number} {text}".encode()
        if not plain:
            value = {11: b"", 12: None, 13: bytes(range(256)) * 40, 14: b"\n\r\x00"}.get(
                number, value
            )
        key = None if number % 5 == 0 else f"key-{number % 9}".encode()
        headers = [] if plain or number % 4 else SOME_HEADERS
        made.append(
            {
                "codec": codec,
                "partition": number % PARTITIONS,
                "timestamp": FIRST_TIMESTAMP + CODECS.index(codec) * 100_000 + number * 10,
                "key": key,
                "value": value,
                "headers": [(name, text.encode()) for name, text in headers],
            }
        )
    return made


def all_samples(plain: bool = False, codecs: tuple[str, ...] = CODECS) -> list[dict]:
    return [record for codec in codecs for record in sample(codec, plain)]


def expected(records: list[dict], timestamps: bool = True) -> dict[int, list[tuple]]:
    """What a consumer must see of these, per partition in order."""
    partitions = {partition: [] for partition in range(PARTITIONS)}
    for record in records:
        seen = partitions[record["partition"]]
        when = record["timestamp"] if timestamps else None
        seen.append((len(seen), when, record["key"], record["value"], record["headers"]))
    return partitions


def received(records: list[dict], topic: str, timestamps: bool = True) -> dict[int, list[tuple]]:
    partitions = {partition: [] for partition in range(PARTITIONS)}
    for record in records:
        if record["topic"] != topic:
            continue
        when = record["timestamp"] if timestamps else None
        headers = [(name, value) for name, value in record["headers"]]
        shape = (record["offset"], when, record["key"], record["value"], headers)
        partitions[record["partition"]].append(shape)
    return partitions


def assert_same(sent: list[dict], records: list[dict], topic: str, writer, reader) -> None:
    """That the reader got what the writer was told to send, as far as either can tell."""
    sent = [dict(record) for record in sent]
    records = [dict(record) for record in records]
    if writer.last_header_only or reader.last_header_only:
        for record in sent + records:
            record["headers"] = sorted(dict(record["headers"]).items())
    for record in sent:
        if reader.empty_is_null:
            record["value"] = record["value"] or None
            record["headers"] = [(key, value or None) for key, value in record["headers"]]
    wanted = expected(sent, timestamps=not writer.plain)
    seen = received(records, topic, timestamps=not writer.plain)
    for partition in range(PARTITIONS):
        for want, have in zip(wanted[partition], seen[partition]):
            assert have == want, f"records of {topic}, partition {partition}"
        assert len(seen[partition]) == len(wanted[partition]), f"records of {topic}"


def to_lines(records: list[dict]) -> bytes:
    return b"".join(json.dumps(_encoded(record)).encode() + b"\n" for record in records)


def from_lines(text: bytes) -> list[dict]:
    return [_decoded(json.loads(line)) for line in text.splitlines()]


def _encoded(record: dict) -> dict:
    headers = [[name, _text(value)] for name, value in record["headers"]]
    return record | {
        "key": _text(record["key"]),
        "value": _text(record["value"]),
        "headers": headers,
    }


def _decoded(record: dict) -> dict:
    headers = [(name, _bytes(value)) for name, value in record["headers"]]
    return record | {
        "key": _bytes(record["key"]),
        "value": _bytes(record["value"]),
        "headers": headers,
    }


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value)
