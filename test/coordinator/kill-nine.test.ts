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
import { collect } from './_oracle.js'

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
      heard()
      // A line that the kill cut short was not acknowledged to anyone.
      if (line !== '"ready"' && line.endsWith('}')) acknowledged.push(JSON.parse(line) as Acknowledged)
    }
  })()
  // Mostly in the middle of ingesting, sometimes during the opening.
  if (!dice.chance(0.15)) await Promise.race([ready, exited])
  await sleep(dice.below(dice.chance(0.5) ? 40 : 250))
  if (process_.exitCode !== null) throw new Error(`the child ended by itself with ${process_.exitCode}`)
  process_.kill('SIGKILL')
  await exited
  await read
  return acknowledged
}

/** Rows by id with the seq that made them. */
async function rowsOf(db: Database, table: string): Promise<Map<string, { text: string; n: number; seq: number }>> {
  const rows = new Map<string, { text: string; n: number; seq: number }>()
  if (!db.tables().some(({ name }) => name === table)) return rows
  for (const row of await collect(db.table<{ id: string; text: string; n: number }>(table).scan())) {
    const seq = db.table(table).entry(row.id)?.seq ?? 0
    rows.set(row.id, { text: row.text, n: row.n, seq })
  }
  return rows
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
      const a = await rowsOf(db, 'a')
      const b = await rowsOf(db, 'b')
      const highest = acknowledged.reduce((seq, commit) => Math.max(seq, commit.seq), lastSeqBefore)
      if (db.lastSeq < highest) t.fail(`${where}: ${highest} was acknowledged, ${db.lastSeq} is recovered`)
      // Everything acknowledged in any life is there, at its seq.
      for (const { kind, firstSeq, seq, ids } of all) {
        for (const [index, id] of ids.entries()) {
          for (const rows of kind === 'one' ? [a] : kind === 'many' ? [b] : [a, b]) {
            const row = rows.get(id)
            if (row === undefined) t.fail(`${where}: ${kind} ${id} of seq ${firstSeq} to ${seq} is lost`)
            else if (row.seq < firstSeq || row.seq > seq) t.fail(`${where}: ${id} has seq ${row.seq}, acknowledged ${firstSeq} to ${seq}`)
            else if (kind === 'one' && row.seq !== seq + index) t.fail(`${where}: ${id} has seq ${row.seq}, acknowledged ${seq}`)
          }
        }
      }
      // What is there, acknowledged or not, is what was written; no seq twice, none missing (the tables took one each).
      const seqs = new Set<number>()
      for (const rows of [a, b]) {
        for (const [id, { text, n, seq }] of rows) {
          const expected = rowOf(id)
          if (text !== expected.text || n !== expected.n) t.fail(`${where}: ${id} has other contents`)
          if (seqs.has(seq)) t.fail(`${where}: seq ${seq} stands twice`)
          seqs.add(seq)
        }
      }
      if (seqs.size + db.tables().length !== db.lastSeq)
        t.fail(`${where}: ${seqs.size} rows and ${db.tables().length} tables, but lastSeq is ${db.lastSeq}`)
      for (const [id, { seq }] of a) {
        const twin = b.get(id)
        if (id.includes('-p-') && twin?.seq !== seq + 1) t.fail(`${where}: the batch of ${id} is there by half`)
      }
      for (const id of b.keys()) if (id.includes('-p-') && !a.has(id)) t.fail(`${where}: the batch of ${id} is there by half`)
      lastSeqBefore = db.lastSeq
      await db.close()
    }
    t.true(commits > KILLS, `${commits} commits were acknowledged`)
    t.log(`${KILLS} kills, ${commits} commits acknowledged, ${lastSeqBefore} events`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
