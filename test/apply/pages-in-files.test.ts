/** Sealed pages in files: a table larger than page memory, and an opening that begins from a snapshot of pages. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type Log, silentLog } from '../../src/base/log.js'
import type { Database } from '../../src/index.js'
import { Dice } from '../coordinator/_database.js'
import { openPaged, type PagedOptions } from './_open.js'
import { same } from '../same.js'

const MIB = 1024 * 1024
/** Page memory of three slots. */
const THREE_SLOTS: PagedOptions = { cacheBytes: 8 * MIB, pageRows: 256 }

function folder(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'driftdb-pages-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'data')
}

const KEYS = 1000

/** Rounds of a thousand events: patches, and now and then deletes and inserts. */
async function write(db: Database, dice: Dice, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const writes = Array.from({ length: 1000 }, () => {
      const id = dice.below(KEYS)
      return {
        upsert: 't',
        document: { id, n: dice.below(100_000), s: dice.of(['new', 'paid', 'sent']), note: `note ${dice.below(5000)}` }
      }
    })
    await db.batch(writes)
    await db.query(`SOFT DELETE FROM t KEY ${writes.at(-1)?.document.id}`).all()
  }
}

/** Statements of every kind that pages answer, at `a` and `b`, a <= b. */
function statements(a: number, b: number): string[] {
  return [
    `SELECT COUNT(*) c, SUM(n) s, MIN(n) lo, MAX(n) hi FROM t AS OF @seq:${b}`,
    `SELECT s, COUNT(*) c, SUM(n) n FROM t AS OF @seq:${a} GROUP BY s ORDER BY s`,
    `SELECT id, n, note FROM t AS OF @seq:${a} WHERE n < 4000 ORDER BY id`,
    `SELECT id, n FROM t AS OF @seq:${b} ORDER BY n DESC, id LIMIT 7`,
    `SELECT id, n FROM t AS OF @seq:${b} ORDER BY n DESC LIMIT 7`,
    `SELECT _change, COUNT(*) c FROM DIFF(t, @seq:${a}, @seq:${b}) GROUP BY _change ORDER BY _change`,
    `SELECT COUNT(*) c, SUM(n) s FROM t FOR SYSTEM_TIME FROM @seq:${a} TO @seq:${b}`,
    `SELECT id, n, _seq FROM t FOR SYSTEM_TIME FROM @seq:${a} TO @seq:${b} WHERE n < 300 ORDER BY id, _seq`
  ]
}

async function answers(db: Database, dice: Dice, times: number): Promise<unknown[]> {
  const found: unknown[] = []
  for (let time = 0; time < times; time++) {
    const [one, other] = [1 + dice.below(db.lastSeq), 1 + dice.below(db.lastSeq)]
    for (const statement of statements(Math.min(one, other), Math.max(one, other))) {
      found.push([statement, await db.query(statement).all()])
    }
  }
  return found
}

/** What documents say. */
async function expected(directory: string, seed: number, times: number): Promise<unknown[]> {
  const { db } = await openPaged(directory, { pagesFromVersions: Infinity })
  const found = await answers(db, new Dice(seed), times)
  await db.close()
  return found
}

test('MEM-7: a table several times larger than page memory answers the same at every S, and takes writes', async (t) => {
  const directory = folder(t)
  const { coordinator, db } = await openPaged(directory, { ...THREE_SLOTS, queryThreads: 0 })
  await db.createTable('t', { primaryKey: 'id' })
  await write(db, new Dice(41), 40)
  const pages = await coordinator.pages(coordinator.table('t'), coordinator.lastSeq)
  t.true(pages !== undefined)
  pages?.release()
  const snapshots = join(directory, 'tables/t/snapshots')
  t.true(readdirSync(snapshots).some((name) => name.startsWith('spill-')))
  const found = await answers(db, new Dice(42), 12)
  const { pageBytes, pageBytesMax, pageLoads } = coordinator.stats()
  t.true(pageLoads > 100, `${pageLoads} pages were brought back`)
  t.true(pageBytes <= pageBytesMax)
  await db.close()
  same(t, readdirSync(snapshots), [], 'spill files do not outlive the process')
  same(t, found, await expected(directory, 42, 12))
})

test('pages of a snapshot are read back at the next opening, and what came later is put behind them', async (t) => {
  const directory = folder(t)
  const first = await openPaged(directory, { pageRows: 256 })
  await first.db.createTable('t', { primaryKey: 'id' })
  await write(first.db, new Dice(51), 8)
  const [made] = (await first.db.snapshot('t')).tables
  t.true(made?.files.includes('00000001.pages'))
  const bytes = async (): Promise<number | undefined> => (await first.db.snapshot('t')).tables[0]?.bytes
  // Pages that were settled in between, behind a rest on a slow machine, are new once.
  t.is((await bytes()) === 0 ? 0 : await bytes(), 0, 'nothing is new')
  await write(first.db, new Dice(52), 3)
  await first.db.close()
  const messages: string[] = []
  const log: Log = { ...silentLog, info: (_, message) => void messages.push(message) }
  const second = await openPaged(directory, { ...THREE_SLOTS, log })
  const found = await answers(second.db, new Dice(53), 6)
  t.true(messages.includes('pages restored from their snapshot'))
  await write(second.db, new Dice(54), 8)
  await second.db.compact('t')
  t.true(((await second.db.snapshot('t')).tables[0]?.bytes ?? 0) > 0)
  const later = await answers(second.db, new Dice(55), 6)
  await second.db.close()
  same(t, later, await expected(directory, 55, 6))
  const third = await openPaged(directory)
  same(t, await answers(third.db, new Dice(55), 6), later)
  await third.db.close()
  t.is(found.length, 6 * statements(0, 0).length)
})

