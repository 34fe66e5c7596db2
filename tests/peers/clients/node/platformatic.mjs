// @platformatic/kafka behind one verb of the matrix: platformatic.mjs produce BOOTSTRAP TOPIC. Of the
// codecs it has gzip by itself.
import { ProduceAcks, Producer } from '@platformatic/kafka'
import { runs } from './input.mjs'

const [, bootstrap, topic] = process.argv.slice(2)
const producer = new Producer({ clientId: 'matrix', bootstrapBrokers: [bootstrap] })
for (const { codec, records } of await runs()) {
  const messages = records.map((record) => ({
    topic,
    partition: record.partition,
    key: record.key ?? undefined,
    value: record.value ?? undefined,
    timestamp: BigInt(record.timestamp),
    headers: new Map(record.headers.map(([name, value]) => [Buffer.from(name), value]))
  }))
  await producer.send({ messages, acks: ProduceAcks.ALL, compression: codec })
}
await producer.close()
