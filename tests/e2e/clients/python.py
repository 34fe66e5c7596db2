"""The Python clients, in this process."""

import asyncio
import itertools

import aiokafka
import confluent_kafka
import kafka
import kafka.structs
from clients.client import Client
from records import PARTITIONS


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


class KafkaPython(Client):

    def produce(self, bootstrap, topic, records):
        for codec, group in by_codec(records):
            kind = None if codec == "none" else codec
            producer = kafka.KafkaProducer(
                bootstrap_servers=bootstrap, compression_type=kind, linger_ms=5, acks="all"
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
        return [-1 if item is None else item.offset for item in found]


class Confluent(Client):

    def produce(self, bootstrap, topic, records):
        failures = []

        def delivered(problem, _message):
            if problem is not None:
                failures.append(problem)

        for codec, group in by_codec(records):
            settings = {"bootstrap.servers": bootstrap, "compression.codec": codec}
            producer = confluent_kafka.Producer(settings | {"enable.idempotence": True})
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


class AioKafka(Client):

    def produce(self, bootstrap, topic, records):
        asyncio.run(self._produce(bootstrap, topic, records))

    async def _produce(self, bootstrap, topic, records):
        for codec, group in by_codec(records):
            kind = None if codec == "none" else codec
            producer = aiokafka.AIOKafkaProducer(
                bootstrap_servers=bootstrap, compression_type=kind, acks="all", linger_ms=5
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
        return [-1 if item is None else item.offset for item in found]
