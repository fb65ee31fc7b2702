/**
 * A crash, or a failing disk, at every single operation of the file system. The same script runs each time, so what it must have made is
 * known to the event: whatever is recovered must be a beginning of that, and no shorter than what was acknowledged.
 */
import test, { type ExecutionContext } from 'ava'
import { DriftError } from '../../src/base/errors.js'
import { FaultyIo, type Loss } from '../../src/io/faulty-io.js'
import type { Coordinator } from '../../src/coordinator/coordinator.js'
import type { Commit, Database } from '../../src/index.js'
import { ManualClock, openSimulated, type SimulatedOptions } from './_database.js'
import { differenceAt, differenceNow, historyDifference, issue, Oracle, type Write } from './_oracle.js'

/** Every operation with FULL=1; else every eleventh. */
const EVERY = process.env['FULL'] === '1' ? 1 : 11
const START = 1_700_000_000_000
/** The long runs say nothing for minutes. */
const PATIENCE_MS = 30 * 60_000
const losses: readonly Loss[] = ['lose-unsynced', 'keep-unsynced', 'tear-last-write']

type Step = { readonly writes: readonly Write[] } | 'checkpoint' | 'reopen' | 'close'

const insert = (table: string, id: string | number, n: number): Write => ({
  rows: [{ kind: 'insert', table, document: { id, n, text: `row ${id}` } }]
})
const upsert = (table: string, id: string | number, n: number): Write => ({ rows: [{ kind: 'upsert', table, document: { id, n } }] })
const patch = (table: string, key: string | number, n: number): Write => ({
  rows: [{ kind: 'patch', table, key, set: { n, [`f${n}`]: n } }]
})
const remove = (table: string, key: string | number): Write => ({ rows: [{ kind: 'softDelete', table, key }] })
const pair = (id: string, n: number): Write => ({
  rows: [
    { kind: 'insert', table: 'a', document: { id, n } },
    { kind: 'insert', table: 'b', document: { id, n } },
    { kind: 'patch', table: 'a', key: id, set: { n: n + 1 } }
  ],
  metadata: { why: `pair ${id}` }
})
const one = (write: Write): Step => ({ writes: [write] })

/** Thirty operations, some of them made together so that they share a group commit. */
const script: readonly Step[] = [
  one({ create: 'a' }),
  one(insert('a', 'k1', 1)),
  one({ create: 'b' }),
  one(insert('b', 1, 1)),
  one(pair('p1', 10)),
  { writes: [patch('a', 'k1', 2), patch('a', 'k1', 3), upsert('b', 1, 4), insert('a', 'k2', 5)] },
  'checkpoint',
  one(remove('a', 'k1')),
  one(pair('p2', 20)),
  'reopen',
  { writes: [insert('a', 'k1', 6), patch('a', 'k1', 7), pair('p3', 30)] },
  one(remove('b', 'p1')),
  'checkpoint',
  one(upsert('a', 'k2', 8)),
  'reopen',
  one(patch('b', 'p2', 9)),
  one({ create: 'C with: odd name' }),
  { writes: [insert('C with: odd name', 'x', 1), pair('p4', 40), remove('a', 'p4')] },
  'close'
]

const writes = script.flatMap((step) => (typeof step === 'string' ? [] : step.writes))
/** Commit times are the clock's, and that moves by a known step with each write. */
const timed = writes.map((write, index) => ({ write, time: START + (index + 1) * 10 }))

type Outcome = {
  readonly acknowledged: number
  /** How many writes were made at all. */
  readonly made: number
  readonly refusals: readonly { readonly index: number; readonly error: DriftError }[]
  /** What stopped it. */
  readonly stop: DriftError | undefined
  readonly db: Database | undefined
}

