/**
 * What secondary indexes cost a writer: the order desk's events with two of them and with none, taken in turns, beside SQLite with the same
 * two on its present and history table. A rate until applied is one until the indexes have it all; SQLite's is done when it is acknowledged.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { open, type Database } from 'driftdb'
import { operationOf } from '../drivers/driftdb.js'
import { hasPackage, peerPackage } from '../drivers/peer-package.js'
import { sqlite } from '../drivers/sqlite.js'
import { columnIndexStatements } from '../drivers/two-tables.js'
import { median } from '../run/statistics.js'
import { ordersTable, ordersWorkload } from '../workloads/orders.js'
import type { TableShape } from '../workloads/workload.js'
import { events, heading, line } from './report.js'

const [, , directory = ''] = process.argv
const ROUNDS = 3
const IN_FLIGHT = 8
const GOAL = 0.6
const none: TableShape = ordersTable
const two: TableShape = { ...ordersTable, indexes: ['customer_id', 'status'] }
/** Made before the clock runs: the generator is no part of an ingest. */
const commits = [...ordersWorkload(events).commits()]
let made = 0

/** Events a second. */
type Rates = { readonly acknowledged: number; readonly applied: number }
type Round = { readonly none: Rates; readonly two: Rates; readonly sqlite?: { readonly none: number; readonly two: number } }
type Connected = { readonly exec: (text: string) => unknown; readonly close: () => unknown }

function folderOfItsOwn(): string {
  const folder = `${directory}/${++made}`
  mkdirSync(folder)
  return folder
}

async function driftdb({ indexes }: TableShape): Promise<Rates> {
  const folder = folderOfItsOwn()
  const db = await open(`${folder}/db`)
  await db.createTable('orders', { primaryKey: 'id', indexes: [...indexes] })
  const inFlight: Promise<unknown>[] = []
  const began = performance.now()
  for (const commit of commits) {
    inFlight.push(db.batch(commit.map(operationOf)))
    if (inFlight.length === IN_FLIGHT) await inFlight.shift()
  }
  await Promise.all(inFlight)
  const acknowledged = performance.now() - began
  while (db.stats().appliedSeq < db.lastSeq) await setTimeout(1)
  const applied = performance.now() - began
  for (const column of indexes) await checkIndex(db, column)
  await db.close()
  rmSync(folder, { recursive: true })
  return { acknowledged: perSecondOf(acknowledged), applied: perSecondOf(applied) }
}

/** It must find what a look at every row finds. */
async function checkIndex(db: Database, column: string): Promise<void> {
  const session = db.session()
  const value = await session.query(`SELECT ${column} FROM orders LIMIT 1`).value()
  const counts: unknown[] = []
  for (const index of ['none', `orders_${column}_idx`]) {
    await session.query('SET drift.index = ?', [index])
    counts.push(await session.query(`SELECT COUNT(id) FROM orders WHERE ${column} = ?`, [value]).value())
  }
  if (counts[0] === 0 || counts[0] !== counts[1])
    throw new Error(`the index of ${column} finds ${String(counts[1])} of ${String(counts[0])}`)
}

async function sqliteRate(shape: TableShape): Promise<number> {
  const folder = folderOfItsOwn()
  const peer = await sqlite.open({ directory: folder, tables: [shape], callers: 1 })
  await peer.create([shape])
  const Connection = await peerPackage<new (path: string) => Connected>('better-sqlite3')
  const db = new Connection(`${folder}/db.sqlite`)
  for (const text of columnIndexStatements(shape)) db.exec(text)
  db.close()
  const began = performance.now()
  await peer.ingest(commits)
  const ms = performance.now() - began
  await peer.close()
  rmSync(folder, { recursive: true })
  return perSecondOf(ms)
}

function perSecondOf(ms: number): number {
  return (events / ms) * 1000
}

heading(`Ingest of ${events.toLocaleString('en-US')} events of an order desk, 1,000 a durable commit, with two indexes and without`)
const hasSqlite = hasPackage('better-sqlite3')
const rounds: Round[] = []
// What runs first would run before it is compiled.
await driftdb(two)
for (let round = 0; round < ROUNDS; round++) {
  rounds.push({
    none: await driftdb(none),
    two: await driftdb(two),
    // It takes ten times as long: once is enough for a rate beside the others.
    ...(hasSqlite && round === 0 ? { sqlite: { none: await sqliteRate(none), two: await sqliteRate(two) } } : {})
  })
}
const rateOf = (rate: number): string => `${Math.round(rate).toLocaleString('en-US')}/s`
const percent = (ratio: number): string => `${(ratio * 100).toFixed(0)} %`
const of = (rate: (round: Round) => number): string => rateOf(median(rounds.map(rate)))
/** The median of the rounds' own ratios: a slow minute is in both. */
function share(what: string, rateOfTwo: (round: Round) => number, rateOfNone: (round: Round) => number, goal?: number): void {
  const ratio = median(rounds.map((round) => rateOfTwo(round) / rateOfNone(round)))
  const told = goal === undefined ? '' : `goal >= ${goal * 100} %: ${ratio >= goal ? 'reached' : 'MISSED'}`
  line(what, percent(ratio), told)
}
line(
  'no index: acknowledged',
  of(({ none: { acknowledged } }) => acknowledged)
)
line(
  'no index: until applied',
  of(({ none: { applied } }) => applied)
)
line(
  'two indexes: acknowledged',
  of(({ two: { acknowledged } }) => acknowledged)
)
line(
  'two indexes: until applied',
  of(({ two: { applied } }) => applied)
)
share(
  'two against none, acknowledged',
  (round) => round.two.acknowledged,
  (round) => round.none.acknowledged,
  GOAL
)
share(
  'two against none, until applied',
  (round) => round.two.applied,
  (round) => round.none.applied,
  GOAL
)
const [first] = rounds
if (first?.sqlite !== undefined) {
  const { none: without, two: indexed } = first.sqlite
  line('SQLite, no index', rateOf(without))
  line('SQLite, the same two on both its tables', rateOf(indexed))
  line('SQLite, two against none', percent(indexed / without))
  line('DriftDB with two, until applied, against SQLite with two', percent(first.two.applied / indexed))
}
