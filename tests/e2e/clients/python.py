"""The Python clients, in this process; those that live long are processes of their own."""

import asyncio
import itertools
import re
import sys

import aiokafka
import confluent_kafka
import kafka
import kafka.structs
from clients.client import Client
from records import PARTITIONS

import peers

PROGRAMS = peers.CLIENTS / "python"

def by_codec(records):
    return itertools.groupby(records, key=lambda record: record["codec"])


def shape(topic, partition, record, headers):
    return {
        "topic": topic,
        "partition": partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record.key,
        "value": record.value,
        "headers": [(name, value) for name, value in headers],
    }


def timestamped(found: list) -> list[int]:
    return [-1 if item is None else item.offset for item in found]


class Python(Client):
    language = "Python"

    def version(self):
        text = (PROGRAMS / "requirements.txt").read_text()
        return re.search(rf"^{self.library}==(\S+)", text, re.MULTILINE)[1]

    def hammer(self, *arguments):
        return [sys.executable, *self._program("hammer"), *map(str, arguments)]

    def member(self, *arguments):
        return [sys.executable, *self._program("member"), *map(str, arguments)]

    def _program(self, verb: str) -> list[str]:
        return [str(PROGRAMS / f"{self.library.replace('-', '_')}_live.py"), verb]


class KafkaPython(Python):
    library = "kafka-python"

    def produce(self, bootstrap, topic, records, acks="all"):
        for codec, group in by_codec(records):
            kind = None if codec == "none" else codec
            producer = kafka.KafkaProducer(
                bootstrap_servers=bootstrap,
                compression_type=kind,
                linger_ms=5,
                acks={"0": 0, "1": 1}.get(acks, "all"),
                enable_idempotence=acks == "idempotent",
            )
            sent = [
                producer.send(
                    topic,
                    value=record["value"],
                    key=record["key"],
                    headers=record["headers"],
                    partition=record["partition"],
                    timestamp_ms=record["timestamp"],
                )
                for record in group
            ]
            producer.flush(timeout=30)
            for acknowledged in sent:
                acknowledged.get(timeout=30)
            producer.close(timeout=10)

    def _consumer(self, bootstrap):
        return kafka.KafkaConsumer(
            bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest"
        )

    def consume(self, bootstrap, topics):
        records = []
        consumer = self._consumer(bootstrap)
        for topic in topics:
            numbers = consumer.partitions_for_topic(topic)
            partitions = [kafka.structs.TopicPartition(topic, number) for number in numbers]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            ends = consumer.end_offsets(partitions)
            while any(consumer.position(partition) < end for partition, end in ends.items()):
                for batch in consumer.poll(timeout_ms=500).values():
                    records += [shape(topic, r.partition, r, r.headers) for r in batch]
        consumer.close()
        return records

    def offsets_at(self, bootstrap, topic, partition, timestamps):
        consumer = self._consumer(bootstrap)
        place = kafka.structs.TopicPartition(topic, partition)
        found = [consumer.offsets_for_times({place: timestamp})[place] for timestamp in timestamps]
        consumer.close()
        return timestamped(found)