/** Runs the script until something fails. */
async function run(io: FaultyIo, options: SimulatedOptions = {}): Promise<Outcome> {
  const clock = new ManualClock(START)
  let acknowledged = 0
  let made = 0
  let db: Database | undefined
  let coordinator: Coordinator | undefined
  const refusals: { index: number; error: DriftError }[] = []
  const end = (stop: DriftError | undefined): Outcome => ({ acknowledged, made, refusals, stop, db })
  const open = async () => {
    ;({ db, coordinator } = await openSimulated(io, { clock, ...options }))
  }
  try {
    await open()
    for (const step of script) {
      if (step === 'checkpoint') await coordinator?.checkpoint()
      else if (step === 'close') await db?.close()
      else if (step === 'reopen') {
        await db?.close()
        db = undefined
        await open()
      } else {
        const pending: Promise<Commit | undefined>[] = []
        for (const write of step.writes) {
          clock.wall = START + (made + 1) * 10
          made++
          if (db !== undefined) pending.push(issue(db, write))
        }
        const first = made - step.writes.length
        for (const [index, outcome] of (await Promise.allSettled(pending)).entries()) {
          if (outcome.status === 'fulfilled') acknowledged = outcome.value?.seq ?? 0
          else refusals.push({ index: first + index, error: outcome.reason as DriftError })
        }
        if (refusals[0] !== undefined) return end(refusals[0].error)
      }
    }
    db = undefined
    return end(undefined)
  } catch (error) {
    return end(error instanceof DriftError ? error : new DriftError('INVARIANT', String(error), {}, error))
  }
}

/** What was taken up to a seq, and that with one write more. */
type Expected = { readonly recovered: Oracle; readonly next: Write; readonly after: Oracle }
const AFTER = START + 1_000_000
const oracles = new Map<number, Expected>()

/** Made once for each seq that is recovered. */
function expectedAt(lastSeq: number): Expected {
  const known = oracles.get(lastSeq)
  if (known !== undefined) return known
  const recovered = Oracle.of(timed, lastSeq)
  const next: Write = recovered.tables.length === 0 ? { create: 'a' } : insert('a', 'after', 1)
  const after = Oracle.of(timed, lastSeq)
  after.take(next, AFTER)
  const made = { recovered, next, after }
  oracles.set(lastSeq, made)
  return made
}

/** All laws of an opening after a failure, then a write, then the same again. */
async function recovers(t: ExecutionContext, io: FaultyIo, { acknowledged, made }: Outcome, where: string): Promise<void> {
  const clock = new ManualClock(AFTER)
  const { db } = await openSimulated(io, { clock })
  const lastSeq = db.lastSeq
  const count = ends.findLastIndex((end) => end <= lastSeq) + 1
  const { recovered: oracle, next, after } = expectedAt(lastSeq)
  if (lastSeq < acknowledged) t.fail(`${where}: DUR-5: ${acknowledged} was acknowledged, ${lastSeq} is recovered`)
  if (oracle.lastSeq !== lastSeq) t.fail(`${where}: ATM-1: ${lastSeq} is not the end of a commit`)
  if (count > made) t.fail(`${where}: ${lastSeq} was never written`)
  hasAll(t, db, oracle, where)
  const commit = await issue(db, next)
  if (commit?.firstSeq !== lastSeq + 1) t.fail(`${where}: SEQ-1: the next seq is ${commit?.firstSeq}, after ${lastSeq}`)
  hasAll(t, db, after, `${where}, after the next write`)
  await db.close()
  const { db: second } = await openSimulated(io, { clock })
  hasAll(t, second, after, `${where}, second opening`)
  await second.close()
}

function hasAll(t: ExecutionContext, db: Database, oracle: Oracle, where: string): void {
  for (let seq = 0; seq <= oracle.lastSeq; seq++) {
    const difference = differenceAt(db, oracle, seq)
    if (difference !== undefined) t.fail(`${where}: ${difference}`)
  }
  const difference = differenceNow(db, oracle) ?? historyDifference(db, oracle, oracle.lastSeq)
  if (difference !== undefined) t.fail(`${where}: ${difference}`)
}

/** The last seq of each write of the script. */
const ends: readonly number[] = (() => {
  const oracle = new Oracle()
  return timed.map(({ write, time }) => {
    oracle.take(write, time)
    return oracle.lastSeq
  })
})()

