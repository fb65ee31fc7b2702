/**
 * Random documents of mixed types, indexes that come and go between writes, checkpoints, compaction, snapshots and openings: every question,
 * now and at random points of the past, is answered the same without any index, with each index whatever it costs, and with the one that is
 * chosen. Without an index it is what the model of queries compares with its oracle.
 */
import test, { type ExecutionContext } from 'ava'
import { type BatchOperation, type Database, type Document, open } from '../../src/index.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { Dice, openSimulated, type Opened } from '../coordinator/_database.js'
import { temporaryDirectory } from './_temporary.js'
import { same } from '../same.js'

const FULL = process.env['FULL'] === '1'
const SEEDS = FULL ? 150 : 6
const STEPS = 120
const KEYS = 60

const VALUES = [
  null,
  true,
  false,
  0,
  1,
  1.5,
  -2,
  2n ** 60n,
  '',
  'a',
  'ab',
  'abc',
  'b',
  'é',
  new Date(0),
  new Date(7),
  [1],
  [1, 2],
  { d: 1 },
  { e: 'x' },
  'x'.repeat(260),
  `${'x'.repeat(260)}y`
]
const PATHS = [['a'], ['b'], ['c'], ['c', 'd'], ['c', 'e']]

class Run {
  readonly #io = new MemoryIo()
  readonly #dice: Dice
  readonly #rows = new Set<number>()
  readonly #indexes: string[] = []
  #opened: Opened
  #named = 0
  /** Questions that were answered by an index. */
  lookups = 0

  private constructor(dice: Dice, opened: Opened) {
    this.#dice = dice
    this.#opened = opened
  }

  static async begin(seed: number): Promise<Run> {
    const run = new Run(new Dice(seed), await openSimulated(new MemoryIo()))
    await run.db.close()
    run.#opened = await run.#open()
    await run.db.createTable('t', { primaryKey: 'id', indexes: seed % 2 === 0 ? ['a'] : [] })
    if (seed % 2 === 0) run.#indexes.push('t_a_idx')
    return run
  }

  get db(): Database {
    return this.#opened.db
  }

  #open(): Promise<Opened> {
    return openSimulated(this.#io, { compactAtBytes: 20_000 })
  }

  async step(t: ExecutionContext): Promise<void> {
    const dice = this.#dice
    const choice = dice.below(100)
    if (choice < 55) await this.db.batch(Array.from({ length: 1 + dice.below(8) }, () => this.#operation()))
    else if (choice < 60 && this.#indexes.length < 4) await this.#create()
    else if (choice < 63 && this.#indexes.length > 0) await this.#drop()
    else if (choice < 65) await this.#opened.coordinator.checkpoint()
    else if (choice < 67) await this.db.compact()
    else if (choice < 69) await this.db.snapshot()
    else if (choice < 72) await this.#reopen()
    else await this.ask(t)
  }

  #operation(): BatchOperation {
    const dice = this.#dice
    const key = dice.below(KEYS)
    const fields = Object.fromEntries(['a', 'b', 'c'].filter(() => dice.chance(0.7)).map((name) => [name, dice.of(VALUES)]))
    if (!this.#rows.has(key)) {
      this.#rows.add(key)
      return { insert: 't', document: { id: key, ...fields } }
    }
    if (dice.chance(0.1)) {
      this.#rows.delete(key)
      return { softDelete: 't', key }
    }
    return dice.chance(0.2) ? { upsert: 't', document: { id: key, ...fields } } : { patch: 't', key, set: fields }
  }

  async #create(): Promise<void> {
    const dice = this.#dice
    const name = `i${++this.#named}`
    const paths = PATHS.toSorted(() => dice.next() - 0.5).slice(0, 1 + dice.below(3))
    await this.db.createIndex('t', { name, columns: paths.map((path) => ({ path, descending: dice.chance(0.3) })) })
    this.#indexes.push(name)
  }

  async #drop(): Promise<void> {
    const [name] = this.#indexes.splice(this.#dice.below(this.#indexes.length), 1)
    await this.db.dropIndex(name ?? '')
  }

  async #reopen(): Promise<void> {
    await this.db.close()
    this.#opened = await this.#open()
  }

