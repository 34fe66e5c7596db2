// kafkajs behind one verb of the matrix: kafkajs.mjs produce BOOTSTRAP TOPIC. Of the codecs it has
// gzip by itself.
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { runs } from './input.mjs'

const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP }
const [, bootstrap, topic] = process.argv.slice(2)
const client = new Kafka({ clientId: 'matrix', brokers: [bootstrap], logLevel: logLevel.ERROR })
const producer = client.producer()
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
  await producer.send({ topic, acks: -1, compression: codecs[codec], messages })
}
await producer.disconnect()
