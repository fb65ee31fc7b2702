/**
 * A power cut, and a failing disk, at every single operation of COMPACT and SNAPSHOT: the old files or the new ones, and every answer as
 * before. What was acknowledged meanwhile is there. The same for the files of indexes.
 */
import test, { type ExecutionContext } from 'ava'
import { DriftError } from '../../src/base/errors.js'
import { FaultyIo, type Loss } from '../../src/io/faulty-io.js'
import type { Database } from '../../src/index.js'
import { verify } from '../../src/operations/verify.js'
import { ManualClock, openSimulated } from '../coordinator/_database.js'
import { issue, Oracle, type Write } from '../coordinator/_oracle.js'
import { difference, START, writesOf } from './_filled.js'

const FULL = process.env['FULL'] === '1'
const PATIENCE_MS = 30 * 60_000
/** Every operation with FULL=1; else every seventeenth. */
const EVERY = FULL ? 1 : 43
const losses: readonly Loss[] = ['lose-unsynced', 'keep-unsynced', 'tear-last-write']

type Step = readonly Write[] | 'compact' | 'snapshot' | 'reopen'

const writable: readonly Write[] = (() => {
  const oracle = new Oracle()
  const all = [{ create: 'a' }, { create: 'b' }, ...writesOf(24, 5)] as const
  return all.filter((write) => {
    if (oracle.expect(write).code !== undefined) return false
    oracle.take(write, 0)
    return true
  })
})()
const timed = writable.map((write, index) => ({ write, time: START + (index + 1) * 10 }))

/** The oracle at each seq that was recovered, made once. */
const oracles = new Map<number, Oracle>()
function oracleAt(lastSeq: number): Oracle {
  const known = oracles.get(lastSeq) ?? Oracle.of(timed, lastSeq)
  oracles.set(lastSeq, known)
  return known
}

const script: readonly Step[] = [
  writable.slice(0, 10),
  'compact',
  'snapshot',
  writable.slice(10, 12),
  'snapshot',
  'compact',
  'reopen',
  writable.slice(12, 20),
  'compact',
  'snapshot',
  writable.slice(20)
]

type Outcome = {
  readonly acknowledged: number
  readonly failures: readonly DriftError[]
  readonly isWhole: boolean
  readonly db: Database | undefined
  readonly began: number
}

/** Runs the script; failures of maintenance are counted and the next step is made all the same. */
async function run(io: FaultyIo): Promise<Outcome> {
  const clock = new ManualClock(START)
  const failures: DriftError[] = []
  let acknowledged = 0
  let made = 0
  /** Operations before the first maintenance. */
  let began = 0
  let db: Database | undefined
  try {
    ;({ db } = await openSimulated(io, { clock }))
    for (const step of script) {
      if (step === 'compact' || step === 'snapshot') {
        began ||= io.operations
        try {
          await db[step]()
        } catch (error) {
          failures.push(DriftError.from(error, step))
        }
      } else if (step === 'reopen') {
        await db.close()
        ;({ db } = await openSimulated(io, { clock }))
      } else {
        for (const write of step) {
          clock.wall = START + ++made * 10
          acknowledged = (await issue(db, write))?.seq ?? 0
        }
      }
    }
    await db.close()
    return { acknowledged, failures, isWhole: true, db: undefined, began }
  } catch (error) {
    failures.push(DriftError.from(error, 'script'))
    return { acknowledged, failures, isWhole: false, db, began }
  }
}

async function recovers(t: ExecutionContext, io: FaultyIo, acknowledged: number, where: string): Promise<void> {
  const clock = new ManualClock(START + 100_000)
  for (const round of ['first', 'second']) {
    const opened = await openSimulated(io, { clock }).catch((error: unknown) => t.fail(`${where}, ${round} opening: ${String(error)}`))
    if (opened === undefined) return
    const { db } = opened
    if (db.lastSeq < acknowledged) t.fail(`${where}: DUR-5: ${acknowledged} was acknowledged, ${db.lastSeq} is recovered`)
    const found = difference(db, oracleAt(db.lastSeq))
    if (found !== undefined) t.fail(`${where}, ${round} opening: ${found}`)
    await db.close()
  }
  const { problems } = await verify(io, '/data')
  if (problems.length > 0) t.fail(`${where}: ${JSON.stringify(problems[0])}`)
}

