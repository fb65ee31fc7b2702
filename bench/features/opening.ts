/** Opening after a clean close, after kill -9 with everything in the WAL, and from a snapshot; bytes on disk before and after COMPACT. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { open } from 'driftdb'
import { events, heading, line } from './report.js'
import { order } from '../workloads/order.js'

const [, , directory = ''] = process.argv
heading(`Opening ${events.toLocaleString('en-US')} events`)

async function ingestInChild(path: string, end: 'close' | 'kill'): Promise<void> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./opening-child.js', import.meta.url)), path, String(events), end], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  child.stdout.on('data', () => child.kill('SIGKILL'))
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (end === 'close' && code !== 0) throw new Error(`the ingest ended with ${code ?? signal}`)
}

for (const [end, goal] of [
  ['close', 'goal <= 1 s'],
  ['kill', 'goal <= 2 s']
] as const) {
  const path = `${directory}/${end}`
  await ingestInChild(path, end)
  const began = performance.now()
  await using db = await open(path)
  const table = db.table('orders')
  const first = table.get(order(7).id)
  const ms = performance.now() - began
  if (first?.['created_at'] !== order(7).created_at || table.count() !== events) throw new Error(`wrong: ${table.count()} rows`)
  const { recovery } = db.stats()
  const from = recovery.eventsFromWal
  line(
    end === 'close' ? 'after a clean close, to the first answer' : `after kill -9, ${from.toLocaleString('en-US')} of them in the WAL`,
    `${ms.toFixed(0)} ms`,
    goal
  )
}

const path = `${directory}/close`

/** Bytes of the files in a folder of the table, an event. */
function bytesAnEvent(folder: string): string {
  const files = readdirSync(`${path}/tables/orders/${folder}`)
  const bytes = files.reduce((sum, file) => sum + statSync(`${path}/tables/orders/${folder}/${file}`).size, 0)
  return `${(bytes / events).toFixed(1)} bytes an event`
}

async function reopen(what: string, goal: string): Promise<void> {
  const began = performance.now()
  await using db = await open(path)
  const first = db.table('orders').get(order(7).id)
  const ms = performance.now() - began
  if (first?.['created_at'] !== order(7).created_at || db.table('orders').count() !== events) throw new Error('wrong rows')
  if (db.stats().recovery.eventsFromSnapshots !== events) throw new Error('the snapshot was not used')
  line(what, `${ms.toFixed(0)} ms`, goal)
}

async function maintain(what: 'snapshot' | 'compact'): Promise<void> {
  await using db = await open(path)
  const began = performance.now()
  await db[what]()
  line(`${what.toUpperCase()}, in the background`, `${((performance.now() - began) / 1000).toFixed(1)} s`)
}

line('segments', bytesAnEvent('segments'))
await maintain('snapshot')
line('snapshot', bytesAnEvent('snapshots'))
await reopen('from a snapshot, to the first answer', 'goal <= 1 s')
await maintain('compact')
line('segments after COMPACT', bytesAnEvent('segments'))
await reopen('from a snapshot, segments compacted', 'goal <= 1 s')
line('memory after it', `${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`)
