// The records that a test writes to stdin: JSON lines, bytes as base64, absent ones null.
import { createInterface } from 'node:readline'

const bytes = (text) => (text === null ? null : Buffer.from(text, 'base64'))

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