test('the script without a failure makes what the oracle says', async (t) => {
  const io = new FaultyIo()
  const outcome = await run(io)
  t.deepEqual([outcome.failures, outcome.isWhole, outcome.acknowledged], [[], true, Oracle.of(timed, Infinity).lastSeq])
  await recovers(t, io, outcome.acknowledged, 'no failure')
})

test('CMP-4, CMP-5: a power cut at every operation leaves the old files or the new, and every answer', async (t) => {
  t.timeout(PATIENCE_MS)
  let crashes = 0
  const { began } = await run(new FaultyIo())
  for (let crashAt = began + 1; ; crashAt += EVERY) {
    const io = new FaultyIo()
    io.crashAt = crashAt
    const { isWhole, acknowledged } = await run(io)
    if (isWhole) break
    crashes++
    for (const loss of losses) await recovers(t, io.afterCrash(loss), acknowledged, `crash at ${crashAt}, ${loss}`)
  }
  t.true(crashes > 5)
})

for (const failCode of ['EIO', 'ENOSPC']) {
  test(`maintenance that fails with ${failCode} at any operation loses nothing, and is done by the next call`, async (t) => {
    t.timeout(PATIENCE_MS)
    let failed = 0
    let poisoned = 0
    const { began } = await run(new FaultyIo())
    for (let failAt = began + 1; ; failAt += EVERY) {
      const io = new FaultyIo()
      io.failAt = failAt
      io.failCode = failCode
      const { failures, acknowledged, db } = await run(io)
      if (io.operations < failAt) break
      const where = `${failCode} at ${failAt}`
      for (const { code } of failures) {
        if (!['DRIFT_IO', 'DRIFT_NO_SPACE', 'DRIFT_POISONED'].includes(code)) t.fail(`${where}: ${code}`)
        if (code === 'DRIFT_POISONED') poisoned++
        else failed++
      }
      await db?.close().catch((error: unknown) => {
        if ((error as DriftError).code !== 'DRIFT_POISONED') throw error
      })
      io.failAt = 0
      for (const loss of losses) await recovers(t, io.afterCrash(loss), acknowledged, `${where}, ${loss}`)
      await recovers(t, io, acknowledged, `${where}, the disk works again`)
    }
    t.true(failed > 2, `${failed} failed, ${poisoned} poisoned`)
  })
}

const ROWS = 150
/** Enough memory for three indexes beside pages, which do not matter here. */
const INDEXED = { cacheBytes: 32 * 1024 * 1024, pageRows: 4096 }
const textOf = (row: number, round: number): string => `${(row * 7919 + round * 31) % 1000}-${row}-${'x'.repeat(180)}`

const indexed: readonly ((db: Database) => Promise<unknown>)[] = [
  (db) => db.createTable('t', { primaryKey: 'id', indexes: [{ columns: ['u'], unique: true }, 'n'] }),
  (db) => db.batch(Array.from({ length: ROWS }, (_, id) => ({ insert: 't', document: { id, u: textOf(id, 0), n: id % 7 } }))),
  (db) => db.snapshot(),
  (db) => db.batch(Array.from({ length: ROWS }, (_, key) => ({ patch: 't', key, set: { u: textOf(key, 1), n: key % 5 } }))),
  (db) => db.snapshot(),
  (db) => db.createIndex('t', { name: 'by_both', columns: ['n', 'u'] }),
  (db) =>
    db.batch(Array.from({ length: ROWS }, (_, key) => (key % 3 === 0 ? { softDelete: 't', key } : { patch: 't', key, set: { n: 9 } }))),
  (db) => db.snapshot(),
  (db) => db.dropIndex('t_n_idx'),
  (db) => db.close(),
  (db) => db.table('t').upsert({ id: 'last', u: 'last', n: 1 }),
  (db) => db.snapshot(),
  (db) => db.close()
]

/** Every operation with FULL=1; a number that has nothing to do with how many operations a checkpoint takes. */
const INDEXED_EVERY = FULL ? 1 : 11

