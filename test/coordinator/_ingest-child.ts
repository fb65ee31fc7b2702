/**
 * Ingests until it is killed, and says each acknowledged commit on standard output: `{ kind, firstSeq, seq, ids }` a line, written at once
 * after the promise resolved. Run as a child by kill-nine.test: arguments are the directory and the number of this life.
 *
 * A row's content follows from its id, so that the parent can check what it never saw.
 */
import { writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { open, type Commit, type Database } from 'driftdb'

export type Acknowledged = {
  readonly kind: 'one' | 'many' | 'pair'
  readonly firstSeq: number
  readonly seq: number
  readonly ids: readonly string[]
}

export function rowOf(id: string): { id: string; text: string; n: number } {
  let n = 7
  for (const character of id) n = (n * 31 + character.charCodeAt(0)) % 1_000_003
  return { id, text: `row ${id} `.repeat(1 + (n % 20)), n }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await ingest(process.argv[2] ?? '', process.argv[3] ?? '')

async function ingest(directory: string, life: string): Promise<void> {
  const db = await open(directory)
  await db.createTable('a', { primaryKey: 'id', ifNotExists: true })
  await db.createTable('b', { primaryKey: 'id', ifNotExists: true })
  writeSync(1, '"ready"\n')
  await Promise.all([
    single(db, `${life}-s0`),
    single(db, `${life}-s1`),
    single(db, `${life}-s2`),
    pairs(db, `${life}-p`),
    many(db, `${life}-m`),
    maintain(db)
  ])
}

function say(kind: Acknowledged['kind'], commit: Pick<Commit, 'firstSeq' | 'seq'>, ids: readonly string[]): void {
  const { firstSeq, seq } = commit
  writeSync(1, `${JSON.stringify({ kind, firstSeq, seq, ids } satisfies Acknowledged)}\n`)
}

async function single(db: Database, caller: string): Promise<void> {
  for (let index = 0; ; index++) {
    const id = `${caller}-${index}`
    say('one', await db.table('a').insert(rowOf(id)), [id])
  }
}

/** The same row in two tables: both, or none. */
async function pairs(db: Database, caller: string): Promise<void> {
  for (let index = 0; ; index++) {
    const id = `${caller}-${index}`
    const commit = await db.batch([
      { insert: 'a', document: rowOf(id) },
      { insert: 'b', document: rowOf(id) }
    ])
    say('pair', commit, [id])
  }
}

/** A kill finds compaction or a snapshot under way most of the time. */
async function maintain(db: Database): Promise<void> {
  for (;;) {
    await db.compact()
    await db.snapshot()
  }
}

async function many(db: Database, caller: string): Promise<void> {
  for (let index = 0; ; index++) {
    const ids = Array.from({ length: 300 }, (_, row) => `${caller}-${index}-${row}`)
    say('many', await db.table('b').insertMany(ids.map(rowOf), { batchRows: 100 }), ids)
  }
}