class Confluent(Python):
    library = "confluent-kafka"

    def _program(self, verb: str) -> list[str]:
        return [str(PROGRAMS / f"confluent_{verb}.py")]

    def produce(self, bootstrap, topic, records, acks="all"):
        failures = []

        def delivered(problem, _message):
            if problem is not None:
                failures.append(problem)

        for codec, group in by_codec(records):
            settings = {"bootstrap.servers": bootstrap, "compression.codec": codec}
            if acks == "idempotent":
                settings["enable.idempotence"] = True
            else:
                settings["acks"] = acks
            producer = confluent_kafka.Producer(settings)
            for record in group:
                producer.produce(
                    topic,
                    value=record["value"],
                    key=record["key"],
                    headers=record["headers"],
                    partition=record["partition"],
                    timestamp=record["timestamp"],
                    on_delivery=delivered,
                )
            assert producer.flush(30) == 0, "records stayed in the producer's queue"
        assert not failures, failures

    @staticmethod
    def _consumer(bootstrap):
        settings = {"enable.auto.commit": False, "check.crcs": True, "group.id": "reads-all"}
        return confluent_kafka.Consumer({"bootstrap.servers": bootstrap, **settings})

    def consume(self, bootstrap, topics):
        consumer = self._consumer(bootstrap)
        ends = {}
        for topic in topics:
            for number in consumer.list_topics(topic, timeout=30).topics[topic].partitions:
                place = confluent_kafka.TopicPartition(topic, number)
                _, ends[topic, number] = consumer.get_watermark_offsets(place, timeout=30)
        ends = {place: end for place, end in ends.items() if end > 0}
        beginning = confluent_kafka.OFFSET_BEGINNING
        consumer.assign(
            [confluent_kafka.TopicPartition(*place, beginning) for place in ends]
        )
        records = []
        while ends:
            message = consumer.poll(30)
            assert message is not None, f"nothing more comes, before {ends}"
            assert message.error() is None, message.error()
            records.append(self._shape(message))
            place = (message.topic(), message.partition())
            if message.offset() + 1 >= ends.get(place, 0):
                ends.pop(place, None)
        consumer.close()
        return records

    @staticmethod
    def _shape(message):
        return {
            "topic": message.topic(),
            "partition": message.partition(),
            "offset": message.offset(),
            "timestamp": message.timestamp()[1],
            "key": message.key(),
            "value": message.value(),
            "headers": message.headers() or [],
        }

    def offsets_at(self, bootstrap, topic, partition, timestamps):
        consumer = self._consumer(bootstrap)
        found = [
            consumer.offsets_for_times(
                [confluent_kafka.TopicPartition(topic, partition, timestamp)], timeout=30
            )[0].offset
            for timestamp in timestamps
        ]
        consumer.close()
        return found


class AioKafka(Python):
    library = "aiokafka"

    def produce(self, bootstrap, topic, records, acks="all"):
        asyncio.run(self._produce(bootstrap, topic, records, acks))

    async def _produce(self, bootstrap, topic, records, acks):
        for codec, group in by_codec(records):
            kind = None if codec == "none" else codec
            producer = aiokafka.AIOKafkaProducer(
                bootstrap_servers=bootstrap,
                compression_type=kind,
                acks={"0": 0, "1": 1}.get(acks, "all"),
                enable_idempotence=acks == "idempotent",
                linger_ms=5,
            )
            await producer.start()
            try:
                sent = [
                    await producer.send(
                        topic,
                        value=record["value"],
                        key=record["key"],
                        headers=record["headers"],
                        partition=record["partition"],
                        timestamp_ms=record["timestamp"],
                    )
                    for record in group
                ]
                await asyncio.wait_for(asyncio.gather(*sent), 30)
            finally:
                await producer.stop()

    def consume(self, bootstrap, topics):
        return asyncio.run(self._consume(bootstrap, topics))

    async def _consume(self, bootstrap, topics):
        records = []
        consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            # aiokafka learns a topic's partitions only by assignment.
            partitions = [
                aiokafka.TopicPartition(topic, number)
                for topic in topics
                for number in range(PARTITIONS)
            ]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            missing = {place: end for place, end in ends.items() if end}
            while missing:
                for place, batch in (await consumer.getmany(timeout_ms=500)).items():
                    records += [shape(place.topic, r.partition, r, r.headers) for r in batch]
                    if batch[-1].offset + 1 >= missing[place]:
                        del missing[place]
        finally:
            await consumer.stop()
        return records

    def offsets_at(self, bootstrap, topic, partition, timestamps):
        return asyncio.run(self._offsets_at(bootstrap, topic, partition, timestamps))

    async def _offsets_at(self, bootstrap, topic, partition, timestamps):
        place = aiokafka.TopicPartition(topic, partition)
        consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None)
        await consumer.start()
        try:
            consumer.assign([place])
            found = [
                (await consumer.offsets_for_times({place: time}))[place] for time in timestamps
            ]
        finally:
            await consumer.stop()
        return timestamped(found)