test('the script without a failure makes what the oracle says', async (t) => {
  const io = new FaultyIo()
  const outcome = await run(io)
  t.is(outcome.stop, undefined)
  t.is(outcome.acknowledged, Oracle.of(timed, Infinity).lastSeq)
  t.true(io.operations > 100)
  await recovers(t, io, outcome, 'no failure')
  t.pass()
})

for (const durability of ['full', 'os'] as const) {
  test(`DUR-5, ATM-1, SEQ-1: a power cut at every operation keeps a whole beginning, durability ${durability}`, async (t) => {
    t.timeout(PATIENCE_MS)
    let crashes = 0
    for (let crashAt = durability === 'full' ? 1 : 2; ; crashAt += durability === 'full' ? EVERY : EVERY * 2) {
      const io = new FaultyIo()
      io.crashAt = crashAt
      const outcome = await run(io, { durability })
      if (outcome.stop === undefined) break
      crashes++
      for (const loss of losses) {
        // Under `os` a write is safe from the end of the process, not from a power cut.
        const promised = durability === 'full' || loss === 'keep-unsynced' ? outcome : { ...outcome, acknowledged: 0 }
        await recovers(t, io.afterCrash(loss), promised, `crash at ${crashAt}, ${loss}`)
      }
    }
    t.true(crashes > 10)
  })
}

test('DUR-2: a failing operation of the disk poisons, reads go on, and the next opening finds what was acknowledged', async (t) => {
  t.timeout(PATIENCE_MS)
  let poisonings = 0
  let failures = 0
  for (let failAt = 1; ; failAt += EVERY) {
    const io = new FaultyIo()
    io.failAt = failAt
    const outcome = await run(io)
    if (io.operations < failAt) break
    const where = `EIO at ${failAt}`
    failures++
    const { stop, db, refusals } = outcome
    // A checkpoint that fails right before a clean close is heard of by nobody: the WAL has everything.
    if (stop !== undefined && !['DRIFT_POISONED', 'DRIFT_IO'].includes(stop.code)) t.fail(`${where}: ${stop.code}: ${stop.message}`)
    for (const { error } of refusals) {
      if (error.code !== 'DRIFT_POISONED') t.fail(`${where}: a write is rejected with ${error.code}: ${error.message}`)
      if (error.details['outcome'] !== 'unknown' && error.details['outcome'] !== 'refused')
        t.fail(`${where}: outcome ${String(error.details['outcome'])}`)
    }
    if (refusals.length > 0 && db !== undefined) {
      poisonings++
      const difference = differenceNow(db, Oracle.of(timed, db.lastSeq))
      if (difference !== undefined) t.fail(`${where}, poisoned: ${difference}`)
      if (db.lastSeq < outcome.acknowledged) t.fail(`${where}: lastSeq ${db.lastSeq} below the acknowledged ${outcome.acknowledged}`)
      const [later] = await Promise.allSettled([db.batch([{ upsert: 'a', document: { id: 'later' } }])])
      if (later?.status !== 'rejected') t.fail(`${where}: a write after the poisoning was taken`)
      else {
        const { code, details } = later.reason as DriftError
        const refused = (code === 'DRIFT_POISONED' && details['outcome'] === 'refused') || code === 'DRIFT_UNKNOWN_TABLE'
        if (!refused) t.fail(`${where}: a later write is rejected with ${code}, outcome ${String(details['outcome'])}`)
      }
    }
    await db?.close().catch((error: unknown) => {
      if ((error as DriftError).code !== 'DRIFT_POISONED') throw error
    })
    for (const loss of losses) await recovers(t, io.afterCrash(loss), outcome, `${where}, ${loss}`)
    // The same files, the disk works again: the lock must be free too.
    io.failAt = 0
    await recovers(t, io, outcome, `${where}, the disk works again`)
  }
  t.true(poisonings > 3)
  t.true(failures > 10)
})

