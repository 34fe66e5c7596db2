"""What each client of the matrix does with a broker, and what comes of it.

A scenario asserts what holds with every broker, and returns what is compared between two.
"""

import contextlib
import pathlib

import confluent_kafka
import groups
import wire
from clients import CLIENTS
from live import Hammer, Member
from node import Node, eventually
from records import CODECS, FIRST_TIMESTAMP, PARTITIONS, all_samples, assert_same, sample
from tools import create_topic

READER = CLIENTS["confluent-kafka"]
# Of the topic that members share.
SHARED_PARTITIONS = 4
# After so many records of the feeder, members that did not settle are looked at anew.
WINDOW = 400


def stored_codecs(node: Node, topic: str) -> list[str]:
    with wire.Connection(node.port) as connection:
        found = wire.codecs_of(connection.send(wire.fetch(topic, 0, version=10)).answer())
    return sorted({CODECS[each] for each in found}, key=CODECS.index)


def arrive(node: Node, topic: str, count: int, must: bool) -> bool:
    """Waits for so many records: nobody told the producer with acks=0 that they are there."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": node.bootstrap, "group.id": "asks"})
    places = [confluent_kafka.TopicPartition(topic, number) for number in range(PARTITIONS)]

    def stored() -> bool:
        ends = [consumer.get_watermark_offsets(place, timeout=30)[1] for place in places]
        return sum(ends) >= count

    try:
        eventually(stored, 20 if must else 5, f"{count} records in {topic}", every=0.1)
    except AssertionError:
        if must:
            raise
    arrived = stored()
    consumer.close()
    return arrived


def produce(node: Node, name: str, _directory: pathlib.Path) -> dict:
    """Each kind of acknowledgement, each codec; keys, headers, empty and absent values."""
    client = CLIENTS[name]
    found = {}
    for acks in client.acks:
        topic = create_topic(node, f"{name}-acks-{acks}", PARTITIONS)
        whole = acks == "all"
        sent = all_samples(client.plain, client.codecs) if whole else sample("none", client.plain)
        client.produce(node.bootstrap, topic, sent, acks)
        # Without acknowledgements, a client that ends may take unread records with it.
        arrived = arrive(node, topic, len(sent), acks != "0")
        records = READER.consume(node.bootstrap, [topic])
        if arrived:
            assert_same(sent, records, topic, client, READER)
        values = {record["value"] for record in sent}
        assert all(record["value"] in values for record in records)
        found[acks] = "as sent"
        if whole:
            found["codecs"] = stored_codecs(node, topic)
            assert found["codecs"] == list(client.codecs)
    return found


def samples_to_read(node: Node, codecs: tuple[str, ...]) -> tuple[str, list[dict]]:
    """A topic with records of these codecs, made once for each broker."""
    topic, sent = f"samples-{'-'.join(codecs)}", all_samples(codecs=codecs)
    made = vars(node).setdefault("samples_made", set())
    if topic not in made:
        create_topic(node, topic, PARTITIONS)
        READER.produce(node.bootstrap, topic, sent, "idempotent")
        made.add(topic)
    return topic, sent


def consume(node: Node, name: str, _directory: pathlib.Path) -> dict:
    """Everything from the beginning, without a group."""
    client = CLIENTS[name]
    topic, sent = samples_to_read(node, client.reads)
    records = client.consume(node.bootstrap, [topic])
    assert_same(sent, records, topic, READER, client)
    return {"records": len(records)}


def seek_by_time(node: Node, name: str, _directory: pathlib.Path) -> dict:
    """The first record at or after a time, inside compressed batches too."""
    topic, sent = samples_to_read(node, CODECS)
    times = [record["timestamp"] for record in sent if record["partition"] == 1]
    asked = [FIRST_TIMESTAMP - 5000]
    for index in range(len(CODECS)):
        inside = times[index * 40 + 17]
        asked += [inside, inside + 1]
    asked.append(times[-1] + 1)
    found = CLIENTS[name].offsets_at(node.bootstrap, topic, 1, asked)
    expected = [0] + [index * 40 + 17 + more for index in range(len(CODECS)) for more in (0, 1)]
    assert found[:-1] == expected
    return {"offsets": found}


def group(node: Node, name: str, directory: pathlib.Path) -> dict:
    """Subscribes, reads, commits, leaves; the next member goes on after what was committed."""
    topic, members = create_topic(node, f"{name}-group", PARTITIONS), f"{name}-members"
    feeder = groups.Feeder(node.bootstrap, topic, PARTITIONS)
    found = {}
    with contextlib.ExitStack() as stack:
        for run in (1, 2):
            feeder.send(PARTITIONS * 100)
            ledger = directory / f"{name}-{run}.ledger"
            member = Member(CLIENTS[name], name, node.bootstrap, members, topic, ledger)
            stack.callback(member.close)
            member.wait_for("record", PARTITIONS * 100)
            wanted = dict.fromkeys(range(PARTITIONS), run * 100)

            def all_committed():
                return groups.committed(node.bootstrap, members, topic, PARTITIONS) == wanted

            member.until(all_committed, f"committed offsets {wanted}")
            member.finish()
            assert all_committed(), "leaving changed the committed offsets"
            found[f"run {run}"] = member.ranges()
            found[f"assigned {run}"] = member.ledger("assigned")[-1:]
    expected = {str(partition): [100, 199, 100] for partition in range(PARTITIONS)}
    assert found["run 2"] == expected, "did not go on after what was committed"
    return found


def split(members: list[Member], at_least: int) -> list[set[int]] | None:
    """Who reads which partitions, if each record from that number on went to one member."""
    shares = [
        {partition for partition, _, number in member.records() if number >= at_least}
        for member in members
    ]
    whole = sum(map(len, shares)) == SHARED_PARTITIONS and all(shares)
    return shares if whole and set.union(*shares) == set(range(SHARED_PARTITIONS)) else None


def share(node: Node, name: str, directory: pathlib.Path) -> dict:
    """Two members share the partitions; when one leaves, the other gets them all."""
    topic, members = create_topic(node, f"{name}-share", SHARED_PARTITIONS), f"{name}-sharing"
    feeder = groups.Feeder(node.bootstrap, topic, SHARED_PARTITIONS)
    with contextlib.ExitStack() as stack:
        stream = groups.Stream(feeder)
        stack.callback(stream.stop)

        def join(which: int) -> Member:
            ledger = directory / f"{name}-share-{which}.ledger"
            member = Member(CLIENTS[name], name, node.bootstrap, members, topic, ledger)
            stack.callback(member.close)
            return member

        def settled(who: list[Member]) -> list[set[int]]:
            """Waits until each of the newest records goes to one of these members alone."""
            start = feeder.number

            def shares() -> list[set[int]] | None:
                nonlocal start
                if feeder.number > start + WINDOW:
                    start = feeder.number
                return split(who, start) if feeder.number > start + WINDOW // 4 else None

            found = []
            who[-1].until(lambda: found.append(shares()) or found[-1], "one reader for each")
            return found[-1]

        first = join(1)
        settled([first])
        second = join(2)
        shares = settled([first, second])
        first.finish()
        settled([second])
        stream.stop()
        dropped = SHARED_PARTITIONS if CLIENTS[name].drops_when_leaving else 0

        def read() -> bool:
            missing = set(range(feeder.number)) - first.numbers() - second.numbers()
            return len(missing) <= dropped

        second.until(read, "every record was read by one of the two")
        second.finish()
    return {"shares": sorted(map(len, shares)), "after leaving": SHARED_PARTITIONS}


SCENARIOS = {
    "produce": produce,
    "consume": consume,
    "seek by time": seek_by_time,
    "group": group,
    "share": share,
}
