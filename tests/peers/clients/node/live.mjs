// What clients do while their broker stops and dies. The ledgers are those of JavaHammer and
// JavaMember.
import { appendFileSync, writeFileSync } from 'node:fs'

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))

export class Ledger {
  constructor(path) {
    this.path = path
    writeFileSync(path, '')
  }

  line(text) {
    appendFileSync(this.path, text + '\n')
  }

  assigned(partitions) {
    this.line(`assigned ${[...partitions].sort().join(' ')}`)
  }

  // Records of one partition: pairs of offset and value.
  records(partition, records) {
    const lines = records.map(([offset, value]) => `record ${partition} ${offset} ${value ?? ''}\n`)
    appendFileSync(this.path, lines.join(''))
  }

  committed(partition, offset) {
    this.line(`committed ${partition} ${offset}`)
  }
}

// Resolves when stdin closes or says something; `is` tells whether it did.
export const stopped = { is: false }
stopped.comes = new Promise((done) => {
  const end = () => {
    stopped.is = true
    done()
  }
  // The other verbs read records from there, or nothing.
  if (['hammer', 'member'].includes(process.argv[2])) {
    process.stdin.once('data', end).once('end', end).resume()
  }
})

// Numbers, each partition's one after the other, until stdin closes. `send(partition, value)`
// resolves to the offset.
export async function hammer(partitions, path, pauseMs, send) {
  const ledger = new Ledger(path)
  const sendTo = async (partition) => {
    for (let number = partition; !stopped.is; number += partitions) {
      const value = `node ${String(number).padStart(12, '0')}`
      try {
        ledger.line(`ack ${number} ${partition} ${await send(partition, value)}`)
      } catch (problem) {
        ledger.line(`fail ${number} ${partition} ${problem.message}`)
      }
      await pause(pauseMs * partitions)
    }
  }
  await Promise.all(Array.from({ length: partitions }, (_, partition) => sendTo(partition)))
}
