"""aiokafka while its broker stops and dies.

    aiokafka_live.py hammer BOOTSTRAP TOPIC PARTITIONS LEDGER PAUSE_MS
    aiokafka_live.py member BOOTSTRAP GROUP TOPIC LEDGER

Each until stdin closes or says something. The ledgers are those of JavaHammer and JavaMember.
"""

import asyncio
import select
import sys

import aiokafka
import aiokafka.errors


def stopped() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


async def hammer(bootstrap, topic, partitions, ledger_path, pause_ms) -> None:
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        request_timeout_ms=100_000,
        retry_backoff_ms=50,
    )
    await producer.start()
    partitions = int(partitions)

    async def send_to(partition: int, ledger) -> None:
        number = partition
        while not stopped():
            place = f"{number} {partition}"
            value = f"aiokafka {number:012}".encode()
            try:
                told = await producer.send_and_wait(topic, value, partition=partition)
                ledger.write(f"ack {place} {told.offset}\n")
            except aiokafka.errors.KafkaError as problem:
                ledger.write(f"fail {place} {problem!r}\n")
            number += partitions
            await asyncio.sleep(int(pause_ms) * partitions / 1000)

    with open(ledger_path, "w", buffering=1) as ledger:
        await asyncio.gather(*(send_to(partition, ledger) for partition in range(partitions)))
        await producer.stop()


class Told(aiokafka.ConsumerRebalanceListener):
    def __init__(self, ledger):
        self.ledger = ledger

    async def on_partitions_assigned(self, assigned):
        numbers = sorted(place.partition for place in assigned)
        self.ledger.write(f"assigned {' '.join(map(str, numbers))}\n")

    async def on_partitions_revoked(self, revoked):
        pass


async def step(consumer, ledger) -> None:
    next_offsets = {}
    for place, records in (await consumer.getmany(timeout_ms=100)).items():
        for record in records:
            value = (record.value or b"").decode()
            ledger.write(f"record {record.partition} {record.offset} {value}\n")
        next_offsets[place] = records[-1].offset + 1
    if not next_offsets:
        return
    try:
        await consumer.commit(next_offsets)
    except aiokafka.errors.KafkaError as problem:
        # A rebalance or a dead broker: who has the partitions then reads these records again.
        print(repr(problem), file=sys.stderr)
        return
    for place, offset in next_offsets.items():
        ledger.write(f"committed {place.partition} {offset}\n")


async def member(bootstrap, group, topic, ledger_path) -> None:
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=10_000,
        heartbeat_interval_ms=500,
        fetch_max_wait_ms=100,
        retry_backoff_ms=50,
    )
    with open(ledger_path, "w", buffering=1) as ledger:
        consumer.subscribe([topic], listener=Told(ledger))
        await consumer.start()
        try:
            while not stopped():
                await step(consumer, ledger)
        finally:
            await consumer.stop()


asyncio.run({"hammer": hammer, "member": member}[sys.argv[1]](*sys.argv[2:]))
