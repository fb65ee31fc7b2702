/** Statements: a cached point SELECT beside `get`, scans, aggregates and the stream of a whole table as NDJSON. */
import { open } from 'driftdb'
import { events, heading, line, perSecond } from './report.js'
import { median } from '../run/statistics.js'
import { order, orders } from '../workloads/order.js'
import { randomNumbers } from '../workloads/random.js'

const [, , directory = ''] = process.argv
const ROUNDS = 5
const STATEMENTS = 10_000
/** What a point SELECT may take over `get`. */
const OVER_GET_US = 5

await using db = await open(`${directory}/db`)
await db.createTable('orders', { primaryKey: 'id' })
const table = db.table('orders')
await table.insertMany(orders(0, events))
const random = randomNumbers(11)
const ids = Array.from({ length: 1000 }, () => order(random(events)).id)

heading(`Statements on ${events.toLocaleString('en-US')} rows`)

const text = 'SELECT * FROM orders WHERE id = ?'
const point = db.prepare<[string]>(text)
const statements: number[] = []
const prepared: number[] = []
const gets: number[] = []
for (let round = 0; round <= ROUNDS; round++) {
  const statement = await timed(async (id) => (await db.query(text, [id]).all()).length === 1)
  const again = await timed(async (id) => (await point.all([id])).length === 1)
  const get = await timed(async (id) => table.get(id) !== undefined)
  // The first round is compiled on its way.
  if (round === 0) continue
  statements.push(statement)
  prepared.push(again)
  gets.push(get)
}
line('a cached point SELECT, one caller', perSecond(1, median(statements) / 1000), 'goal >= 10,000/s')
line('the same, prepared', perSecond(1, median(prepared) / 1000))
const over = (times: readonly number[]): string => {
  const us = median(times.map((time, round) => time - (gets[round] ?? 0)))
  return `${us.toFixed(1)} us, ${us <= OVER_GET_US ? 'reached' : 'MISSED'}`
}
line('get of the same row', `${median(gets).toFixed(2)} us`)
line('a cached point SELECT over get', over(statements), `goal <= ${OVER_GET_US} us`)
line('the same, prepared', over(prepared), `goal <= ${OVER_GET_US} us`)

// The first scan brings the order of the keys up to date.
await measure('the first scan: the order of the keys', 1, async () => count('SELECT COUNT(*) FROM orders WHERE id > $1', ['']))
const pieces = { bytes: 0, lines: 0, peak: 0 }
await measure(
  'SELECT * as NDJSON',
  ROUNDS,
  async () => {
    pieces.bytes = 0
    pieces.lines = 0
    const before = process.memoryUsage().rss
    for await (const bytes of db.query('SELECT * FROM orders').json()) {
      pieces.bytes += bytes.length
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) pieces.lines++
      pieces.peak = Math.max(pieces.peak, process.memoryUsage().rss - before)
    }
    return pieces.lines
  },
  'goal >= 300,000 rows/s'
)
line('memory over that before it, at most', `${Math.round(pieces.peak / 2 ** 20)} MiB`)
await measure('SELECT * as objects, for await', ROUNDS, async () => {
  let rows = 0
  for await (const row of db.query('SELECT * FROM orders')) rows += row === undefined ? 0 : 1
  return rows
})
await measure('COUNT(*) of a condition', ROUNDS, async () => count("SELECT COUNT(*) FROM orders WHERE status <> 'no such'", []))
await measure('GROUP BY with COUNT, SUM, AVG', ROUNDS, async () => {
  const rows = await db
    .query<{ n: number }>('SELECT region, COUNT(*) AS n, SUM(amount_cents), AVG(priority) FROM orders GROUP BY region')
    .all()
  return rows.reduce((sum, { n }) => sum + n, 0)
})
await measure('ORDER BY … LIMIT 10', ROUNDS, async () => {
  const run = await db.query('SELECT id FROM orders ORDER BY amount_cents DESC LIMIT 10')
  return run.stats.rowsScanned
})

/** Microseconds a call. */
async function timed(call: (id: string) => Promise<boolean>): Promise<number> {
  const began = performance.now()
  for (let index = 0; index < STATEMENTS; index++) {
    if (!(await call(ids[index % ids.length] ?? ''))) throw new Error('a row was not found')
  }
  return ((performance.now() - began) * 1000) / STATEMENTS
}

async function count(statement: string, parameters: readonly unknown[]): Promise<number> {
  return Number(await db.query(statement, parameters).value())
}

/** Each run must go through all rows. */
async function measure(what: string, rounds: number, run: () => Promise<number>, goal = ''): Promise<void> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    const rows = await run()
    times.push(performance.now() - began)
    if (rows !== events) throw new Error(`${what}: ${rows} rows of ${events}`)
  }
  line(what, perSecond(events, median(times)).replace('/s', ' rows/s'), goal)
}
