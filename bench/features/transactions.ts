/**
 * Durable transactions that read and change 1 and 10 rows, of 1, 8 and 64 sessions, beside SQLite (BEGIN IMMEDIATE, WAL, synchronous =
 * FULL, a connection a session) in the same run. Conflict-free: each session has rows of its own. Conflict-heavy: all of them change the
 * same few rows; DriftDB runs them again after a conflict, or locks them before it reads. The floor is what the disk needs to write and
 * sync as many bytes as one such commit has, measured in between: one session cannot be quicker than that.
 */
import { open, type Database, type TransactionOptions } from 'driftdb'
import { hasPackage, peerPackage } from '../drivers/peer-package.js'
import { overwriteAndSync } from '../run/disk.js'
import { median } from '../run/statistics.js'
import { order } from '../workloads/order.js'
import { heading, line } from './report.js'

const [, , directory = ''] = process.argv
const SESSIONS = [1, 8, 64] as const
const SIZES = [1, 10] as const
const ROUNDS = 3
const ROUND_MS = 300
/** Before the first round: what is measured first would be measured before it is compiled. */
const WARM_UP_MS = 3000
const PROBES = 300
/** Of a record in the WAL, and of each patched row in it. */
const RECORD_BYTES = 80
const ROW_BYTES = 90
const ROWS_EACH = 40
/** Rows that everybody changes. */
const HOT = 20

type Row = ReturnType<typeof order>
/** One transaction that adds one to the amount of these rows. */
type Add = (session: number, keys: readonly string[]) => Promise<unknown>

const key = (index: number): string => order(index).id

async function driftdb(): Promise<{ readonly db: Database; readonly add: (options: TransactionOptions) => Add; readonly addLocked: Add }> {
  const db = await open(`${directory}/db`)
  await db.createTable('orders', { primaryKey: 'id' })
  await db.table('orders').insertMany(Array.from({ length: 64 * ROWS_EACH }, (_, index) => order(index)))
  const add =
    (options: TransactionOptions): Add =>
    (_, keys) =>
      db.transaction(async (tx) => {
        const orders = tx.table<Row>('orders')
        for (const id of keys) {
          const { amount_cents } = orders.get(id) as Row
          void orders.patch(id, { amount_cents: amount_cents + 1 })
        }
      }, options)
  const addLocked: Add = (session, keys) =>
    add({ isolation: 'serializable', lock: keys.map((id) => ({ table: 'orders', key: id })) })(session, keys)
  return { db, add, addLocked }
}

type Sqlite = {
  readonly exec: (text: string) => unknown
  readonly pragma: (text: string) => unknown
  readonly prepare: (text: string) => {
    readonly run: (...parameters: unknown[]) => unknown
    readonly get: (...parameters: unknown[]) => unknown
  }
  readonly close: () => unknown
}

async function sqlite(): Promise<{ readonly add: Add; readonly close: () => void } | undefined> {
  if (!hasPackage('better-sqlite3')) return undefined
  const Connection = await peerPackage<new (path: string) => Sqlite>('better-sqlite3')
  const connections = Array.from({ length: 64 }, (_, session) => {
    const db = new Connection(`${directory}/db.sqlite`)
    for (const pragma of ['journal_mode = WAL', 'synchronous = FULL']) db.pragma(pragma)
    if (session === 0) {
      const [first] = [order(0)]
      const columns = Object.keys(first)
      db.exec(`CREATE TABLE orders (${columns.map((name) => (name === 'id' ? 'id TEXT PRIMARY KEY' : name)).join(', ')}) WITHOUT ROWID`)
      db.exec('BEGIN')
      const insert = db.prepare(`INSERT INTO orders VALUES (${columns.map(() => '?').join(', ')})`)
      for (let index = 0; index < 64 * ROWS_EACH; index++) insert.run(...Object.values(order(index)).map(asColumn))
      db.exec('COMMIT')
    }
    return {
      db,
      begin: db.prepare('BEGIN IMMEDIATE'),
      get: db.prepare('SELECT * FROM orders WHERE id = ?'),
      set: db.prepare('UPDATE orders SET amount_cents = ? WHERE id = ?'),
      commit: db.prepare('COMMIT')
    }
  })
  const add: Add = async (session, keys) => {
    const { begin, get, set, commit } = connections[session] as (typeof connections)[number]
    begin.run()
    for (const id of keys) set.run((get.get(id) as Row).amount_cents + 1, id)
    commit.run()
  }
  return { add, close: () => connections.forEach(({ db }) => void db.close()) }
}

function asColumn(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}

/** Commits a second of so many sessions at once. */
async function rate(
  add: Add,
  sessions: number,
  keysOf: (session: number, count: number) => readonly string[],
  ms = ROUND_MS
): Promise<number> {
  const began = performance.now()
  const endsAt = began + ms
  let commits = 0
  await Promise.all(
    Array.from({ length: sessions }, async (_, session) => {
      for (let count = 0; performance.now() < endsAt; count++) {
        await add(session, keysOf(session, count))
        commits++
      }
    })
  )
  return (commits / (performance.now() - began)) * 1000
}

heading('Durable transactions that read and change rows, beside SQLite')
const { db, add, addLocked } = await driftdb()
const peer = await sqlite()
const again = add({ isolation: 'serializable', retries: 1_000_000 })
await rate(again, 1, (_, count) => [key(count % ROWS_EACH)], WARM_UP_MS)
for (const size of SIZES) {
  for (const sessions of SESSIONS) {
    const own = (session: number, count: number): readonly string[] =>
      Array.from({ length: size }, (_, index) => key(session * ROWS_EACH + ((count * size + index) % ROWS_EACH)))
    const hot = (session: number, count: number): readonly string[] =>
      Array.from({ length: size }, (_, index) => key((session * 7 + count * 3 + index) % HOT))
    const rates = { floor: [] as number[], free: [] as number[], again: [] as number[], locked: [] as number[], sqlite: [] as number[] }
    await rate(again, sessions, own)
    for (let round = 0; round < ROUNDS; round++) {
      if (sessions === 1) rates.floor.push(1000 / overwriteAndSync(directory, RECORD_BYTES + size * ROW_BYTES, PROBES))
      if (peer !== undefined) rates.sqlite.push(await rate(peer.add, sessions, own))
      rates.free.push(await rate(again, sessions, own))
      if (sessions === 1) continue
      rates.again.push(await rate(again, sessions, hot))
      rates.locked.push(await rate(addLocked, sessions, hot))
    }
    const beside = median(rates.sqlite)
    const told = (found: number): string => `${Math.round(found).toLocaleString('en-US')}/s`
    const against = (found: number): string => (peer === undefined ? told(found) : `${told(found)}, ${(found / beside).toFixed(2)} x`)
    const what = `${size} row${size === 1 ? '' : 's'}, ${sessions} session${sessions === 1 ? '' : 's'}`
    if (sessions === 1) line(`${what}: floor, write + fdatasync`, told(median(rates.floor)))
    if (peer !== undefined) line(`${what}: SQLite`, told(beside))
    line(`${what}: conflict-free`, against(median(rates.free)), sessions === 1 ? 'goal >= 0.9 x' : sessions === 64 ? 'goal >= 10 x' : '')
    if (sessions === 1) continue
    line(`${what}: ${HOT} rows for all, run again`, against(median(rates.again)))
    line(`${what}: ${HOT} rows for all, locked`, against(median(rates.locked)))
  }
}
peer?.close()
await db.close()
