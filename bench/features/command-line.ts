/** `driftdb ingest` of NDJSON, start of the process included. */
import { spawnSync } from 'node:child_process'
import { createWriteStream, statSync } from 'node:fs'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { open } from 'driftdb'
import { events, heading, line, perSecond } from './report.js'
import { orders } from '../workloads/order.js'

const [, , directory = ''] = process.argv
heading(`driftdb ingest of ${events.toLocaleString('en-US')} rows of NDJSON`)
const file = `${directory}/orders.ndjson`
const stream = createWriteStream(file)
let lines: string[] = []
for (const row of orders(0, events)) {
  lines.push(JSON.stringify(row))
  if (lines.length === 10_000) {
    if (!stream.write(`${lines.join('\n')}\n`)) await once(stream, 'drain')
    lines = []
  }
}
stream.end(lines.length > 0 ? `${lines.join('\n')}\n` : '')
await once(stream, 'finish')

const program = fileURLToPath(new URL('../../src/cli/driftdb.js', import.meta.url))
const run = (...args: string[]) => {
  const { status } = spawnSync(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`driftdb ${args[0]} ended with ${status}`)
}
run('init', `${directory}/db`)
const began = performance.now()
run('ingest', '-d', `${directory}/db`, '--table', 'orders', '--pk', 'id', file)
const ms = performance.now() - began
await using db = await open(`${directory}/db`)
if (db.table('orders').count() !== events) throw new Error(`wrong: ${db.table('orders').count()} rows`)
line('rate', perSecond(events, ms), 'goal >= 100,000/s')
line('file', `${Math.round(statSync(file).size / 2 ** 20)} MiB`)
