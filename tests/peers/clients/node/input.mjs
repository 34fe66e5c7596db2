// The records that a test writes to stdin and reads from stdout: JSON lines, bytes as base64, absent
// ones null.
import { createInterface } from 'node:readline'

const bytes = (text) => (text === null ? null : Buffer.from(text, 'base64'))
const text = (bytes) => bytes?.toString('base64') ?? null

// Runs of records of one codec, in order.
export async function runs() {
  const found = []
  for await (const line of createInterface({ input: process.stdin })) {
    const record = JSON.parse(line)
    record.key = bytes(record.key)
    record.value = bytes(record.value)
    record.headers = record.headers.map(([name, value]) => [name, bytes(value)])
    if (found.at(-1)?.codec !== record.codec) found.push({ codec: record.codec, records: [] })
    found.at(-1).records.push(record)
  }
  return found
}

// What has been read, a line; headers are pairs of name and bytes.
export function print({ topic, partition, offset, timestamp, key, value, headers }) {
  const line = {
    topic,
    partition,
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: text(key),
    value: text(value),
    headers: headers.map(([name, value]) => [name, text(value)])
  }
  process.stdout.write(JSON.stringify(line) + '\n')
}

// The end offsets that a consumer has not reached yet, by topic and partition.
export class Missing {
  #ends = new Map()

  add(topic, partition, end) {
    if (end > 0) this.#ends.set(`${topic} ${partition}`, end)
  }

  // Whether all is read with this record.
  without(topic, partition, offset) {
    const place = `${topic} ${partition}`
    if (this.#ends.get(place) <= offset + 1) this.#ends.delete(place)
    return this.#ends.size === 0
  }
}
