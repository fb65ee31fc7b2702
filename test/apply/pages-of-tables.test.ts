import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import type { Coordinator } from '../../src/coordinator/coordinator.js'
import { rowsOfTile } from '../../src/page/page-directory.js'
import type { PagesAtSeq } from '../../src/scan/scan-table.js'
import type { Database, Document } from '../../src/index.js'
import { Dice } from '../coordinator/_database.js'
import { openPaged } from './_open.js'

function folder(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'driftdb-apply-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'data')
}

/** The documents that the pages show at their S, in no order. */
function shown(pages: PagesAtSeq): Document[] {
  const { table, S } = pages
  const documents: Document[] = []
  for (const { page, chunks } of pages.tiles()) {
    for (const each of page === undefined ? chunks : [page, ...chunks]) {
      for (let row = 0; row < each.rowCount; row++) {
        if (each.beginOf(row) <= S && each.endOf(row) > S) documents.push(table.rows.documentOf(each, row))
      }
    }
  }
  return documents
}

const byId = (one: Document, other: Document) => Number(one['id']) - Number(other['id'])

async function writeRandomly(db: Database, dice: Dice, commits: number): Promise<void> {
  const texts = ['', 'a', 'ä€😀', 'x'.repeat(5000), 'a longer text that repeats', 'paid', 'open']
  const value = () =>
    dice.of<() => unknown>([
      () => null,
      () => dice.below(1000),
      () => dice.next(),
      () => dice.of(texts),
      () => [1, { a: 2 }],
      () => dice.below(2) === 0
    ])()
  const waiting: Promise<unknown>[] = []
  for (let commit = 0; commit < commits; commit++) {
    const name = dice.of(['one', 'two'])
    const operations = Array.from({ length: 1 + dice.below(5) }, () => {
      const key = dice.below(200)
      const fields = Object.fromEntries(Array.from({ length: dice.below(4) }, () => [dice.of(['a', 'b', 'c', 'd', 'e']), value()]))
      return dice.below(3) > 0 ? ({ upsert: name, document: { id: key, ...fields } } as never) : ({ softDelete: name, key } as never)
    })
    waiting.push(
      db.batch(operations).catch((error: { code: string }) => {
        if (error.code !== 'DRIFT_KEY_NOT_FOUND') throw error
      })
    )
    if (dice.below(30) === 0) await Promise.all(waiting.splice(0))
  }
  await Promise.all(waiting)
}

/** Compares pages and documents of both tables at `S`. */
async function compareAt(t: ExecutionContext, coordinator: Coordinator, S: number): Promise<number> {
  let seen = 0
  for (const name of ['one', 'two']) {
    const table = coordinator.table(name)
    const pages = await coordinator.pages(table, S)
    if (pages === undefined) continue
    seen++
    try {
      const expected = [...table.documents({}, S)].sort(byId)
      t.deepEqual(shown(pages).sort(byId), expected, `${name} at ${S}`)
    } finally {
      pages.release()
    }
  }
  return seen
}

test('VIS-11: pages on the apply thread say the same as documents at every S, while commits and merges go on', async (t) => {
  const { coordinator, db } = await openPaged(folder(t))
  await db.createTable('one', { primaryKey: 'id' })
  await db.createTable('two', { primaryKey: 'id' })
  const dice = new Dice(11)
  let isWriting = true
  const writing = writeRandomly(db, new Dice(12), 4000).finally(() => (isWriting = false))
  let compared = 0
  while (isWriting) {
    compared += await compareAt(
      t,
      coordinator,
      dice.below(4) === 0
        ? coordinator.lastSeq
        : coordinator.readPoint({ kind: 'seq', seq: dice.below(coordinator.lastSeq + 1) }, false).seq
    )
    await new Promise((resolve) => void setImmediate(resolve))
  }
  await writing
  for (let at = 0; at < 40; at++) compared += await compareAt(t, coordinator, dice.below(coordinator.lastSeq + 1))
  t.true(compared >= 80, `${compared} comparisons`)
  await db.close()
})

