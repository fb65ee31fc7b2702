/** insertMany, 1,000 rows a commit, durable, with the memory it takes. */
import { setTimeout } from 'node:timers/promises'
import { open } from 'driftdb'
import { events, heading, line, perSecond } from './report.js'
import { median } from '../run/statistics.js'
import { orders } from '../workloads/order.js'

const [, , directory = ''] = process.argv
heading(`insertMany of ${events.toLocaleString('en-US')} documents, 1,000 a commit, durable`)

let generator = performance.now()
for (const row of orders(0, events)) if (row.priority > 5) throw new Error('unreachable')
generator = performance.now() - generator

await using db = await open(`${directory}/db`)
await db.createTable('orders', { primaryKey: 'id' })
const table = db.table('orders')
let peak = 0
/** Events that were acknowledged and not yet in pages. */
let lag = 0
const rates: number[] = []
let last = performance.now()
let lastDone = 0
const began = performance.now()
const cpu = process.cpuUsage()
const result = await table.insertMany(orders(0, events), {
  onProgress: ({ done }) => {
    peak = Math.max(peak, process.memoryUsage.rss())
    lag = Math.max(lag, db.lastSeq - db.stats().appliedSeq)
    const now = performance.now()
    if (done > lastDone && now > last) rates.push(((done - lastDone) / (now - last)) * 1000)
    last = now
    lastDone = done
  }
})
const ms = performance.now() - began
while (db.stats().appliedSeq < db.lastSeq) await setTimeout(1)
const applied = performance.now() - began
const used = process.cpuUsage(cpu)
if (result.count !== events || table.count() !== events) throw new Error(`expected ${events} rows, found ${table.count()}`)
line('rate', perSecond(events, ms), 'goal >= 300,000/s')
line('rate without the generator of the rows', perSecond(events, ms - generator))
line('rate until all of it is in pages', perSecond(events, applied))
line('furthest that pages were behind', `${lag.toLocaleString('en-US')} events`)
line('median rate of 100 ms', `${Math.round(median(rates)).toLocaleString('en-US')}/s`)
line('CPU of all threads', `${((used.user + used.system) / events).toFixed(2)} us an event`)
line('peak memory of the process', `${Math.round(peak / 2 ** 20)} MiB`)
const { tables, memoryBytes } = db.stats()
line('memory of keys and versions', `${(memoryBytes / events).toFixed(0)} bytes an event`)
line('segment bytes', `${((tables[0]?.segmentBytes ?? 0) / events).toFixed(0)} bytes an event`)
