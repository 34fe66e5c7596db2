"""Every client of the matrix in every scenario, and the same against Apache Kafka.

By default each client goes once through what tells most: it produces and consumes in a group while
the broker is restarted, and killed. KARST_E2E_MATRIX=whole (tools/test matrix) runs every scenario,
on Karst and on Kafka, and compares; KARST_E2E_REFERENCE names another Kafka than 4.2.
"""

import os

import bring
import lives
import matrix
import pytest
from clients import CLIENTS
from node import BROKER, Node, stable_port
from records import PARTITIONS, sample
from scenarios import SCENARIOS
from tools import create_topic

WHOLE = os.environ.get("KARST_E2E_MATRIX") == "whole"
REFERENCE = os.environ.get("KARST_E2E_REFERENCE", "kafka-4.2")
# Together they must not be too many for two cores.
BATCHES = (
    ("java-2.1", "java-2.8", "java-3.4"),
    ("java-3.9", "java-4.2", "kcat"),
    ("confluent-kafka", "kafka-python", "aiokafka", "rdkafka", "rskafka"),
    ("franz-go", "sarama", "kafka-go"),
    ("kafkajs", "platformatic", "platformatic-newest"),
)
whole = pytest.mark.skipif(not WHOLE, reason="in tools/test matrix")


class Brokers:
    """The node under test and the reference, each started when it is first asked for."""

    def __init__(self, directory):
        self.directory = directory
        self.nodes: dict[str, Node] = {}

    def get(self, broker: str) -> Node:
        if broker not in self.nodes:
            port = stable_port(1 if broker == "karst" else 2)
            settings = ("num.partitions=3", "auto.create.topics.enable=true")
            node = Node(self.directory / broker, *settings, port=port, broker=broker)
            self.nodes[broker] = node.start()
            # Kafka 4.2 has no producer ids at first, and tells the first who asks to try again:
            # kafka-clients 2.1 then does not end by itself (seen three times of three). Another
            # client asks first, of both brokers alike.
            topic = create_topic(node, "asks-first", PARTITIONS)
            CLIENTS["confluent-kafka"].produce(
                node.bootstrap, topic, sample("none"), "idempotent"
            )
        return self.nodes[broker]

    def close(self) -> None:
        for node in self.nodes.values():
            node.close()


@pytest.fixture(scope="module")
def brokers(tmp_path_factory):
    made = Brokers(tmp_path_factory.mktemp("brokers"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def results():
    """What came of each client's scenarios; the table is made of it."""
    found = matrix.Results()
    yield found
    if WHOLE:
        found.write()


def attempt(work):
    """An outcome, or what an exception said: a broker's answers may be compared even so."""
    try:
        return work()
    except bring.NotRun:
        raise
    except Exception as problem:
        return problem


def judge(results, name: str, scenario: str, mine, reference) -> None:
    """Fails unless the outcome is a success and the reference's too, or the difference is known."""
    explained = matrix.DIFFERENCES.get((name, scenario))
    if isinstance(mine, Exception):
        results.add(name, scenario, f"fails: {explained}" if explained else "fails")
        if not explained:
            raise mine
        return
    if not explained and mine != reference:
        results.add(name, scenario, "differs")
        if isinstance(reference, Exception):
            raise AssertionError(f"{REFERENCE} fails where {BROKER} does not") from reference
        raise AssertionError(f"{BROKER}: {mine}, {REFERENCE}: {reference}")
    results.add(name, scenario, "yes", compared=REFERENCE != BROKER)


@whole
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_as_kafka(brokers, results, tmp_path, scenario, name):
    if (name, scenario) in matrix.UNSUPPORTED:
        results.add(name, scenario, matrix.NOT_SUPPORTED)
        pytest.skip(f"not supported by the client: {matrix.UNSUPPORTED[name, scenario]}")
    outcomes = {}
    for broker in {BROKER, REFERENCE}:
        directory = tmp_path / broker
        directory.mkdir()
        node = brokers.get(broker)
        outcomes[broker] = attempt(lambda: SCENARIOS[scenario](node, name, directory))
    judge(results, name, scenario, outcomes[BROKER], outcomes[REFERENCE])


@pytest.fixture(scope="module")
def lived(brokers, tmp_path_factory):
    """The outcomes of a batch of clients on a broker, found when first asked for."""
    found: dict[tuple, dict] = {}

    def outcome(broker: str, name: str):
        (batch,) = [each for each in BATCHES if name in each]
        if (broker, batch) not in found:
            directory = tmp_path_factory.mktemp(f"lives-{broker}")
            found[broker, batch] = lives.run(brokers.get(broker), batch, directory)
        return found[broker, batch][name]

    return outcome


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", [name for batch in BATCHES for name in batch])
def test_lives_through_a_restart_and_a_kill(lived, results, name):
    mine = lived(BROKER, name)
    if isinstance(mine, bring.NotRun):
        raise mine
    if isinstance(mine, dict):
        assert mine["acknowledged records lost"] == 0
        assert mine["records twice"] in (0, "not asked")
        assert not mine["committed offsets that went back"]
    reference = lived(REFERENCE, name) if WHOLE else mine
    judge(results, name, matrix.LIVES, mine, reference)


def test_every_client_is_in_a_batch():
    assert sorted(name for batch in BATCHES for name in batch) == sorted(CLIENTS)


@pytest.mark.skipif(WHOLE, reason="makes the table anew")
def test_the_table_is_of_these_clients():
    """docs/clients.md names each client and the version that is pinned here."""
    text = matrix.TABLE.read_text()
    for name, client in CLIENTS.items():
        assert matrix.first_cells(name, client) in text, f"{name}: tools/test matrix makes it anew"
