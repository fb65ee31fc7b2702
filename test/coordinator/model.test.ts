/**
 * Random operations against the naive oracle, at every seq. What the engine and the oracle disagree about is a defect of one of them; the
 * seed in the message makes it happen again.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { DriftError } from '../../src/base/errors.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { open, type Database, type Document, type Key, type Value } from '../../src/index.js'
import { Dice, ManualClock, openSimulated } from './_database.js'
import {
  collect,
  differenceAt,
  differenceNow,
  historyDifference,
  issue,
  keyName,
  Oracle,
  scanDifference,
  show,
  type Bounds,
  type RowWrite,
  type Write
} from './_oracle.js'

const FULL = process.env['FULL'] === '1'

/** Few keys, so that they meet; of all classes, with neighbours that must stay apart. */
const keys: readonly Key[] = [
  'a',
  'b',
  'ab',
  '',
  '1',
  'ü',
  '\u{10000}',
  '\uffff',
  1,
  2,
  -1,
  0,
  0.5,
  -0.5,
  1e300,
  2 ** 53,
  2n ** 60n + 1n,
  2n ** 60n - 1n,
  true,
  false
]
const tables = ['t', 'Orders', 'orders', 'with space/and:more']
const fields = ['x', 'y', 'z', 'nested', 'Ö']
const values: readonly Value[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 31,
  2n ** 63n,
  '',
  'text',
  'ä€𝄞',
  'long '.repeat(60),
  [1, [2, { a: null }]],
  { a: { b: [] } },
  new Date(1_735_689_600_123),
  new Uint8Array([0, 255])
]

class Script {
  readonly dice: Dice

  constructor(seed: number) {
    this.dice = new Dice(seed)
  }

