"""A group's committed offsets as another client sees them, and records to read."""

import threading

import confluent_kafka
from confluent_kafka import KafkaError
from node import eventually

# After a restart a coordinator first reads what it knew; librdkafka's committed() gives up at that.
COORDINATOR_MOVES = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}


def committed(bootstrap: str, group: str, topic: str, partitions: int) -> dict[int, int]:
    """The committed offset of each partition that has one."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    asked = [confluent_kafka.TopicPartition(topic, number) for number in range(partitions)]

    def ask():
        try:
            return consumer.committed(asked, timeout=30)
        except confluent_kafka.KafkaException as problem:
            if problem.args[0].code() in COORDINATOR_MOVES:
                return None
            raise

    found = eventually(ask, 60, f"the coordinator of {group} answers", every=0.1)
    consumer.close()
    for place in found:
        assert place.error is None, f"{group}: committed offset of {place}: {place.error}"
    return {place.partition: place.offset for place in found if place.offset >= 0}


class Feeder:
    """Sends numbers round robin over a topic's partitions, as values `feeder NUMBER`."""

    def __init__(self, bootstrap: str, topic: str, partitions: int):
        self.producer = confluent_kafka.Producer(
            {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 1}
        )
        self.topic = topic
        self.partitions = partitions
        self.number = 0  # the next one

    def send(self, count: int) -> None:
        for _ in range(count):
            value = f"feeder {self.number:012}"
            self.producer.produce(self.topic, value, partition=self.number % self.partitions)
            self.number += 1
        assert self.producer.flush(30) == 0, "records stayed in the producer's queue"


class Stream:
    """A feeder that goes on in a thread of its own, a few records at a time."""

    def __init__(self, feeder: Feeder, seconds_between: float = 0.02):
        self.feeder = feeder
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(seconds_between,))
        self._thread.start()

    def _run(self, seconds_between: float) -> None:
        while not self._stopped.wait(seconds_between):
            self.feeder.send(self.feeder.partitions)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
