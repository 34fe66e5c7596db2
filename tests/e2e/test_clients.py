"""Every producer client to every consumer client, in each codec, and offsets by time."""

import pytest
from clients import CONSUMERS, PRODUCERS
from records import CODECS, FIRST_TIMESTAMP, PARTITIONS, all_samples, assert_same
from tools import create_topic


@pytest.fixture(scope="module")
def produced(node):
    """What became of each producer's records: None, or why it failed."""
    outcomes = {}
    for name, client in PRODUCERS.items():
        try:
            topic = create_topic(node, f"from-{name}", PARTITIONS)
            client.produce(node.bootstrap, topic, all_samples(client.plain, client.codecs))
            outcomes[name] = None
        except Exception as failure:
            outcomes[name] = failure
    return outcomes


def compare(name: str, records: list[dict], reader) -> None:
    writer = PRODUCERS[name]
    sent = all_samples(writer.plain, writer.codecs)
    assert_same(sent, records, f"from-{name}", writer, reader)


def records_of(name: str, records: list[dict]) -> list[dict]:
    return [record for record in records if record["topic"] == f"from-{name}"]


@pytest.fixture(scope="module")
def seen_by_java(node, produced):
    """What Kafka's own consumer reads of all producers' topics."""
    topics = [f"from-{name}" for name, failure in produced.items() if failure is None]
    return PRODUCERS["java-4.2"].consume(node.bootstrap, topics)


@pytest.mark.parametrize("name", PRODUCERS)
def test_produces(produced, seen_by_java, name):
    if produced[name] is not None:
        raise produced[name]
    compare(name, records_of(name, seen_by_java), PRODUCERS["java-4.2"])


@pytest.mark.parametrize("name", CONSUMERS)
def test_consumes(node, produced, name):
    readable = set(CONSUMERS[name].reads)
    from_whom = [
        producer
        for producer, failure in produced.items()
        if failure is None and readable.issuperset(PRODUCERS[producer].codecs)
    ]
    assert from_whom, "no client could produce"
    topics = [f"from-{producer}" for producer in from_whom]
    records = CONSUMERS[name].consume(node.bootstrap, topics)
    for producer in from_whom:
        compare(producer, records_of(producer, records), CONSUMERS[name])


@pytest.mark.parametrize("name", CONSUMERS)
def test_finds_offsets_by_time(node, produced, name):
    """Exact to the record, inside compressed batches too."""
    assert produced["java-4.2"] is None, "the records to look for were not produced"
    sent = [record["timestamp"] for record in all_samples() if record["partition"] == 1]
    asked = []
    for index in range(len(CODECS)):
        inside = sent[index * 40 + 17]
        asked += [(inside, index * 40 + 17), (inside + 1, index * 40 + 18)]
    asked.append((FIRST_TIMESTAMP - 5000, 0))
    times = [time for time, _ in asked]
    found = CONSUMERS[name].offsets_at(node.bootstrap, "from-java-4.2", 1, times)
    assert found == [offset for _, offset in asked]