  write(): Write {
    const { dice } = this
    if (dice.chance(0.03)) return { create: dice.of(tables) }
    const rows = Array.from({ length: dice.chance(0.75) ? 1 : 1 + dice.below(6) }, () => this.#row())
    return dice.chance(0.2) ? { rows, metadata: { who: dice.of(['ann', 'bob']), n: dice.below(100) } } : { rows }
  }

  bounds(): Bounds {
    const { dice } = this
    const lower = dice.of(keys)
    const upper = dice.of(keys)
    return {
      ...dice.of([{}, { gt: lower }, { gte: lower }]),
      ...dice.of([{}, { lt: upper }, { lte: upper }]),
      ...dice.of([{}, { reverse: true }]),
      ...dice.of([{}, {}, { limit: dice.below(5) }])
    }
  }

  #row(): RowWrite {
    const { dice } = this
    const table = dice.of(tables)
    const key = dice.of(keys)
    const conditions = {
      ...(dice.chance(0.05) ? { ifSeq: dice.below(30) } : {}),
      ...(dice.chance(0.1) ? { skipUnchanged: true } : {})
    }
    switch (dice.below(10)) {
      case 0:
      case 1:
        return { kind: 'softDelete', table, key, ...conditions }
      case 2:
      case 3:
        return { kind: 'insert', table, document: { id: key, ...this.#fields() }, ...conditions }
      case 4:
      case 5:
      case 6:
        return { kind: 'upsert', table, document: { ...this.#fields(), id: key }, ...conditions }
      default:
        return { kind: 'patch', table, key, set: this.#fields(), ...conditions }
    }
  }

  #fields(): Document {
    const { dice } = this
    return Object.fromEntries(Array.from({ length: dice.below(4) }, () => [dice.of(fields), dice.of(values)]))
  }
}

type Host = {
  readonly open: () => Promise<{ db: Database; checkpoint: () => Promise<void> }>
  /** Moves the clock by some milliseconds, or not at all. */
  readonly tick: (ms: number) => void
}

/** Plays operations, checks on the way and after a last reopening; `everySeq` also on the way. */
async function play(t: ExecutionContext, seed: number, operations: number, host: Host, everySeq: boolean): Promise<void> {
  const script = new Script(seed)
  const { dice } = script
  const oracle = new Oracle()
  let { db, checkpoint } = await host.open()
  const check = (difference: string | undefined) => {
    if (difference !== undefined) t.fail(`seed ${seed}, after seq ${oracle.lastSeq}: ${difference}`)
  }
  const checkAll = async (isEvery: boolean) => {
    check(differenceNow(db, oracle))
    const step = isEvery ? 1 : 1 + Math.floor(oracle.lastSeq / 20)
    for (let seq = oracle.lastSeq; seq >= 0; seq -= step) check(differenceAt(db, oracle, seq))
    check(historyDifference(db, oracle, oracle.lastSeq))
    check(historyDifference(db, oracle, dice.below(oracle.lastSeq + 1)))
    for (let round = 0; round < 10; round++) {
      const table = oracle.tables.length === 0 ? undefined : dice.of(oracle.tables)
      if (table !== undefined) check(await scanDifference(db, oracle, table, dice.below(oracle.lastSeq + 1), script.bounds()))
    }
    for (const commit of oracle.commits) {
      if (!dice.chance(0.2)) continue
      using view = db.asOf({ time: commit.time })
      const expected = oracle.pointAtTime(commit.time)
      if (view.seq !== expected) check(`asOf time ${commit.time} is seq ${view.seq}, expected ${expected}`)
    }
    for (const table of oracle.tables) {
      const asked = [dice.of(keys), dice.of(keys), dice.of(keys)]
      const rows = oracle.rows(table, oracle.lastSeq)
      t.deepEqual(
        db.table(table).getMany(asked),
        asked.map((key) => rows.get(keyName(key))?.document),
        `seed ${seed}: getMany ${show(asked)}`
      )
    }
  }
  for (let done = 0; done < operations;) {
    // Some writes are made together and awaited later: they are numbered in the order of the calls all the same.
    const together: { write: Write; promise: Promise<unknown> }[] = []
    for (let count = dice.chance(0.2) ? 1 + dice.below(8) : 1; count > 0; count--, done++) {
      host.tick(dice.below(3))
      const write = script.write()
      const expected = oracle.expect(write)
      const promise = issue(db, write)
      if (expected.code !== undefined) {
        const rejected = promise.then(
          () => check(`${show(write)} was taken, expected ${expected.code}`),
          (error: unknown) => {
            const { code, details } = error as DriftError
            if (code !== expected.code) check(`${show(write)} is refused with ${code}, expected ${expected.code}`)
            if ('rows' in write && write.rows.length > 1 && details['index'] !== expected.index)
              check(`${show(write)}: index ${String(details['index'])}, expected ${expected.index}`)
          }
        )
        together.push({ write, promise: rejected })
      } else {
        // The oracle takes it now; what time it got is known when it is acknowledged.
        const { commit } = expected
        const at = oracle.commits.length
        oracle.take(write, Number.NaN)
        const acknowledged = promise.then((found) => {
          if (found === undefined) return check(`${show(write)} made no commit`)
          const { time, ...numbers } = found
          if (show(numbers) !== show({ seq: commit.seq, firstSeq: commit.firstSeq, count: commit.count }))
            check(`${show(write)} is ${show(numbers)}, expected ${show(commit)}`)
          const entry = oracle.commits[at]
          if (entry !== undefined && commit.count > 0) oracle.commits[at] = { ...entry, time }
        })
        together.push({ write, promise: acknowledged })
      }
    }
    await Promise.all(together.map(({ promise }) => promise))
    if (dice.chance(0.02)) await checkpoint()
    if (dice.chance(0.03)) await db.compact()
    if (dice.chance(0.04)) await db.snapshot()
    if (dice.chance(0.02) && oracle.tables.length > 0) await db.snapshot(dice.of(oracle.tables))
    if (dice.chance(0.02) && oracle.tables.length > 0) await db.compact(dice.of(oracle.tables))
    if (dice.chance(0.01)) {
      await db.close()
      ;({ db, checkpoint } = await host.open())
      await checkAll(everySeq)
    }
    if (dice.chance(0.01)) await checkAll(everySeq)
  }
  for (let index = 1; index < oracle.commits.length; index++) {
    if ((oracle.commits[index]?.time ?? 0) < (oracle.commits[index - 1]?.time ?? 0)) check(`TIM-1: the time of commit ${index} decreases`)
  }
  await checkAll(true)
  await db.close()
  ;({ db, checkpoint } = await host.open())
  await checkAll(true)
  await db.close()
}

const runs = FULL ? 400 : 24

test('SEQ, ATM, VIS, TIM: random operations read the same as their fold at every seq, in one thread', async (t) => {
  t.timeout(60 * 60_000)
  for (let seed = 1; seed <= runs; seed++) {
    const io = new MemoryIo()
    io.makeDirectory('/data')
    const clock = new ManualClock()
    // A small log: its chunks are given back and used again.
    const host: Host = {
      tick: (ms) => void (clock.wall += ms),
      async open() {
        clock.wall += 1
        const { db, coordinator } = await openSimulated(io, { clock })
        return { db, checkpoint: () => coordinator.checkpoint() }
      }
    }
    await play(t, seed, 120, host, true)
  }
  t.pass()
})

for (const durability of ['full', 'os', 'none'] as const) {
  test(`random operations read the same as their fold on real files and threads, durability ${durability}`, async (t) => {
    t.timeout(60 * 60_000)
    for (let seed = 1000; seed < (FULL ? 1010 : 1001); seed++) {
      const directory = mkdtempSync(join(tmpdir(), 'driftdb-model-'))
      try {
        const host: Host = {
          tick: () => {},
          async open() {
            const db = await open(directory, { durability, cacheBytes: 8 * 1024 * 1024 })
            return { db, checkpoint: async () => {} }
          }
        }
        await play(t, seed, FULL ? 3000 : 500, host, false)
      } finally {
        rmSync(directory, { recursive: true })
      }
    }
    t.pass()
  })
}

test('a scan reads the state at its begin, whatever is written meanwhile', async (t) => {
  const { db } = await openSimulated(new MemoryIo())
  await db.createTable('t', { primaryKey: 'id' })
  for (let id = 0; id < 10; id++) await db.table('t').insert({ id, n: 0 })
  const rows = db.table('t').scan()
  const first = await rows.next()
  t.deepEqual(first.value, { id: 0, n: 0 })
  await db.batch([
    { upsert: 't', document: { id: 5, n: 1 } },
    { softDelete: 't', key: 7 },
    { insert: 't', document: { id: 8.5, n: 1 } }
  ])
  t.deepEqual(
    await collect(rows),
    Array.from({ length: 9 }, (_, index) => ({ id: index + 1, n: 0 }))
  )
  t.is((await collect(db.table('t').scan())).length, 10)
  await db.close()
})