  /** One question, by every way. */
  async ask(t: ExecutionContext): Promise<void> {
    const { text, parameters } = question(this.#dice, this.db.lastSeq)
    const answer = async (index: string): Promise<readonly Document[]> => {
      const session = this.db.session()
      await session.query('SET drift.index = ?', [index])
      const { rows } = await session.query<{ readonly plan: string }>(`EXPLAIN ${text}`, parameters)
      if (rows.some(({ plan }) => plan.includes('lookup t by'))) this.lookups++
      return (await session.query<Document>(text, parameters)).rows
    }
    const expected = await answer('none')
    for (const index of ['auto', ...this.#indexes])
      same(t, await answer(index), expected, `${index}: ${text} ${JSON.stringify(parameters, replaced)}`)
  }
}

function replaced(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

/** Conditions and orders of the sort that indexes serve, and some that they do not. */
function question(dice: Dice, lastSeq: number): { readonly text: string; readonly parameters: unknown[] } {
  const parameters: unknown[] = []
  const value = (): string => {
    parameters.push(dice.of(VALUES))
    return '?'
  }
  const path = (): string => dice.of(PATHS).join('.')
  const condition = (): string => {
    const field = path()
    switch (dice.below(8)) {
      case 0:
        return `${field} IS ${dice.chance(0.4) ? 'NOT ' : ''}NULL`
      case 1:
        return `${field} IN (${value()}, ${value()}, ${value()})`
      case 2:
        return `${field} BETWEEN ${value()} AND ${value()}`
      case 3:
        return `${field} LIKE '${dice.of(['a%', 'ab%', 'x%', '%b', 'a_', ''])}'`
      case 4:
        return `${field} ${dice.of(['<', '<=', '>', '>='])} ${value()}`
      case 5:
        return `(${field} = ${value()} OR ${path()} = ${value()})`
      default:
        return `${field} = ${value()}`
    }
  }
  const where = Array.from({ length: dice.below(4) }, condition).join(' AND ')
  const order = Array.from({ length: dice.below(3) }, () => `${path()}${dice.of(['', ' DESC', ' NULLS FIRST', ''])}`)
  const what = dice.of(['*', '*', 'id', 'id, a, c.d', 'COUNT(*), MIN(id)', 'a, COUNT(*)'])
  const isGrouped = what.includes('COUNT')
  const at = dice.chance(0.5) ? ` AS OF '@seq:${dice.below(lastSeq + 1)}'` : ''
  const text = [
    `SELECT ${what} FROM t`,
    where === '' ? '' : ` WHERE ${where}`,
    what.startsWith('a,') ? ' GROUP BY a ORDER BY a' : '',
    isGrouped || order.length === 0 ? '' : ` ORDER BY ${order.join(', ')}`,
    isGrouped || dice.chance(0.5) ? '' : ` LIMIT ${dice.below(6)}`,
    at
  ].join('')
  return { text, parameters }
}

test('VIS-14: whatever indexes there are, every question has the same answer at every point', async (t) => {
  let lookups = 0
  for (let seed = 0; seed < SEEDS; seed++) {
    const run = await Run.begin(seed)
    for (let step = 0; step < STEPS; step++) await run.step(t)
    for (let more = 0; more < 20; more++) await run.ask(t)
    await run.db.close()
    lookups += run.lookups
  }
  t.true(lookups > 20 * SEEDS, `${lookups} lookups`)
})

test('VIS-14: an index that is made beside writers, over many nodes, has every version', async (t) => {
  const db = await open(temporaryDirectory(t), { create: true })
  await db.createTable('t', { primaryKey: 'id', indexes: ['group'] })
  const rows = 4000
  const table = db.table('t')
  await table.insertMany(Array.from({ length: rows }, (_, id) => ({ id, group: id % 7, n: id })))
  let isOver = false
  const writing = (async () => {
    for (let round = 0; !isOver; round++) {
      await db.batch(
        Array.from({ length: 50 }, (_, at) => ({ patch: 't', key: (round * 50 + at * 61) % rows, set: { n: round, group: round % 11 } }))
      )
    }
  })()
  const progress: number[] = []
  await db.createIndex(
    't',
    { name: 'by_n', columns: ['n', { path: ['group'], descending: true }] },
    { onProgress: (done) => progress.push(done) }
  )
  for (let more = 0; more < 20; more++) await db.table('t').patch(more, { n: more })
  isOver = true
  await writing
  t.true(progress.length > 0)
  const session = db.session()
  await session.query("SET drift.index = 'by_n'")
  const { rows: plan } = await session.query('EXPLAIN SELECT * FROM t WHERE n = 1')
  t.regex(JSON.stringify(plan), /lookup t by by_n/)
  for (let question = 0; question < 60; question++) {
    const at = question < 20 ? db.lastSeq : 1 + Math.floor((db.lastSeq * question) / 60)
    const texts = [
      `SELECT * FROM t WHERE n = ${question * 3} AS OF '@seq:${at}'`,
      `SELECT id FROM t WHERE "group" = ${question % 11} AND n < ${question * 50} AS OF '@seq:${at}'`,
      `SELECT id, n FROM t WHERE n > ${question} ORDER BY n DESC, "group" LIMIT 7 AS OF '@seq:${at}'`
    ]
    for (const text of texts) {
      await session.query("SET drift.index = 'none'")
      const expected = (await session.query(text, [], { dialect: 'sql' })).rows
      for (const index of ['by_n', 't_group_idx', 'auto']) {
        await session.query('SET drift.index = ?', [index])
        same(t, (await session.query(text, [], { dialect: 'sql' })).rows, expected, `${index}: ${text}`)
      }
    }
  }
  await db.close()
})

test('an index that is dropped while a query reads it in its order refuses the rest; it never reads memory that is given back', async (t) => {
  const db = await open(temporaryDirectory(t), { create: true })
  await db.createTable('t', { primaryKey: 'id', indexes: ['n'] })
  await db.table('t').insertMany(Array.from({ length: 5000 }, (_, id) => ({ id, n: (id * 7919) % 5000 })))
  const session = db.session()
  await session.query("SET drift.index = 't_n_idx'")
  const rows = session.query<{ n: number }>('SELECT n FROM t ORDER BY n LIMIT 4999').batches(100)
  const first = (await rows.next()).value as { readonly n: number }[]
  same(
    t,
    first.map(({ n }) => n),
    Array.from({ length: 100 }, (_, n) => n)
  )
  await db.dropIndex('t_n_idx')
  await t.throwsAsync(
    async () => {
      for await (const batch of rows) for (const { n } of batch) t.true(n < 5000)
    },
    { code: 'DRIFT_OVERLOADED' }
  )
  t.is((await db.query('SELECT n FROM t ORDER BY n LIMIT 4999')).rows.length, 4999)
  await db.close()
})
