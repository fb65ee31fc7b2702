/** Point reads, now and in the past, and the history of a row: 20,000 keys with 50 versions each, and 1 version each beside them. */
import { open } from 'driftdb'
import { Bench } from 'tinybench'
import { heading, line } from './report.js'
import { order, orders } from '../workloads/order.js'
import { randomNumbers } from '../workloads/random.js'

const [, , directory = ''] = process.argv
const KEYS = 20_000
const VERSIONS = 50
/** Calls in one measured run: the timer is too coarse for one. */
const CALLS = 200

heading(`Reads by key: ${KEYS.toLocaleString('en-US')} keys`)
await using db = await open(`${directory}/db`)
await db.createTable('once', { primaryKey: 'id' })
await db.createTable('often', { primaryKey: 'id' })
const once = db.table('once')
const often = db.table('often')
await once.insertMany(orders(0, KEYS))
await often.insertMany(orders(0, KEYS))
const firstSeq = db.lastSeq
for (let version = 1; version < VERSIONS; version++) {
  for (let from = 0; from < KEYS; from += 1000) {
    const operations = Array.from({ length: 1000 }, (_, index) => ({
      patch: 'often',
      key: order(from + index).id,
      set: { status: `state-${version}`, amount_cents: version * 1000 + index }
    }))
    await db.batch(operations)
  }
}
const random = randomNumbers(7)
const ids = Array.from({ length: KEYS }, (_, index) => order(index).id)
const randomId = () => ids[random(KEYS)] ?? ''

// What is timed is checked first: the fold of a key's patches at a random point.
for (let check = 0; check < 2000; check++) {
  const index = random(KEYS)
  const version = random(VERSIONS)
  const row = db
    .asOf({ seq: firstSeq + version * KEYS })
    .table<{ status: string }>('often')
    .get(ids[index] ?? '')
  const expected = version === 0 ? order(index).status : `state-${version}`
  if (row?.status !== expected) throw new Error(`wrong answer: ${row?.status}, expected ${expected}`)
}
const views = Array.from({ length: 64 }, () => db.asOf({ seq: firstSeq + random(KEYS * (VERSIONS - 1)) }).table('often'))

const bench = new Bench({ time: 1500, warmupTime: 500 })
const add = (name: string, call: () => unknown) =>
  bench.add(
    name,
    () => {
      for (let index = 0; index < CALLS; index++) call()
    },
    { async: false }
  )
add('now', () => once.get(randomId()))
add('now, patched', () => often.get(randomId()))
add('past', () => views[random(64)]?.get(randomId()))
add('history', () => {
  let events = 0
  for (const entry of often.history(randomId())) events += entry.seq > 0 ? 1 : 0
  if (events !== VERSIONS) throw new Error(`history of ${events} events`)
})
await bench.run()
const us = (name: string): number => {
  const task = bench.getTask(name)
  const result = task?.result
  if (result === undefined || !('latency' in result)) throw new Error(`${name}: ${JSON.stringify(result)}`)
  return (result.latency.p50 * 1000) / CALLS
}
line('get, 1 version a key', `${us('now').toFixed(2)} us`, 'goal <= 3 us')
line('get, 50 versions a key', `${us('now, patched').toFixed(2)} us`)
line('get at a past seq, 50 versions a key', `${us('past').toFixed(2)} us`, 'goal <= 2 x get, or 3 us')
line('get at a past seq against get', `${(us('past') / us('now')).toFixed(2)} x`)
line('history of a key with 50 versions', `${us('history').toFixed(1)} us`, 'goal <= 60 us')