test('a full disk at any operation loses nothing that was acknowledged', async (t) => {
  t.timeout(PATIENCE_MS)
  let failures = 0
  for (let failAt = 2; ; failAt += EVERY) {
    const io = new FaultyIo()
    io.failAt = failAt
    io.failCode = 'ENOSPC'
    const outcome = await run(io)
    if (io.operations < failAt) break
    failures++
    const where = `ENOSPC at ${failAt}`
    const { stop, db } = outcome
    if (stop !== undefined && !['DRIFT_POISONED', 'DRIFT_NO_SPACE'].includes(stop.code)) t.fail(`${where}: ${stop.code}: ${stop.message}`)
    await db?.close().catch((error: unknown) => {
      if ((error as DriftError).code !== 'DRIFT_POISONED') throw error
    })
    io.failAt = 0
    await recovers(t, io, outcome, where)
  }
  t.true(failures > 10)
})

test('a crash while a crash is being recovered loses nothing', async (t) => {
  t.timeout(PATIENCE_MS)
  const io = new FaultyIo()
  io.crashAt = 120
  const outcome = await run(io)
  t.not(outcome.stop, undefined)
  let crashes = 0
  for (let crashAt = 1; ; crashAt += EVERY) {
    const left = io.afterCrash('keep-unsynced')
    left.crashAt = crashAt
    const opened = await openSimulated(left).catch(() => undefined)
    if (opened !== undefined) break
    crashes++
    for (const loss of losses) await recovers(t, left.afterCrash(loss), outcome, `second crash at ${crashAt}, ${loss}`)
  }
  t.true(crashes > 2)
})

test('DUR-2: under durability none too a write after the writer was poisoned is refused', async (t) => {
  const io = new FaultyIo()
  const { db } = await openSimulated(io, { durability: 'none' })
  await issue(db, { create: 'a' })
  await issue(db, insert('a', 'first', 1))
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => void setImmediate(resolve))
  io.failAt = io.operations + 1
  await issue(db, insert('a', 'second', 1))
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => void setImmediate(resolve))
  const error = await t.throwsAsync(issue(db, insert('a', 'third', 1)), { instanceOf: DriftError })
  t.is(error?.code, 'DRIFT_POISONED')
  t.is(error?.details['outcome'], 'refused')
  await t.throwsAsync(db.close(), { instanceOf: DriftError }, 'what was acknowledged is not on the disk, and the closing says so')
})

test('a table that another call is making is durable when ifNotExists resolves', async (t) => {
  const io = new FaultyIo()
  const { db } = await openSimulated(io)
  const made = db.createTable('a', { primaryKey: 'id' })
  await db.createTable('a', { primaryKey: 'id', ifNotExists: true })
  const left = await openSimulated(io.afterCrash('lose-unsynced'))
  t.deepEqual(
    left.db.tables().map(({ name }) => name),
    ['a']
  )
  await made
  await db.close()
})

test('a page that a reader kept does not hide the commits that a later checkpoint put behind it', async (t) => {
  const io = new FaultyIo()
  const { db, coordinator } = await openSimulated(io)
  await issue(db, { create: 'a' })
  await issue(db, insert('a', 'first', 1))
  await coordinator.checkpoint()
  t.is(db.asOf({ seq: 1 }).seq, 1)
  const commit = await issue(db, insert('a', 'second', 1))
  await coordinator.checkpoint()
  const next = await issue(db, insert('a', 'third', 1))
  await coordinator.checkpoint()
  t.is(db.asOf({ seq: Number(commit?.seq) }).seq, Number(commit?.seq))
  t.is(db.asOf({ seq: Number(next?.seq) }).seq, Number(next?.seq))
  await db.close()
})

// The second of the two CLOSE records may be torn while the first is whole; reading the WAL takes that for damage.
test('DUR-6: a power cut in the last steps of a clean close is no damage', async (t) => {
  const whole = new FaultyIo()
  await run(whole)
  for (let crashAt = whole.operations - 7; crashAt <= whole.operations; crashAt++) {
    const io = new FaultyIo()
    io.crashAt = crashAt
    const outcome = await run(io)
    for (const loss of losses) await recovers(t, io.afterCrash(loss), outcome, `crash at ${crashAt}, ${loss}`)
  }
  t.pass()
})
