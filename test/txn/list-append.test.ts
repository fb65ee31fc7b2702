/**
 * Random transactions of several sessions over lists, on real threads and files, killed with SIGKILL again and again over one directory.
 * What they saw is checked after Elle: see _elle.ts. Each life has its levels; the last ones mix them.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { open, type Database } from '../../src/index.js'
import { Dice } from '../coordinator/_database.js'
import { TABLES, tableOf, type List } from './_append-child.js'
import { anomaliesOf, wrongPast, type HistoryTransaction } from './_elle.js'
import { LEVELS } from './_sessions.js'

const FULL = process.env['FULL'] === '1'
/** Each level alone, and all of them. */
const LIVES = Array.from({ length: FULL ? 60 : 4 }, (_, life) => (life % 4 === 3 ? LEVELS : LEVELS.slice(life % 4, (life % 4) + 1)))
const COMMITS = FULL ? 2000 : 700
const POINTS = FULL ? 100 : 30
const child = fileURLToPath(new URL('_append-child.js', import.meta.url))

/** Starts the child and kills it after so many commits; what it said of each transaction last. */
async function live(directory: string, life: number, levels: readonly string[]): Promise<HistoryTransaction[]> {
  const process_ = spawn(process.execPath, [child, directory, String(life), levels.join()], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(process_, 'exit')
  const said = new Map<string, HistoryTransaction>()
  let commits = 0
  for await (const line of createInterface({ input: process_.stdout })) {
    // One that the kill cut short says nothing.
    if (!line.endsWith('}')) continue
    const transaction = JSON.parse(line) as HistoryTransaction
    said.set(transaction.id, transaction)
    if (transaction.outcome === 'committed' && ++commits === COMMITS) process_.kill('SIGKILL')
  }
  const [code, signal] = (await exited) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`the child ended by itself with ${code}`)
  // Whether what was under way is there is settled by the end of its life.
  return [...said.values()].map((transaction) =>
    transaction.outcome === 'unknown' ? { ...transaction, ended: (life + 1) * 1e9 } : transaction
  )
}

async function listsOf(db: Database, asOf?: number): Promise<Map<string, readonly number[]>> {
  const lists = new Map<string, readonly number[]>()
  for (const table of TABLES) {
    const rows = await db.query<List>(`SELECT id, list FROM ${table}`, [], asOf === undefined ? {} : { asOf: { seq: asOf } }).all()
    for (const { id, list } of rows) lists.set(String(id), list)
  }
  return lists
}

/** Commits that nobody acknowledged, with the seq at which their values came into the lists. */
function withSeqs(db: Database, history: readonly HistoryTransaction[]): HistoryTransaction[] {
  return history.map((transaction) => {
    if (transaction.outcome !== 'unknown') return transaction
    const append = transaction.ops.find((op) => op.kind === 'append' && op.undone !== true)
    if (append?.kind !== 'append') return transaction
    const id = Number(append.key)
    // The seq of a commit is that of its last event; its events of other keys follow.
    for (const { seq, document } of db.table<List>(tableOf(id)).history(id)) {
      if (document?.list.includes(append.value) === true) return { ...transaction, seq }
    }
    return transaction
  })
}

test('TXN-1, TXN-2, TXN-3, DUR-5: no history of random transactions and kills has a circle that its level forbids', async (t) => {
  t.timeout(60 * 60_000)
  const directory = mkdtempSync(join(tmpdir(), 'driftdb-append-'))
  const dice = new Dice(11)
  let history: HistoryTransaction[] = []
  const seen = new Map<string, number>()
  try {
    for (const [life, levels] of LIVES.entries()) {
      const ofLife = await live(directory, life, levels)
      const db = await open(directory, { queryThreads: 0, readOnly: life % 2 === 1 })
      history = [...history, ...withSeqs(db, ofLife)]
      const final = await listsOf(db)
      for (let point = 0; point < POINTS; point++) {
        const seq = 1 + dice.below(db.lastSeq)
        const wrong = wrongPast(history, final, await listsOf(db, db.asOf({ seq }).seq), db.asOf({ seq }).seq)
        if (wrong !== undefined) t.fail(`life ${life}: ${wrong}`)
      }
      await db.close()
      // Lives do not share keys: each is checked when it has ended, and all that were before, by what is in their lists.
      const anomalies = anomaliesOf(history, final)
      for (const { name, isViolation, what } of anomalies) {
        if (isViolation) t.fail(`life ${life} (${levels.join()}): ${name}: ${what}`)
      }
      for (const { name } of anomaliesOf(ofLife, new Map([...final].filter(([key]) => Math.floor(Number(key) / 1000) === life)))) {
        const what = `${levels.length === 1 ? levels[0] : 'mixed'} ${name}`
        seen.set(what, (seen.get(what) ?? 0) + 1)
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  const counts = { committed: 0, aborted: 0, unknown: 0 }
  for (const { outcome } of history) counts[outcome]++
  t.log(JSON.stringify({ ...counts, ...Object.fromEntries(seen) }))
  t.true(counts.committed > LIVES.length * COMMITS * 0.99)
  t.true(counts.aborted > LIVES.length * 20, JSON.stringify(counts))
  // Sessions met, so what a level allows was seen, and would have been seen where it does not.
  t.true(seen.has('read committed G-single'), JSON.stringify([...seen]))
  t.true(seen.has('repeatable read G2-item') || seen.has('repeatable read G2'), JSON.stringify([...seen]))
})
