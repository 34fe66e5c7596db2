"""Real text through kcat and the Java producer in every codec, over restarts and one kill -9.

KARST_E2E_CORPUS_MB sets the size, 210 unless told. What Java, Python and kcat read back is compared
per partition, byte for byte.
"""

import filecmp
import os
import pathlib
import shutil
import subprocess

import bring
import corpus
import kafka
import kafka.structs
import pytest
from clients.console import RECORD_END
from node import Node, stable_port
from records import CODECS
from tools import create_topic

import peers

MEGABYTES = int(os.environ.get("KARST_E2E_CORPUS_MB", "210"))
PARTITIONS = 8
TOPIC = "corpus"
PRODUCERS = ("kcat", "java")
# Runs of records that stay with one producer and codec.
RUN = 64
# The codec during which the node dies, and those before which it is restarted in good order.
KILLED_DURING = "lz4"
RESTARTED_BEFORE = ("gzip", "zstd")


class Slices:
    """The corpus as files: what each producer sends in each codec, and what partitions hold."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.bytes = 0
        self.records = 0
        phases = [(codec, producer) for codec in CODECS for producer in PRODUCERS]
        outputs = {
            (codec, producer, partition): open(self.path(codec, producer, partition), "wb")
            for codec, producer in phases
            for partition in range(PARTITIONS)
        }
        for number, record in enumerate(corpus.records(MEGABYTES * 1_000_000)):
            codec, producer = phases[number // RUN % len(phases)]
            framed = corpus.frame(record)
            output = outputs[codec, producer, number % PARTITIONS]
            output.write(framed if producer == "java" else record + RECORD_END.encode())
            self.bytes += len(record)
            self.records += 1
        for output in outputs.values():
            output.close()

    def path(self, codec: str, producer: str, partition: int) -> pathlib.Path:
        return self.directory / f"{codec}-{producer}-{partition}"

    def expected(self, partition: int) -> pathlib.Path:
        """All frames of a partition, in the order in which they were sent."""
        path = self.directory / f"expected-{partition}"
        with open(path, "wb") as out:
            for codec in CODECS:
                sent = self.path(codec, "kcat", partition).read_bytes()
                out.writelines(
                    corpus.frame(record) for record in sent.split(RECORD_END.encode())[:-1]
                )
                out.write(self.path(codec, "java", partition).read_bytes())
        return path


def start_java(node: Node, slices: Slices, codec: str) -> subprocess.Popen:
    files = [slices.path(codec, "java", partition) for partition in range(PARTITIONS)]
    arguments = ["produce", node.bootstrap, TOPIC, codec, *files]
    classes = [bring.java_classes("4.2")]
    command = peers.java_command("4.2", "JavaCorpus", *arguments, classes=classes)
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def produce_java(node: Node, slices: Slices, codec: str) -> None:
    with start_java(node, slices, codec) as java:
        if codec == KILLED_DURING:
            assert java.stdout.readline().startswith("sent"), "the producer ended before the kill"
            node.kill()
            node.start()
        output = java.stdout.read()
        assert java.wait(240) == 0 and "done" in output, f"the Java producer failed: {output}"


def produce_kcat(node: Node, slices: Slices, codec: str) -> None:
    for partition in range(PARTITIONS):
        options = [
            "-p",
            str(partition),
            "-z",
            codec,
            "-D",
            RECORD_END,
            "-X",
            "enable.idempotence=true",
        ]
        with open(slices.path(codec, "kcat", partition), "rb") as text:
            command = ["kcat", "-P", "-b", node.bootstrap, "-t", TOPIC, *options]
            done = subprocess.run(command, stdin=text, capture_output=True, timeout=240)
        assert done.returncode == 0, done.stderr.decode(errors="replace")


def read_java(node: Node, directory: pathlib.Path) -> None:
    arguments = ["consume", node.bootstrap, TOPIC, directory]
    classes = [bring.java_classes("4.2")]
    command = peers.java_command("4.2", "JavaCorpus", *arguments, classes=classes)
    subprocess.run(command, check=True, timeout=240)


def read_kcat(node: Node, directory: pathlib.Path) -> None:
    for partition in range(PARTITIONS):
        options = ["-p", str(partition), "-o", "beginning", "-e", "-q", "-u", "-f", "%R%s"]
        with open(directory / f"{partition}.frames", "wb") as out:
            command = ["kcat", "-C", "-b", node.bootstrap, "-t", TOPIC, *options]
            subprocess.run(command, stdout=out, check=True, timeout=240)


def read_python(node: Node, directory: pathlib.Path) -> None:
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=node.bootstrap, group_id=None, max_poll_records=5000
    )
    places = [kafka.structs.TopicPartition(TOPIC, partition) for partition in range(PARTITIONS)]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    ends = consumer.end_offsets(places)
    outputs = [open(directory / f"{partition}.frames", "wb") for partition in range(PARTITIONS)]
    while any(consumer.position(place) < end for place, end in ends.items()):
        for place, batch in consumer.poll(timeout_ms=500).items():
            for record in batch:
                outputs[place.partition].write(corpus.frame(record.value))
    for output in outputs:
        output.close()
    consumer.close()


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus")
    made = Slices(directory)
    yield made
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def filled(slices, tmp_path_factory):
    """A node that has taken the whole corpus, with restarts and one kill in between."""
    directory = tmp_path_factory.mktemp("corpus-node")
    node = Node(directory, "num.partitions=8", port=stable_port(2)).start()
    create_topic(node, TOPIC, PARTITIONS)
    for codec in CODECS:
        if codec in RESTARTED_BEFORE:
            node.stop()
            node.start()
        produce_kcat(node, slices, codec)
        produce_java(node, slices, codec)
    node.stop()
    node.start()
    yield node
    node.close()
    shutil.rmtree(directory)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("read", [read_java, read_python, read_kcat])
def test_reads_back_byte_for_byte(slices, filled, read, tmp_path):
    assert slices.bytes >= MEGABYTES * 1_000_000, f"this machine has {slices.bytes} bytes of text"
    read(filled, tmp_path)
    for partition in range(PARTITIONS):
        want = slices.expected(partition)
        have = tmp_path / f"{partition}.frames"
        if not filecmp.cmp(want, have, shallow=False):
            pytest.fail(f"partition {partition}: {difference(want, have)}")
        have.unlink()
    print(f"{slices.records} records, {slices.bytes} bytes")


def difference(want: pathlib.Path, have: pathlib.Path) -> str:
    wanted, had = want.read_bytes(), have.read_bytes()
    common = len(os.path.commonprefix([wanted, had]))
    around = slice(max(0, common - 40), common + 80)
    sizes = f"{len(wanted)} bytes wanted, {len(had)} read, the same up to {common}"
    return f"{sizes}; wanted {wanted[around]!r}, read {had[around]!r}"
