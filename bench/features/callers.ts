/** One caller that awaits each insert, and 64 of them, beside append + fdatasync of the same bytes. */
import { open } from 'driftdb'
import { appendAndSync, overwriteAndSync } from '../run/disk.js'
import { heading, line } from './report.js'
import { median, quantile } from '../run/statistics.js'
import { order } from '../workloads/order.js'

const [, , directory = ''] = process.argv
const RECORD_BYTES = 304
const ROUNDS = 5
const PER_ROUND = 800

heading('Durable inserts, one row a commit')
await using db = await open(`${directory}/db`)
await db.createTable('orders', { primaryKey: 'id' })
const orders = db.table('orders')
let next = 0
for (; next < 2000; next++) await orders.insert(order(next))

const appends: number[] = []
const overwrites: number[] = []
const inserts: number[] = []
const tails: number[] = []
const many: number[] = []
for (let round = 0; round < ROUNDS; round++) {
  appends.push(appendAndSync(directory, RECORD_BYTES, PER_ROUND))
  overwrites.push(overwriteAndSync(directory, RECORD_BYTES, PER_ROUND))
  const times: number[] = []
  for (let index = 0; index < PER_ROUND; index++) {
    const began = performance.now()
    await orders.insert(order(next++))
    times.push(performance.now() - began)
  }
  inserts.push(median(times))
  tails.push(quantile(times, 0.99))
  const began = performance.now()
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      for (let index = 0; index < 150; index++) await orders.insert(order(next++))
    })
  )
  many.push((performance.now() - began) / (64 * 150))
}
const append = median(appends)
const overwrite = median(overwrites)
const insert = median(inserts)
line('probe: append + fdatasync, p50', `${(append * 1000).toFixed(0)} us`)
line('probe: overwrite + fdatasync, p50', `${(overwrite * 1000).toFixed(0)} us`)
line('one caller, p50', `${(insert * 1000).toFixed(0)} us`)
line('one caller, p99', `${(median(tails) * 1000).toFixed(0)} us`)
line('one caller: rate against the append probe', `${((append / insert) * 100).toFixed(0)} %`, 'goal >= 85 %')
line('one caller: added to the overwrite probe', `${((insert - overwrite) * 1000).toFixed(0)} us`, 'goal <= 70 us')
line('64 callers', `${Math.round(1000 / median(many)).toLocaleString('en-US')}/s`)
line('64 callers: against the append probe', `${(append / median(many)).toFixed(1)} x`, 'goal >= 15 x')