test('a table that had events before the opening gets pages from its segments, also beside writes', async (t) => {
  const directory = folder(t)
  const first = await openPaged(directory)
  await first.db.createTable('one', { primaryKey: 'id' })
  await first.db.createTable('two', { primaryKey: 'id' })
  await writeRandomly(first.db, new Dice(21), 1500)
  await first.db.close()
  const { coordinator, db } = await openPaged(directory)
  const writing = writeRandomly(db, new Dice(22), 1500)
  const dice = new Dice(23)
  let compared = 0
  for (let at = 0; at < 60; at++) compared += await compareAt(t, coordinator, dice.below(coordinator.lastSeq + 1))
  await writing
  compared += await compareAt(t, coordinator, coordinator.lastSeq)
  t.is(compared, 122)
  await db.close()
})

test('a table whose pages do not fit into the budget is read without them, and takes writes', async (t) => {
  const { coordinator, db } = await openPaged(folder(t), { cacheBytes: 8 * 1024 * 1024, pageRows: 4096 })
  await db.createTable('one', { primaryKey: 'id' })
  await db.createTable('two', { primaryKey: 'id' })
  await db.table('one').insertMany(Array.from({ length: 60_000 }, (_, id) => ({ id, text: `a text of its own ${id} ${'y'.repeat(100)}` })))
  await writeRandomly(db, new Dice(31), 50)
  t.is(await coordinator.pages(coordinator.table('one'), coordinator.lastSeq), undefined)
  t.is(db.table('one').count(), coordinator.table('one').presentCount())
  await db.close()
})

test('pages that are given up while somebody reads them go back when he is done', async (t) => {
  const { coordinator, db } = await openPaged(folder(t), { cacheBytes: 8 * 1024 * 1024, pageRows: 4096 })
  await db.createTable('one', { primaryKey: 'id' })
  const before = coordinator.stats().pageBytes
  await db.table('one').insertMany(Array.from({ length: 2000 }, (_, id) => ({ id, text: `x ${id}` })))
  const table = coordinator.table('one')
  const held = await coordinator.pages(table, coordinator.lastSeq)
  const expected = [...table.documents({}, coordinator.lastSeq)]
  await db.table('one').insertMany(Array.from({ length: 60_000 }, (_, id) => ({ id: id + 2000, text: `${'y'.repeat(100)} ${id}` })))
  t.is(await coordinator.pages(table, coordinator.lastSeq), undefined)
  if (held === undefined) return t.fail('the small table has pages')
  t.deepEqual(shown(held).sort(byId), expected)
  held.release()
  // The apply thread does it when it is told.
  for (let tries = 0; tries < 1000 && coordinator.stats().pageBytes > before; tries++) {
    await new Promise((resolve) => void setTimeout(resolve, 10))
  }
  t.is(coordinator.stats().pageBytes, before)
  await db.close()
})

test('VIS-9: nobody writes for a while, or a table is made of its segments: the present touches few rows that are gone', async (t) => {
  const directory = folder(t)
  const rows = 300
  const touchedRows = async ({ coordinator, db }: { coordinator: Coordinator; db: Database }): Promise<number> => {
    const pages = await coordinator.pages(coordinator.table('one'), db.lastSeq)
    let touched = 0
    for (const tile of pages?.tiles() ?? []) touched += rowsOfTile(tile)
    pages?.release()
    return touched
  }
  const first = await openPaged(directory)
  await first.db.createTable('one', { primaryKey: 'id' })
  await first.db.table('one').insertMany(Array.from({ length: rows }, (_, id) => ({ id, a: id })))
  await touchedRows(first)
  for (let round = 0; round < 4; round++) {
    await first.db.batch(Array.from({ length: rows }, (_, id) => ({ patch: 'one', key: id, set: { a: round * id } })))
  }
  await untilTrue(async () => {
    const touched = await touchedRows(first)
    return touched >= rows && touched <= rows * 1.13
  })
  await first.db.close()

  const second = await openPaged(directory)
  t.true((await touchedRows(second)) <= rows * 1.13)
  t.deepEqual(await second.db.query('SELECT COUNT(*) AS n, SUM(a) AS sum FROM one').all(), [{ n: rows, sum: (3 * rows * (rows - 1)) / 2 }])
  await second.db.close()
})

/** @throws Error where it takes a minute */
async function untilTrue(isTrue: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await isTrue()) return
    await delay(100)
  }
  throw new Error('it does not come true')
}
