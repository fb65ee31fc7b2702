/**
 * Random documents of mixed types, indexes that come and go between writes, checkpoints, compaction, snapshots and openings: every question,
 * now and at random points of the past, is answered the same without any index, with each index whatever it costs, and with the one that is
 * chosen. Without an index it is what the model of queries compares with its oracle. Files of indexes are damaged and lost meanwhile.
 */
import test, { type ExecutionContext } from 'ava'
import { type BatchOperation, type Database, type Document, open } from '../../src/index.js'
import { silentLog } from '../../src/base/log.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { verify } from '../../src/operations/verify.js'
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
  /** Files of indexes, without what tells the two of one apart. */
  readonly #damaged = new Set<string>()
  #opened: Opened
  #named = 0
  /** Questions that were answered by an index. */
  lookups = 0
  /** Indexes that were taken up from their files, and such whose files were of no use. */
  restored = 0
  refused = 0

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
    const info = (_: object, message: string): void => void (this.restored += message.includes('taken up') ? 1 : 0)
    const warn = (_: object, message: string): void => void (this.refused += message.includes('files of an index') ? 1 : 0)
    return openSimulated(this.#io, { compactAtBytes: 20_000, log: { ...silentLog, info, warn } as never })
  }

  async step(t: ExecutionContext): Promise<void> {
    const dice = this.#dice
    const choice = dice.below(100)
    if (choice < 55) await this.db.batch(Array.from({ length: 1 + dice.below(8) }, () => this.#operation()))
    else if (choice < 60 && this.#indexes.length < 4) await this.#create()
    else if (choice < 63 && this.#indexes.length > 0) await this.#drop()
    else if (choice < 65) await this.#opened.coordinator.checkpoint()
    else if (choice < 67) await this.db.compact()
    else if (choice < 70) await this.db.snapshot()
    else if (choice < 73) await this.#reopen(t)
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

  async #reopen(t: ExecutionContext): Promise<void> {
    await this.db.close()
    if (this.#dice.chance(0.3)) {
      const { problems } = await verify(this.#io, '/data')
      // What was damaged before is made again when somebody first asks for it.
      t.deepEqual(
        problems.filter(({ file }) => !this.#damaged.has(baseOf(file))),
        []
      )
    }
    if (this.#dice.chance(0.4)) this.#damage()
    this.#opened = await this.#open()
  }

  /** Of one file of an index a byte is another one, or the end is gone, or all of it. */
  #damage(): void {
    const dice = this.#dice
    const folder = '/data/tables/t/indexes'
    const paths = this.#io.list(folder).map((name) => `${folder}/${name}`)
    if (paths.length === 0) return
    const path = dice.of(paths)
    const { view } = this.#io.files.get(path) as { readonly view: Uint8Array }
    const at = dice.below(view.length)
    this.#damaged.add(baseOf(path))
    const kind = dice.below(5)
    if (kind === 0) this.#io.remove(path)
    else if (kind === 1) this.#io.openWrite(path).truncate(at)
    else view[at] = (view[at] as number) ^ (1 << dice.below(8))
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

function baseOf(path: string): string {
  return path.slice(0, path.lastIndexOf('.'))
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
  let restored = 0
  let refused = 0
  for (let seed = 0; seed < SEEDS; seed++) {
    const run = await Run.begin(seed)
    for (let step = 0; step < STEPS; step++) await run.step(t)
    for (let more = 0; more < 20; more++) await run.ask(t)
    await run.db.close()
    lookups += run.lookups
    restored += run.restored
    refused += run.refused
  }
  t.true(restored > SEEDS && refused > 0, `${restored} indexes were taken up from files, ${refused} could not be`)
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

test('IDX-5: a closed node that is damaged while the database is open fails the query that reads it, and the index is made again', async (t) => {
  const io = new MemoryIo()
  const options = { cacheBytes: 32 * 1024 * 1024, pageRows: 4096 }
  const { db: first } = await openSimulated(io, options)
  await first.createTable('t', { primaryKey: 'id', indexes: ['text'] })
  const texts = (round: number) => Array.from({ length: 200 }, (_, id) => `${(id * 7 + round) % 200} ${'x'.repeat(200)}`)
  await first.table('t').insertMany(texts(0).map((text, id) => ({ id, text })))
  for (let round = 1; round < 4; round++) await first.batch(texts(round).map((text, key) => ({ patch: 't', key, set: { text } })))
  await first.snapshot()
  await first.close()
  const warnings: string[] = []
  const { db } = await openSimulated(io, {
    ...options,
    log: { ...silentLog, warn: (_: object, message: string) => warnings.push(message) } as never
  })
  const session = db.session()
  const ask = async (index: string) => {
    await session.query('SET drift.index = ?', [index])
    return (await session.query("SELECT id FROM t ORDER BY text LIMIT 300 AS OF '@seq:201'")).rows
  }
  const expected = await ask('none')
  t.is(expected.length, 200)
  // It is taken up from its files, and nothing of the past was read.
  await session.query("SET drift.index = 't_text_idx'")
  t.is((await session.query('SELECT id FROM t ORDER BY text LIMIT 300')).rows.length, 200)
  t.deepEqual(warnings, [])
  const { view } = io.files.get('/data/tables/t/indexes/text.nodes') as { readonly view: Uint8Array }
  for (let at = 10_000; at < view.length; at += 16_384) view[at] = (view[at] as number) ^ 1
  const error = await t.throwsAsync(() => ask('t_text_idx'), { code: 'DRIFT_CORRUPT' })
  t.regex(error.message, /text\.nodes: closed node \d+ is damaged/)
  t.deepEqual(await ask('t_text_idx'), expected)
  t.deepEqual(warnings, [
    'a file of an index is damaged; it is made again',
    'the files of an index are of no use; it is made of the segments'
  ])
  await db.snapshot()
  await db.close()
  t.deepEqual((await verify(io, '/data')).problems, [])
})
