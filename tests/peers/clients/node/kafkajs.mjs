// kafkajs behind the verbs of the matrix. Of the codecs it has gzip by itself; it consumes in groups
// only, so that `consume` makes one.
//
//   kafkajs.mjs produce BOOTSTRAP TOPIC [ACKS]
//   kafkajs.mjs consume BOOTSTRAP TOPIC...
//   kafkajs.mjs times BOOTSTRAP TOPIC PARTITION TIMESTAMP...
//   kafkajs.mjs hammer BOOTSTRAP TOPIC PARTITIONS LEDGER PAUSE_MS
//   kafkajs.mjs member BOOTSTRAP GROUP TOPIC LEDGER
import { randomUUID } from 'node:crypto'
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { Missing, print, runs } from './input.mjs'
import { hammer, Ledger, stopped } from './live.mjs'

const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP }
const [verb, bootstrap, ...rest] = process.argv.slice(2)
const retry = { initialRetryTime: 50, maxRetryTime: 200, retries: 1000 }
const client = new Kafka({
  clientId: 'matrix', brokers: [bootstrap], logLevel: logLevel.ERROR, retry
})

async function produce(topic, acks = 'all') {
  const idempotent = acks === 'idempotent'
  const producer = client.producer({ idempotent })
  await producer.connect()
  for (const { codec, records } of await runs()) {
    const messages = records.map((record) => ({
      partition: record.partition,
      key: record.key,
      value: record.value,
      timestamp: String(record.timestamp),
      // Headers of one name are a list under that name.
      headers: record.headers.reduce(
        (all, [name, value]) => ({ ...all, [name]: [...(all[name] ?? []), value] }), {})
    }))
    const required = { 0: 0, 1: 1, all: -1, idempotent: -1 }[acks]
    await producer.send({ topic, acks: required, compression: codecs[codec], messages })
  }
  await producer.disconnect()
}

// A name that came more than once has a list.
const pairs = (headers) => Object.entries(headers ?? {}).flatMap(
  ([name, values]) => [values].flat().map((value) => [name, Buffer.from(value)]))

async function consume(...topics) {
  const admin = client.admin()
  await admin.connect()
  const missing = new Missing()
  for (const topic of topics) {
    for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
      missing.add(topic, partition, Number(high))
    }
  }
  await admin.disconnect()
  const consumer = client.consumer({ groupId: `reads-${randomUUID()}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topics, fromBeginning: true })
  await new Promise((done) => consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      print({ ...message, topic, partition, headers: pairs(message.headers) })
      if (missing.without(topic, partition, Number(message.offset))) done()
    }
  }))
  await consumer.disconnect()
}

async function times(topic, partition, ...timestamps) {
  const admin = client.admin()
  await admin.connect()
  for (const timestamp of timestamps) {
    const found = await admin.fetchTopicOffsetsByTimestamp(topic, Number(timestamp))
    console.log(found.find((each) => each.partition === Number(partition)).offset)
  }
  await admin.disconnect()
}

async function sendNumbers(topic, partitions, ledger, pauseMs) {
  const producer = client.producer()
  await producer.connect()
  await hammer(Number(partitions), ledger, Number(pauseMs), async (partition, value) => {
    const [told] = await producer.send({ topic, acks: -1, messages: [{ partition, value }] })
    return told.baseOffset
  })
  await producer.disconnect()
}

async function member(groupId, topic, path) {
  const ledger = new Ledger(path)
  const consumer = client.consumer({
    groupId, sessionTimeout: 10000, heartbeatInterval: 500, maxWaitTimeInMs: 100, retry
  })
  consumer.on('consumer.group_join', ({ payload }) =>
    ledger.assigned(payload.memberAssignment[topic] ?? []))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch: { partition, messages }, resolveOffset, heartbeat }) => {
      ledger.records(partition, messages.map(({ offset, value }) => [offset, value]))
      const next = String(Number(messages.at(-1).offset) + 1)
      await consumer.commitOffsets([{ topic, partition, offset: next }])
      ledger.committed(partition, next)
      resolveOffset(messages.at(-1).offset)
      await heartbeat()
    }
  })
  await stopped.comes
  await consumer.disconnect()
}

await { produce, consume, times, hammer: sendNumbers, member }[verb](...rest)
// Once all that was printed is out.
process.stdout.write('', () => process.exit(0))
