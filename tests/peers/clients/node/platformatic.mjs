// @platformatic/kafka, of either version, behind the verbs of the matrix. It consumes in groups only,
// so that `consume` makes one. PLATFORMATIC names the package: @platformatic/kafka, which is npm's
// choice for Node 20, or platformatic-newest.
//
//   platformatic.mjs produce BOOTSTRAP TOPIC [ACKS]
//   platformatic.mjs consume BOOTSTRAP TOPIC...
//   platformatic.mjs times BOOTSTRAP TOPIC PARTITION TIMESTAMP...
//   platformatic.mjs hammer BOOTSTRAP TOPIC PARTITIONS LEDGER PAUSE_MS
//   platformatic.mjs member BOOTSTRAP GROUP TOPIC LEDGER
import { randomUUID } from 'node:crypto'
import { Missing, print, runs } from './input.mjs'
import { hammer, Ledger, pause, stopped } from './live.mjs'

const { Consumer, ProduceAcks, Producer } = await import(
  process.env.PLATFORMATIC ?? '@platformatic/kafka')
const [verb, bootstrap, ...rest] = process.argv.slice(2)
const base = { clientId: 'matrix', bootstrapBrokers: [bootstrap], retries: 300, retryDelay: 100 }

async function produce(topic, acks = 'all') {
  const idempotent = acks === 'idempotent'
  const producer = new Producer({ ...base, idempotent })
  const required = {
    0: ProduceAcks.NO_RESPONSE, 1: ProduceAcks.LEADER, all: ProduceAcks.ALL,
    idempotent: ProduceAcks.ALL
  }[acks]
  for (const { codec, records } of await runs()) {
    const messages = records.map((record) => ({
      topic,
      partition: record.partition,
      key: record.key ?? undefined,
      value: record.value ?? undefined,
      timestamp: BigInt(record.timestamp),
      headers: new Map(record.headers.map(([name, value]) => [Buffer.from(name), value]))
    }))
    await producer.send({ messages, acks: required, compression: codec })
  }
  await producer.close()
}

async function ends(consumer, topics) {
  const missing = new Missing()
  for (const [topic, offsets] of await consumer.listOffsets({ topics, timestamp: -1n })) {
    offsets.forEach((end, partition) => missing.add(topic, partition, Number(end)))
  }
  return missing
}

async function consume(...topics) {
  const consumer = new Consumer({ ...base, groupId: `reads-${randomUUID()}`, maxWaitTime: 100 })
  // It learns a topic's partitions with the metadata that it asks for here.
  const missing = await ends(consumer, topics)
  const stream = await consumer.consume({ topics, mode: 'earliest', autocommit: false })
  for await (const { topic, partition, offset, timestamp, key, value, headers } of stream) {
    const named = [...headers].map(([name, value]) => [name.toString(), value])
    print({ topic, partition, offset, timestamp, key, value, headers: named })
    if (missing.without(topic, partition, Number(offset))) break
  }
  await consumer.close(true)
}

async function times(topic, partition, ...timestamps) {
  const consumer = new Consumer({ ...base, groupId: 'asks' })
  for (const timestamp of timestamps) {
    const found = await consumer.listOffsets({ topics: [topic], timestamp: BigInt(timestamp) })
    console.log(String(found.get(topic)[Number(partition)]))
  }
  await consumer.close()
}

async function sendNumbers(topic, partitions, ledger, pauseMs) {
  const producer = new Producer({ ...base })
  await hammer(Number(partitions), ledger, Number(pauseMs), async (partition, text) => {
    const value = Buffer.from(text)
    const told = await producer.send({
      messages: [{ topic, partition, value }], acks: ProduceAcks.ALL
    })
    return told.offsets[0].offset
  })
  await producer.close()
}

// One life of a member: the library's stream ends with an error when the broker is gone for long.
async function live(groupId, topic, ledger) {
  const consumer = new Consumer({
    ...base, groupId, sessionTimeout: 10000, rebalanceTimeout: 10000, heartbeatInterval: 500,
    maxWaitTime: 100
  })
  consumer.on('error', (problem) => console.error(problem.message))
  consumer.on('consumer:group:join', ({ assignments }) =>
    ledger.assigned(assignments?.flatMap((each) => each.partitions) ?? []))
  try {
    const stream = await consumer.consume({
      topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: false
    })
    stopped.comes.then(() => stream.close()).catch(() => {})
    for await (const message of stream) {
      const { partition, offset, value } = message
      ledger.records(partition, [[offset, value]])
      await message.commit()
      ledger.committed(partition, offset + 1n)
    }
  } finally {
    await consumer.close(true).catch((problem) => console.error(problem.message))
  }
}

async function member(groupId, topic, path) {
  const ledger = new Ledger(path)
  while (!stopped.is) {
    try {
      await live(groupId, topic, ledger)
    } catch (problem) {
      console.error(problem.message)
      await pause(100)
    }
  }
}

await { produce, consume, times, hammer: sendNumbers, member }[verb](...rest)
// Once all that was printed is out.
process.stdout.write('', () => process.exit(0))
