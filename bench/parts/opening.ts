/** Opening after a clean close, and after kill -9 with everything in the WAL. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { open } from 'driftdb'
import { events, heading, line } from '../report.js'
import { order } from '../workload.js'

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
line('memory after it', `${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`)
