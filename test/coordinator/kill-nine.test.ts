/**
 * Another process ingests through the public interface and is killed with SIGKILL at some moment, again and again over one directory.
 * Every commit that it said was acknowledged is checked by content, in this and in all later lives.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { open, type Database } from '../../src/index.js'
import { Dice } from './_database.js'
import { rowOf, type Acknowledged } from './_ingest-child.js'

const KILLS = process.env['FULL'] === '1' ? 200 : 12
const child = fileURLToPath(new URL('_ingest-child.js', import.meta.url))

/** One life: starts the child, kills it, returns what it acknowledged. */
async function live(directory: string, life: number, dice: Dice): Promise<Acknowledged[]> {
  const process_ = spawn(process.execPath, [child, directory, String(life)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(process_, 'exit')
  const acknowledged: Acknowledged[] = []
  let heard = () => {}
  const ready = new Promise<void>((resolve) => (heard = resolve))
  const lines = createInterface({ input: process_.stdout })
  const read = (async () => {
    for await (const line of lines) {
      // A line that the kill cut short was not acknowledged to anyone.
      if (line === '"ready"' || !line.endsWith('}')) continue
      acknowledged.push(JSON.parse(line) as Acknowledged)
      heard()
    }
  })()
  // Mostly in the middle of ingesting, behind a first commit, sometimes during the opening.
  if (!dice.chance(0.15)) await Promise.race([ready, exited])
  await sleep(dice.below(dice.chance(0.5) ? 30 : 120))
  if (process_.exitCode !== null) throw new Error(`the child ended by itself with ${process_.exitCode}`)
  process_.kill('SIGKILL')
  await exited
  await read
  return acknowledged
}

type Found = { readonly text: string; readonly n: number; readonly seq: number }

function rowOn(db: Database, table: string, id: string): Found | undefined {
  const entry = db.table<{ text: string; n: number }>(table).entry(id)
  return entry && { text: entry.document.text, n: entry.document.n, seq: entry.seq }
}

/** What is wrong with the acknowledged rows, by content and seq. */
function lostIn(db: Database, acknowledged: readonly Acknowledged[]): string | undefined {
  for (const { kind, firstSeq, seq, ids } of acknowledged) {
    for (const id of ids) {
      for (const table of kind === 'one' ? ['a'] : kind === 'many' ? ['b'] : ['a', 'b']) {
        const row = rowOn(db, table, id)
        const expected = rowOf(id)
        if (row === undefined) return `${kind} ${id} of seq ${firstSeq} to ${seq} is lost`
        if (row.text !== expected.text || row.n !== expected.n) return `${id} has other contents`
        if (row.seq < firstSeq || row.seq > seq) return `${id} has seq ${row.seq}, acknowledged ${firstSeq} to ${seq}`
      }
    }
  }
  return undefined
}

/** What is wrong with the whole: no seq twice, none missing, batches whole, contents as written, acknowledged or not. */
async function wrongIn(db: Database): Promise<string | undefined> {
  const seqs = new Set<number>()
  const tables = db.tables().map(({ name }) => name)
  for (const table of tables) {
    const columns = db
      .table(table)
      .columns()
      .map(({ name, type }) => `${name} ${type}`)
    const isEmpty = db.table(table).count() === 0
    const named = columns.join(', ')
    if (named !== (isEmpty ? 'id text' : 'id text, text text, n int8')) return `the columns of ${table} are ${named}`
    for await (const { id, text, n } of db.table<{ id: string; text: string; n: number }>(table).scan()) {
      const expected = rowOf(id)
      if (text !== expected.text || n !== expected.n) return `${id} has other contents`
      const seq = db.table(table).entry(id)?.seq ?? 0
      if (seqs.has(seq)) return `seq ${seq} stands twice`
      seqs.add(seq)
      if (!id.includes('-p-')) continue
      const twin = rowOn(db, table === 'a' ? 'b' : 'a', id)?.seq
      if (twin !== (table === 'a' ? seq + 1 : seq - 1)) return `the batch of ${id} is there by half`
    }
  }
  // Each table took one.
  return seqs.size + tables.length === db.lastSeq
    ? undefined
    : `${seqs.size} rows and ${tables.length} tables, but lastSeq is ${db.lastSeq}`
}

test('DUR-5, ATM-1, SEQ-1: a process killed at any moment loses nothing that it acknowledged', async (t) => {
  t.timeout(60 * 60_000)
  const directory = mkdtempSync(join(tmpdir(), 'driftdb-kill-'))
  const dice = new Dice(9)
  const all: Acknowledged[] = []
  let lastSeqBefore = 0
  let commits = 0
  try {
    for (let life = 0; life < KILLS; life++) {
      const acknowledged = await live(directory, life, dice)
      all.push(...acknowledged)
      commits += acknowledged.length
      // Every second time read-only: then the next life finds what this one left, uncut.
      const db = await open(directory, { readOnly: life % 2 === 1 && life < KILLS - 1 })
      const where = `life ${life}`
      const highest = acknowledged.reduce((seq, commit) => Math.max(seq, commit.seq), lastSeqBefore)
      if (db.lastSeq < highest) t.fail(`${where}: ${highest} was acknowledged, ${db.lastSeq} is recovered`)
      // This life's rows each time; those of all lives, and the whole, now and then and at the end.
      const isWhole = life % (KILLS <= 20 ? 6 : 40) === 5 || life === KILLS - 1
      const wrong = lostIn(db, isWhole ? all : acknowledged) ?? (isWhole ? await wrongIn(db) : undefined)
      if (wrong !== undefined) t.fail(`${where}: ${wrong}`)
      lastSeqBefore = db.lastSeq
      await db.close()
    }
    t.true(commits >= KILLS / 2, `${commits} commits were acknowledged`)
    t.log(`${KILLS} kills, ${commits} commits acknowledged, ${lastSeqBefore} events`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