/** Runs the steps over `io`; those that fail are left behind, unless nothing can go on. */
async function runIndexed(io: FaultyIo): Promise<{ readonly acknowledged: number; readonly failures: number; readonly isWhole: boolean }> {
  let db: Database | undefined
  let acknowledged = 0
  let failures = 0
  for (const step of indexed) {
    try {
      if (db === undefined) ({ db } = await openSimulated(io, { clock: new ManualClock(START), ...INDEXED }))
      await step(db)
      acknowledged = db.lastSeq
      if (step === indexed[9]) db = undefined
    } catch (error) {
      failures++
      const { code } = DriftError.from(error, 'step')
      if (io.crashAt !== 0 || code === 'DRIFT_POISONED' || db === undefined) {
        await db?.close().catch(() => {})
        return { acknowledged, failures, isWhole: false }
      }
    }
  }
  return { acknowledged, failures, isWhole: true }
}

async function indexesRecover(t: ExecutionContext, io: FaultyIo, acknowledged: number, where: string): Promise<void> {
  for (const round of ['first', 'second']) {
    const opened = await openSimulated(io, { clock: new ManualClock(START + 100_000), ...INDEXED }).catch((error: unknown) =>
      t.fail(`${where}: ${String(error)}`)
    )
    if (opened === undefined) return
    const { db } = opened
    if (db.lastSeq < acknowledged) t.fail(`${where}: DUR-5: ${acknowledged} was acknowledged, ${db.lastSeq} is recovered`)
    const table = db.tables().find(({ name }) => name === 't')
    for (const name of table?.indexes ?? []) {
      for (const at of [Math.min(db.lastSeq, ROWS + 70), db.lastSeq]) {
        const answers: string[] = []
        for (const index of [name, 'none']) {
          const session = db.session()
          await session.query('SET drift.index = ?', [index])
          const question = name === 't_u_idx' ? 'ORDER BY u LIMIT 200' : 'WHERE n < 6 ORDER BY n, u'
          answers.push(JSON.stringify((await session.query(`SELECT id, n, u FROM t ${question} AS OF '@seq:${at}'`)).rows))
        }
        if (answers[0] !== answers[1]) t.fail(`${where}, ${round} opening: VIS-14: ${name} at ${at}`)
      }
    }
    const [row] = table === undefined ? [] : (await db.query<{ u: string }>('SELECT u FROM t LIMIT 1')).rows
    if (row !== undefined) {
      const twin = await db
        .table('t')
        .insert({ id: `twin ${round}`, u: row.u })
        .catch((error: unknown) => DriftError.from(error, 'twin').code)
      if (twin !== 'DRIFT_ALREADY_EXISTS') t.fail(`${where}, ${round} opening: CAT-6: ${JSON.stringify(twin)}`)
    }
    await db.close()
  }
  const { problems } = await verify(io, '/data')
  if (problems.length > 0) t.fail(`${where}: ${JSON.stringify(problems[0])}`)
}

/** Of the operations of a run without a failure those that are of index files: by number, from 1 on. */
class WatchedIo extends FaultyIo {
  readonly ofIndexes: number[] = []

  override tick(syscall: string, path: string): void {
    super.tick(syscall, path)
    if (path.includes('/indexes')) this.ofIndexes.push(this.operations)
  }
}

test('IDX-5: a power cut, or a failing disk, at every operation on index files leaves whole ones or none, and every answer', async (t) => {
  t.timeout(PATIENCE_MS)
  const calm = new WatchedIo()
  const { isWhole, failures, acknowledged } = await runIndexed(calm)
  t.deepEqual([isWhole, failures], [true, 0])
  t.deepEqual(calm.list('/data/tables/t/indexes').sort(), ['by_both~19328.idx', 'by_both~19328.nodes', 'u.idx', 'u.nodes'])
  const places = calm.ofIndexes.filter((_, index) => index % INDEXED_EVERY === 0)
  await indexesRecover(t, calm, acknowledged, 'no failure')
  let failed = 0
  for (const [round, at] of places.entries()) {
    const kinds = ['crashAt', 'failAt'] as const
    for (const kind of FULL ? kinds : [kinds[round % 2] as 'crashAt' | 'failAt']) {
      const io = new FaultyIo()
      io[kind] = at
      const outcome = await runIndexed(io)
      failed += outcome.failures
      io[kind] = 0
      for (const loss of FULL ? losses : [losses[round % losses.length] as Loss]) {
        await indexesRecover(t, io.afterCrash(loss), outcome.acknowledged, `${kind} ${at}, ${loss}`)
      }
    }
  }
  t.true(places.length > 5 && failed >= places.length, `${failed} failed at ${places.length} places`)
})
