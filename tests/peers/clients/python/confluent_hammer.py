"""librdkafka's idempotent producer under load while its broker is killed again and again.

    confluent_hammer.py BOOTSTRAP TOPIC PARTITIONS LEDGER [PAUSE_MS]

Sends the numbers 0, 1, 2, ... round robin over the partitions until stdin closes or says something,
then waits for what is in flight; PAUSE_MS is the time between two records. The ledger is that of
JavaHammer.
"""

import select
import sys
import time

import confluent_kafka


def main(
    bootstrap: str, topic: str, partitions: int, ledger_path: str, pause_ms: int = 0
) -> None:
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 1,
            "message.timeout.ms": 120_000,
            "socket.timeout.ms": 10_000,
            "retry.backoff.ms": 20,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 100,
            "queue.buffering.max.messages": 2000,
        }
    )
    with open(ledger_path, "w", buffering=1) as ledger:
        number = 0

        def delivered(sent):
            def record(problem, message):
                place = f"{sent} {sent % partitions}"
                if problem is None:
                    # None: librdkafka did not learn it, for a batch that was a duplicate.
                    offset = -1 if message.offset() is None else message.offset()
                    ledger.write(f"ack {place} {offset}\n")
                else:
                    ledger.write(f"fail {place} {problem}\n")

            return record

        while not select.select([sys.stdin], [], [], 0)[0]:
            value = f"confluent {number:012}".encode()
            try:
                producer.produce(
                    topic, value, partition=number % partitions, on_delivery=delivered(number)
                )
                number += 1
            except BufferError:
                producer.poll(0.01)
            producer.poll(0)
            time.sleep(pause_ms / 1000)
        left = producer.flush(120)
        if left:
            sys.exit(f"{left} records stayed in the queue")


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], *map(int, sys.argv[5:]))
