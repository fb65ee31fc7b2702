/**
 * A row whose frames are in no cache is read, and its patches are folded, from its version page. What such a patch carries goes into segments,
 * which are the truth: so what is compared here is read from frames alone, by an opening that has no pages.
 */
import test, { type ExecutionContext } from 'ava'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Document } from '../../src/codec/value.js'
import { type BatchOperation, type Database, open } from '../../src/index.js'
import { setTimeout as pause } from 'node:timers/promises'
import { openPaged } from './_open.js'
import { numbers } from '../page/_workload.js'

const MIB = 1024 * 1024
const ROWS = 12_000
const BATCH = 500

type Oracle = Map<number, Document>

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'driftdb-newest-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'data')
}

/** Batches of changes of random rows, some in flight at once. Beside them every row is as it is acknowledged. */
async function change(db: Database, oracle: Oracle, random: () => number, events: number): Promise<void> {
  const inFlight: Promise<unknown>[] = []
  for (let done = 0; done < events;) {
    const operations: BatchOperation[] = []
    for (let index = 0; index < BATCH; index++, done++) {
      const id = Math.floor(random() * ROWS)
      const before = oracle.get(id)
      const dice = random()
      if (before === undefined) {
        const document = { id, kind: `kind ${id % 7}`, note: `${'n'.repeat(900)} ${id}`, step: done }
        oracle.set(id, document)
        operations.push({ insert: 'rows', document })
      } else if (dice < 0.02) {
        oracle.delete(id)
        operations.push({ softDelete: 'rows', key: id })
      } else {
        const set: Document =
          dice < 0.1 ? { note: `é${'m'.repeat(700)} ${done}` } : dice < 0.2 ? { [`more${id % 3}`]: [done] } : { step: done }
        oracle.set(id, { ...before, ...set })
        operations.push({ patch: 'rows', key: id, set })
      }
    }
    inFlight.push(db.batch(operations))
    if (inFlight.length === 4) await inFlight.shift()
  }
  await Promise.all(inFlight)
}

function documentsFromPages(db: Database): number {
  return db.stats().tables.find(({ name }) => name === 'rows')?.documentsFromPages ?? -1
}

async function checkAll(t: ExecutionContext, db: Database, seq: number, oracle: Oracle): Promise<void> {
  const rows = await db.asOf({ seq }).query<Document>('SELECT * FROM rows').all()
  t.is(rows.length, oracle.size)
  const wrong = rows.filter((row) => JSON.stringify(row) !== JSON.stringify(oracle.get(row['id'] as number)))
  t.deepEqual(wrong.slice(0, 3), [])
}

test('patches of rows that are in no cache are folded from pages, and their documents are those of the frames', async (t) => {
  t.timeout(240_000)
  const directory = directoryOf(t)
  const random = numbers(11)
  const oracle: Oracle = new Map()
  const points: { readonly seq: number; readonly oracle: Oracle }[] = []
  const options = { cacheBytes: 64 * MIB, logBytes: 8 * MIB, pageRows: 512 }
  const first = await openPaged(directory, options)
  await first.db.createTable('rows', { primaryKey: 'id' })
  for (let round = 0; round < 4; round++) {
    await change(first.db, oracle, random, 40_000)
    points.push({ seq: first.db.lastSeq, oracle: new Map(oracle) })
    if (round === 1) await first.db.compact()
    for (let index = 0; index < 500; index++) {
      const id = Math.floor(random() * ROWS)
      t.deepEqual(first.db.table('rows').get(id) ?? undefined, oracle.get(id))
    }
  }
  const before = documentsFromPages(first.db)
  for (let index = 0; index < 4000; index++) {
    const point = points[Math.floor(random() * points.length)]
    const id = Math.floor(random() * ROWS)
    if (point === undefined) continue
    const view = first.db.asOf({ seq: point.seq })
    const row = view.table('rows').get(id)
    view[Symbol.dispose]()
    if (JSON.stringify(row) !== JSON.stringify(point.oracle.get(id))) return t.fail(`row ${id} at ${point.seq}`)
    // What pages say of the past is known when they were asked once.
    if (index === 100) await pause(200)
  }
  t.true(documentsFromPages(first.db) - before > 300, `${documentsFromPages(first.db) - before} rows of the past were found in pages`)
  const found = documentsFromPages(first.db)
  t.true(found > 4000, `${found} documents were found in pages`)
  await first.db.close()

  const frames = await open(directory, { readOnly: true })
  for (const point of points) await checkAll(t, frames, point.seq, point.oracle)
  await frames.close()
})

test('behind an opening pages are made where patches miss them', async (t) => {
  t.timeout(240_000)
  const directory = directoryOf(t)
  const random = numbers(12)
  const oracle: Oracle = new Map()
  const options = { cacheBytes: 64 * MIB, logBytes: 8 * MIB, pageRows: 512 }
  const first = await openPaged(directory, options)
  await first.db.createTable('rows', { primaryKey: 'id' })
  await change(first.db, oracle, random, 80_000)
  await first.db.compact()
  await first.db.snapshot()
  await first.db.close()
  const second = await openPaged(directory, options)
  t.is(documentsFromPages(second.db), 0)
  for (let round = 0; round < 400 && documentsFromPages(second.db) < 500; round++) {
    await change(second.db, oracle, random, 2000)
  }
  t.true(documentsFromPages(second.db) >= 500)
  await second.db.close()
  const frames = await open(directory, { readOnly: true })
  await checkAll(t, frames, frames.lastSeq, oracle)
  await frames.close()
})
