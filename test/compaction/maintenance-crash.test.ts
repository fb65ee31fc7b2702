/**
 * A power cut, and a failing disk, at every single operation of COMPACT and SNAPSHOT: the old files or the new ones, and every answer as
 * before. What was acknowledged meanwhile is there.
 */
import test, { type ExecutionContext } from 'ava'
import { DriftError } from '../../src/base/errors.js'
import { FaultyIo, type Loss } from '../../src/io/faulty-io.js'
import type { Database } from '../../src/index.js'
import { verify } from '../../src/operations/verify.js'
import { ManualClock, openSimulated } from '../coordinator/_database.js'
import { issue, Oracle, type Write } from '../coordinator/_oracle.js'
import { difference, START, writesOf } from './_filled.js'

const PATIENCE_MS = 30 * 60_000
/** Every operation with FULL=1; else every seventeenth. */
const EVERY = process.env['FULL'] === '1' ? 1 : 43
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