for (const how of ['damaged at its end', 'damaged in its pages', 'lost'] as const) {
  test(`a page file that is ${how} is no loss`, async (t) => {
    const directory = folder(t)
    const first = await openPaged(directory, { pageRows: 256 })
    await first.db.createTable('t', { primaryKey: 'id' })
    await write(first.db, new Dice(61), 5)
    await first.db.snapshot('t')
    await first.db.close()
    const path = join(directory, 'tables/t/snapshots/00000001.pages')
    if (how === 'lost') rmSync(path)
    else {
      const bytes = readFileSync(path)
      if (how === 'damaged at its end') bytes.fill(9, bytes.length - 20)
      else for (let at = 2000; at < bytes.length * 0.6; at += 997) bytes[at] = (bytes[at] as number) ^ 4
      writeFileSync(path, bytes)
    }
    const right = await expected(directory, 62, 2)
    const second = await openPaged(directory)
    let found: unknown[] | undefined
    for (let attempt = 0; found === undefined && attempt < 4; attempt++) {
      // Who meets the damage is told of it; from then on pages are made of the segments.
      found = await answers(second.db, new Dice(62), 2).catch((error: { code: string; details: { file: string } }) => {
        t.is(error.code, 'DRIFT_CORRUPT')
        t.is(error.details.file, path)
        return undefined
      })
    }
    same(t, found, right)
    await second.db.snapshot('t')
    await second.db.close()
    const third = await openPaged(directory)
    same(t, await answers(third.db, new Dice(62), 2), right)
    await third.db.close()
    t.true(existsSync(join(directory, 'tables/t/snapshots')))
  })
}

type Step = { readonly scan?: Readonly<Record<string, number>>; readonly inputs: readonly Step[] }

/** What EXPLAIN ANALYZE says of the scan below the statement's other steps. */
async function scanOf(db: Database, statement: string): Promise<Readonly<Record<string, number>>> {
  const [row] = await db.query<{ plan: Step }>(`EXPLAIN (ANALYZE, FORMAT JSON) ${statement}`).all()
  let step = row?.plan
  while (step?.inputs[0] !== undefined) step = step.inputs[0]
  return step?.scan ?? {}
}

for (const from of ['segments', 'a snapshot', 'a damaged snapshot'] as const) {
  test(`VIS-12: COMPACT of a table that nobody has read since the opening reads or makes its pages first, from ${from}`, async (t) => {
    const directory = folder(t)
    const first = await openPaged(directory, { pageRows: 256 })
    await first.db.createTable('t', { primaryKey: 'id' })
    await write(first.db, new Dice(81), 12)
    if (from !== 'segments') await first.db.snapshot('t')
    await first.db.close()
    if (from === 'a damaged snapshot') {
      const path = join(directory, 'tables/t/snapshots/00000001.pages')
      const bytes = readFileSync(path)
      // The pages are damaged, and nothing that an opening reads.
      for (let at = 2000; at < bytes.length * 0.5; at += 997) bytes[at] = (bytes[at] as number) ^ 4
      writeFileSync(path, bytes)
    }
    const messages: string[] = []
    const note = (_: unknown, message: string) => void messages.push(message)
    const { coordinator, db } = await openPaged(directory, { pageRows: 256, log: { ...silentLog, info: note, warn: note } })
    const { pageBytes } = coordinator.stats()
    let rows = 0
    await db.compact('t', { onProgress: ({ phase, total }) => (rows = phase === 'pages' ? total : rows) })
    t.true(rows > 10_000, `${rows} rows were gone through`)
    t.true(coordinator.stats().pageBytes > pageBytes)
    t.is(messages.includes('pages restored from their snapshot'), from !== 'segments')
    t.is(messages.includes('a file of pages is damaged; they are made again'), from === 'a damaged snapshot')
    for (let seq = 2000; seq < db.lastSeq; seq += 1700) {
      const { rowsTouched = 0, rowsVisible = 0 } = await scanOf(db, `SELECT COUNT(*) c FROM t AS OF @seq:${seq} WHERE n >= 0`)
      t.true(rowsVisible > 500 && rowsTouched <= 1.6 * rowsVisible + 2 * 256, `${rowsTouched} of ${rowsVisible} at ${seq}`)
    }
    const found = await answers(db, new Dice(82), 2)
    await db.close()
    same(t, found, await expected(directory, 82, 2))
  })
}

test('VIS-9: EXPLAIN ANALYZE says which pages were looked into, how many of their rows are visible, and what was waited for apply', async (t) => {
  const { db } = await openPaged(folder(t), { pageRows: 256 })
  await db.createTable('t', { primaryKey: 'id' })
  await write(db, new Dice(71), 6)
  for (const seq of [1500, 3000, db.lastSeq]) {
    const statement = `SELECT COUNT(*) c, SUM(n) s FROM t AS OF @seq:${seq}`
    const [counted] = await db.query<{ c: number }>(statement).all()
    const { pagesTouched = 0, rowsTouched = 0, rowsVisible = 0, waitForApplyMs = -1 } = await scanOf(db, statement)
    t.is(rowsVisible, counted?.c ?? -1)
    t.true(pagesTouched > 1 && rowsTouched <= 2.5 * rowsVisible + 2 * 256, `${rowsTouched} of ${rowsVisible} in ${pagesTouched}`)
    t.true(waitForApplyMs >= 0)
  }
  const two = await scanOf(db, `SELECT _change, COUNT(*) FROM DIFF(t, @seq:1500, @now) GROUP BY _change`)
  t.true((two['rowsTouched'] ?? 0) > 0)
  t.is(two['rowsVisible'], undefined, 'of two points there is no such number')
  await db.close()
})
