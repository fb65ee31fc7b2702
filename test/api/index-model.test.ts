/**
 * Random documents of mixed types, indexes that come and go between writes, checkpoints, compaction, snapshots and openings: every question,
 * now and at random points of the past, is answered the same without any index, with each index whatever it costs, and with the one that is
 * chosen. Without an index it is what the model of queries compares with its oracle. Files of indexes are damaged and lost meanwhile.
 */
import test, { type ExecutionContext } from 'ava'
import { type BatchOperation, type Database, type Document, open } from '../../src/index.js'
import { type SegmentPart, takePart } from '../../src/apply/segment-part.js'
import { silentLog } from '../../src/base/log.js'
import { TableLoader } from '../../src/coordinator/table-loader.js'
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
  2 ** 60,
  2n ** 60n + 1n,
  -0,
  '',
  'a',
  'ab',
  'abc',
  'b',
  'é',
  'a\0b',
  new Uint8Array([0, 7]),
  new Date(0),
  new Date(7),
  [1],
  [1, 2],
  { d: 1 },
  { e: 'x' },
  'x'.repeat(260),
  `${'x'.repeat(260)}y`
]
/** With these nothing is in the order of an index: they are cut there. */
const LONG = 2
const WAYS = [
  /lookup t by/,
  /in its order (at|from)/,
  /in its order backwards/,
  /count t by/,
  /least and greatest of t/,
  /from its entries/,
  /lookup join .*, by id/,
  /lookup join .*, by (i\d|t_a_idx)/,
  /order of/
]
const PATHS = [['a'], ['b'], ['c'], ['c', 'd'], ['c', 'e']]

type Columns = readonly (readonly [path: string, isDescending: boolean])[]

class Run {
  readonly #io = new MemoryIo()
  readonly #dice: Dice
  readonly #values: typeof VALUES
  readonly #rows = new Set<number>()
  readonly #indexes: string[] = []
  /** By name: the columns of an index, `true` where it is descending. */
  readonly #columns = new Map<string, Columns>([['t_a_idx', [['a', false]]]])
  /** Files of indexes, without what tells the two of one apart. */
  readonly #damaged = new Set<string>()
  #opened: Opened
  #named = 0
  /** By way: questions that were answered so. */
  readonly ways = new Map<RegExp, number>()
  /** Indexes that were taken up from their files, and such whose files were of no use. */
  restored = 0
  refused = 0

  private constructor(dice: Dice, opened: Opened, values: typeof VALUES) {
    this.#dice = dice
    this.#values = values
    this.#opened = opened
  }

  static async begin(seed: number): Promise<Run> {
    const run = new Run(new Dice(seed), await openSimulated(new MemoryIo()), seed % 3 === 0 ? VALUES : VALUES.slice(0, -LONG))
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
    const fields = Object.fromEntries(['a', 'b', 'c'].filter(() => dice.chance(0.7)).map((name) => [name, dice.of(this.#values)]))
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
    const columns = paths.map((path) => ({ path, descending: dice.chance(0.3) }))
    await this.db.createIndex('t', { name, columns })
    this.#columns.set(
      name,
      columns.map(({ path, descending }) => [path.join('.'), descending])
    )
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
    const isJoin = this.#dice.chance(0.2)
    const { text, parameters } = isJoin
      ? joinQuestion(this.#dice, this.db.lastSeq, this.#values)
      : question(this.#dice, this.db.lastSeq, this.#values, this.#columns.get(this.#dice.of([...this.#indexes, ''])) ?? [])
    const answer = async (index: string, join = 'auto'): Promise<readonly Document[]> => {
      const session = this.db.session()
      await session.query('SET drift.index = ?', [index])
      await session.query('SET drift.join = ?', [join])
      if (join === 'hash') await session.query("SET drift.join_order = 'written'")
      const { rows } = await session.query<{ readonly plan: string }>(`EXPLAIN ${text}`, parameters)
      for (const way of rows.flatMap(({ plan }) => WAYS.filter((each) => each.test(plan))))
        this.ways.set(way, (this.ways.get(way) ?? 0) + 1)
      return (await session.query<Document>(text, parameters)).rows
    }
    const expected = await answer('none', 'hash')
    const check = async (index: string, join: string): Promise<void> => {
      same(t, await answer(index, join), expected, `${index}, ${join}: ${text} ${JSON.stringify(parameters, replaced)}`)
    }
    for (const index of ['auto', ...this.#indexes]) await check(index, 'auto')
    if (isJoin) for (const index of this.#indexes) await check(index, 'lookup')
  }
}

function baseOf(path: string): string {
  return path.slice(0, path.lastIndexOf('.'))
}

function replaced(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function aggregates(field: string, other: string): string[] {
  return [
    'COUNT(*)',
    'COUNT(*), MIN(id)',
    'MAX(id), MIN(id)',
    'a, COUNT(*)',
    `MIN(${field}), MAX(${field})`,
    `MAX(${field})`,
    `MIN(${other}), MAX(${field})`,
    `SUM(${field}), COUNT(${other})`
  ]
}

/** Tables at points of their own, joined by one column or two: by an index, by the key, in whatever order. */
function joinQuestion(dice: Dice, lastSeq: number, values: readonly unknown[]): { readonly text: string; readonly parameters: unknown[] } {
  const parameters: unknown[] = []
  const path = (table: string): string => `${table}.${dice.of([...PATHS.map((names) => names.join('.')), 'id'])}`
  const point = (): string => (dice.chance(0.5) ? ` AS OF '@seq:${dice.below(lastSeq + 1)}'` : '')
  const names = ['x', 'y', 'z'].slice(0, 2 + dice.below(2))
  const from = names.map((name, at) => {
    if (at === 0) return `t${point()} AS x`
    const on = Array.from({ length: 1 + dice.below(2) }, () => `${path(dice.of(names.slice(0, at)))} = ${path(name)}`)
    return ` ${dice.of(['JOIN', 'JOIN', 'JOIN', 'LEFT JOIN'])} t${point()} AS ${name} ON ${on.join(' AND ')}`
  })
  // Few rows of each, or three tables have too many together.
  const where = names.map((name) => {
    parameters.push(dice.of(values))
    return dice.chance(0.5) ? `${name}.id < ${4 + dice.below(12)} AND (${path(name)} = ? OR TRUE)` : `${path(name)} = ?`
  })
  const what = dice.chance(0.1)
    ? 'COUNT(*)'
    : dice.of(['*', 'x.id, y.id', 'x.*, y.a', `${path('x')} AS p, ${path('y')} AS q`, 'COUNT(*) AS n, MIN(y.a) AS m'])
  const order = what.includes('COUNT') ? '' : dice.of(['', '', ' ORDER BY x.id DESC', ` ORDER BY ${path('y')}`, ' LIMIT 3'])
  return { text: `SELECT ${what} FROM ${from.join('')} WHERE ${where.join(' AND ')}${order}`, parameters }
}

/** Conditions and orders of the sort that indexes serve, and some that they do not. `columns`: of an index that may serve it. */
function question(
  dice: Dice,
  lastSeq: number,
  values: readonly unknown[],
  columns: Columns
): { readonly text: string; readonly parameters: unknown[] } {
  const parameters: unknown[] = []
  const value = (): string => {
    parameters.push(dice.of(values))
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
  // What an index answers by itself: few of the other questions are so.
  const isServed = columns.length > 0 && dice.chance(0.4)
  const known = dice.below(columns.length + 1)
  const isTurned = dice.chance(0.5)
  const where = isServed
    ? columns
        .slice(0, known)
        .map(([path]) => (dice.chance(0.2) ? `${path} IN (${value()}, ${value()})` : `${path} = ${value()}`))
        .join(' AND ')
    : Array.from({ length: dice.below(4) }, condition).join(' AND ')
  const order = isServed
    ? columns.slice(known).map(([path, isDescending]) => `${path}${isDescending === isTurned ? '' : ' DESC'}`)
    : Array.from({ length: dice.below(3) }, () => `${path()}${dice.of(['', ' DESC', ' NULLS FIRST', ' DESC', ''])}`)
  if (dice.chance(0.3)) order.push(dice.of(['id', 'id DESC']))
  const field = isServed ? (columns[known]?.[0] ?? 'id') : path()
  const usual = ['*', '*', 'id', field, `${field}, ${path()}, id`, `id, a, c.d`, ...aggregates(field, path())]
  const what = dice.of(isServed ? ['*', 'id', 'COUNT(*)', `MIN(${field}), MAX(${field})`] : usual)
  const isGrouped = /COUNT|MIN|MAX/.test(what)
  const at = dice.chance(0.5) ? ` AS OF '@seq:${dice.below(lastSeq + 1)}'` : ''
  const text = [
    `SELECT ${what} FROM t`,
    where === '' ? '' : ` WHERE ${where}`,
    what === 'a, COUNT(*)' ? ' GROUP BY a ORDER BY a' : '',
    isGrouped || order.length === 0 ? '' : ` ORDER BY ${order.join(', ')}`,
    isGrouped || (!isServed && dice.chance(0.4)) ? '' : ` LIMIT ${dice.below(8)}${dice.chance(0.3) ? ` OFFSET ${dice.below(4)}` : ''}`,
    at
  ].join('')
  return { text, parameters }
}

test('VIS-14: whatever indexes there are, every question has the same answer at every point', async (t) => {
  const ways = new Map<RegExp, number>()
  let restored = 0
  let refused = 0
  for (let seed = 0; seed < SEEDS; seed++) {
    const run = await Run.begin(seed)
    for (let step = 0; step < STEPS; step++) await run.step(t)
    for (let more = 0; more < 20; more++) await run.ask(t)
    await run.db.close()
    for (const [way, count] of run.ways) ways.set(way, (ways.get(way) ?? 0) + count)
    restored += run.restored
    refused += run.refused
  }
  t.true(restored > SEEDS && refused > 0, `${restored} indexes were taken up from files, ${refused} could not be`)
  for (const way of WAYS) t.true((ways.get(way) ?? 0) > 0, `${ways.get(way)} of ${way}`)
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

/** By every index of a database alone, and by lookups where there are joins: what a scan and a hash give. */
async function sameByIndex(t: ExecutionContext, db: Database, text: string, parameters: readonly unknown[] = []): Promise<void> {
  const answer = async (index: string, join: string): Promise<unknown> => {
    const session = db.session()
    await session.query('SET drift.index = ?', [index])
    await session.query('SET drift.join = ?', [join])
    return (await session.query(text, [...parameters])).rows
  }
  const expected = await answer('none', 'hash')
  for (const index of ['auto', ...db.tables().flatMap(({ indexes }) => indexes)])
    same(t, await answer(index, 'lookup'), expected, `${index}: ${text} ${JSON.stringify(parameters)}`)
}

test('VIS-14: values that are cut alike in an index meet each of their partners once', async (t) => {
  const db = await open(':memory:')
  await db.createTable('x', { primaryKey: 'id' })
  await db.createTable('y', { primaryKey: 'id', indexes: ['a', { columns: ['a', 'b'] }] })
  const long = (n: number): string => `${'x'.repeat(260)}${n}`
  await db.table('x').insertMany([0, 1, 2, 3, 4].map((id) => ({ id, a: long(id % 3) })))
  await db.table('y').insertMany([0, 1, 2, 3, 4, 5].map((id) => ({ id, a: long(id % 4), b: id })))
  await sameByIndex(t, db, 'SELECT x.id, y.id FROM x JOIN y ON x.a = y.a')
  await sameByIndex(t, db, 'SELECT x.id, y.id, y.a FROM x LEFT JOIN y ON x.a = y.a AND y.b > 2')
  await db.close()
})

test('VIS-14: half a surrogate pair, which no text has, equals none and stands between others where a scan puts it', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id', indexes: ['a', { columns: [{ path: ['b'], descending: true }] }] })
  const texts = ['a', '\ud7ff', '\ue000', '\ufffd', '\uffff', '\u{10000}', '\u{1f600}', '\u{1f600}b', '\u{10ffff}', 7]
  await db.table('t').insertMany(texts.map((text, id) => ({ id, a: text, b: text })))
  for (const half of ['\ud800', '\ud83d', '\udfff', 'a\ud83d', '\u{1f600}\udc00']) {
    for (const condition of ['= ?', '< ?', '<= ?', '> ?', '>= ?', "IN (?, 'a')", "BETWEEN 'a' AND ?", "BETWEEN ? AND '\u{10ffff}'"]) {
      await sameByIndex(t, db, `SELECT id FROM t WHERE a ${condition}`, [half])
      await sameByIndex(t, db, `SELECT COUNT(*), MIN(b), MAX(b) FROM t WHERE b ${condition}`, [half])
      await sameByIndex(t, db, `SELECT COUNT(*) FROM t WHERE b ${condition}`, [half])
    }
    await sameByIndex(t, db, 'SELECT id FROM t WHERE a LIKE ?', [`${half}%`])
    await sameByIndex(t, db, 'SELECT id FROM t WHERE a = ?', [{ name: [half] }])
  }
  await db.close()
})

test('VIS-14: a text that goes on behind another with a zero is another one in every order', async (t) => {
  const db = await open(':memory:')
  const columns = (descending: boolean) => ({ columns: [{ path: ['a'], descending }] })
  await db.createTable('t', { primaryKey: 'id', indexes: [columns(true), { name: 'along', ...columns(false) }] })
  const texts = ['order', 'order\0', 'order\0\0', 'order\x01', 'order\xff', 'orders']
  await db.table('t').insertMany(Array.from({ length: 48 }, (_, id) => ({ id, a: texts[(id * 7) % 6] ?? '' })))
  for (const order of ['a', 'a DESC', 'a, id DESC', 'a DESC, id DESC'])
    for (const limit of [1, 9, 20, 47]) await sameByIndex(t, db, `SELECT id, a FROM t ORDER BY ${order} LIMIT ${limit}`)
  await db.close()
})

test('a pattern that is none is refused where a text is asked, with an index as without', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id', indexes: ['a'] })
  await db.table('t').insert({ id: 1, a: 1 })
  await sameByIndex(t, db, 'SELECT id FROM t WHERE a LIKE ?', ['x\\'])
  await db.table('t').insert({ id: 2, a: 'b' })
  for (const index of ['none', 't_a_idx']) {
    const session = db.session()
    await session.query('SET drift.index = ?', [index])
    await t.throwsAsync(async () => session.query('SELECT id FROM t WHERE a LIKE ?', ['x\\']), { code: 'DRIFT_INVALID_ARGUMENT' })
  }
  await db.close()
})

test('an index that is not there cannot be asked for', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id', indexes: ['a'] })
  const session = db.session()
  for (const index of ['t_a_idx', 'none', 'auto']) await session.query('SET drift.index = ?', [index])
  await t.throwsAsync(async () => session.query("SET drift.index = 't_a'"), {
    code: 'DRIFT_UNKNOWN_INDEX',
    message: `no index "t_a"; drift.index is 'auto', 'none' or the name of an index`
  })
  await db.close()
})

test('the first query behind an opening has each index of its table, however many there are', async (t) => {
  const directory = temporaryDirectory(t)
  const made = await open(directory, { create: true })
  await made.createTable('t', { primaryKey: 'id', indexes: ['a', 'b', 'c', 'd'] })
  await made.table('t').insertMany([0, 1, 2].map((id) => ({ id, a: id, b: id, c: id, d: id })))
  await made.close()
  for (const field of ['d', 'a']) {
    const db = await open(directory)
    const session = db.session()
    await session.query('SET drift.index = ?', [`t_${field}_idx`])
    const { rows } = await session.query(`EXPLAIN SELECT * FROM t WHERE ${field} = 1`)
    t.regex(JSON.stringify(rows), new RegExp(`lookup t by t_${field}_idx`))
    await db.close()
  }
})

test('what is made of segments has every event once, whichever of their files COMPACT takes away meanwhile', async (t) => {
  const io = new MemoryIo()
  const { db, coordinator } = await openSimulated(io)
  await db.createTable('t', { primaryKey: 'id' })
  let rows = 0
  const add = (count: number): Promise<unknown> =>
    db.batch(Array.from({ length: count }, () => ({ insert: 't', document: { id: rows++ } }) as const))
  for (const count of [600, 100, 20]) {
    await add(count)
    await db.compact()
  }
  const table = coordinator.table('t')
  const taken: number[] = []
  const parts: string[] = []
  const load = async (part: SegmentPart): Promise<void> => {
    parts.push(`${part.segment?.file} behind ${part.skip}`)
    // First what comes later is merged, then all of it, with the file that is about to be opened.
    if (parts.length <= 2) {
      await add(parts.length === 1 ? 30 : 400)
      await db.compact()
    }
    const steps = takePart(io, table.definition.id, part, (_, __, ordinal) => taken.push(ordinal) > 0)
    while (steps.next().done !== true);
  }
  const loader = new TableLoader(
    () => coordinator.checkpoint(),
    () => db.lastSeq,
    async () => {}
  )
  t.true(await loader.make(table, { done: 0, load, attend: async () => {}, goLive: async () => true }))
  same(
    t,
    taken,
    Array.from({ length: rows }, (_, ordinal) => ordinal)
  )
  t.deepEqual(parts, [
    '00000001-00000001.seg behind 0',
    '00000002-00000004.seg behind 0',
    '00000001-00000005.seg behind 600',
    'undefined behind 0'
  ])
  await db.close()
})

test('indexes leave room for pages, however many there are: what is over their part goes to their files', async (t) => {
  const warned: string[] = []
  const log = { ...silentLog, warn: (_: object, message: string): void => void warned.push(message) } as never
  const db = await open(temporaryDirectory(t), { create: true, durability: 'none', cacheBytes: 16 * 1024 * 1024, log })
  const columns = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  await db.createTable('t', { primaryKey: 'id', indexes: columns })
  const dice = new Dice(3)
  const row = (): Document => Object.fromEntries(columns.map((name) => [name, `value-${dice.below(100_000)}`]))
  const rows = 2500
  await db.table('t').insertMany(Array.from({ length: rows }, (_, id) => ({ id, ...row() })))
  const session = db.session()
  await session.query("SET drift.index = 'none'")
  for (let round = 0; round < 6; round++) {
    await db.batch(Array.from({ length: 2000 }, () => ({ patch: 't', key: dice.below(rows), set: row() })))
    const at = rows + 1 + dice.below(db.lastSeq - rows)
    t.is(await session.query(`SELECT count(a) FROM t WHERE a > '' AS OF '@seq:${at}'`).value(), rows)
  }
  t.deepEqual(warned, [])
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

test('VIS-14: UPDATE, DELETE and FOR UPDATE by an index write and lock the rows that a scan finds, own writes among them', async (t) => {
  const db = await open(':memory:')
  const dice = new Dice(5)
  for (const name of ['indexed', 'plain']) {
    await db.createTable(name, { primaryKey: 'id', indexes: name === 'indexed' ? ['kind', { columns: ['n', 'kind'] }] : [] })
    await db.table(name).insertMany(Array.from({ length: 600 }, (_, id) => ({ id, kind: id % 40, n: (id * 7) % 600 })))
  }
  const session = db.session()
  const both = async (text: string): Promise<void> => {
    const [one, other] = [await session.query(text.replaceAll('$t', 'indexed')), await session.query(text.replaceAll('$t', 'plain'))]
    t.deepEqual(one.rows, other.rows, text)
  }
  for (let round = 0; round < 60; round++) {
    const [kind, n] = [dice.below(40), dice.below(600)]
    await both(`UPDATE $t SET n = n + 1 WHERE kind = ${kind} RETURNING id, n`)
    await both(`UPDATE $t SET kind = ${dice.below(40)} WHERE n BETWEEN ${n} AND ${n + 5} RETURNING *`)
    if (dice.chance(0.3)) await both(`DELETE FROM $t WHERE kind = ${dice.below(40)} AND n < ${n} RETURNING id`)
    if (dice.chance(0.7)) continue
    await session.query('BEGIN')
    await both(`SELECT * FROM $t WHERE kind = ${kind} ORDER BY n DESC, id LIMIT 3 FOR UPDATE`)
    await both(`UPDATE $t SET kind = ${kind} WHERE n = ${n} RETURNING id`)
    await both(`SELECT id, n FROM $t WHERE kind = ${kind}`)
    await both(`DELETE FROM $t WHERE kind = ${kind} AND n > ${n} RETURNING id`)
    await session.query(dice.chance(0.8) ? 'COMMIT' : 'ROLLBACK')
  }
  await both('SELECT * FROM $t')
  // The rows are those of an index, not of a scan.
  const { stats } = await session.query('SELECT id, n FROM indexed WHERE kind = 3')
  t.true(stats.rowsScanned < 100)
  await db.close()
})

test('an order by an index in which too few rows are found is given up for a scan, which goes on where it ended', async (t) => {
  const db = await open(':memory:', { autoAnalyze: false })
  await db.createTable('t', { primaryKey: 'id', indexes: ['n'] })
  // Two rows at the begin of the order and all others at its end, where a third is expected everywhere.
  const x = (n: number): number => (n === 3 || n === 5 || n > 2900 ? 1 : 0)
  await db.table('t').insertMany(Array.from({ length: 3000 }, (_, id) => (id * 7) % 3000).map((n, id) => ({ id, n, x: x(n) })))
  const session = db.session()
  const text = 'SELECT n, x FROM t WHERE x > 0 ORDER BY n LIMIT 8 OFFSET 1'
  const { rows: plan } = await session.query<{ plan: string }>(`EXPLAIN ANALYZE ${text}`)
  t.regex(plan.map((row) => row.plan).join('\n'), /lookup t by t_n_idx in its order .*, given up for a scan .* entries touched/)
  const expected = [5, 2901, 2902, 2903, 2904, 2905, 2906, 2907].map((n) => ({ n, x: 1 }))
  t.deepEqual((await session.query(text)).rows, expected)
  await session.query("SET drift.index = 'none'")
  t.deepEqual((await session.query(text)).rows, expected)
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

test('a join that looks up takes values of different types for different ones, whatever they are called within', async (t) => {
  const db = await open(':memory:')
  await db.createTable('a', { primaryKey: 'id' })
  await db.createTable('b', { primaryKey: 'id', indexes: ['x', ['x', 'y']] })
  const values = [5, 'i5', 's2:i5', true, 't', 1.5, 'f1.5']
  await db.table('a').insertMany(values.map((x, id) => ({ id, x, y: 'i5' })))
  await db.table('b').insertMany(values.map((x, id) => ({ id: 100 + id, x, y: id % 2 === 0 ? 'i5' : 5 })))
  const session = db.session()
  for (const join of ['lookup', 'hash']) {
    await session.query('SET drift.join = ?', [join])
    const one = await session.query<{ a: number; b: number }>('SELECT a.id AS a, b.id AS b FROM a JOIN b ON b.x = a.x')
    t.deepEqual(
      one.rows.map(({ a, b }) => [a, b]),
      values.map((_, id) => [id, 100 + id]),
      join
    )
    const both = await session.query<{ a: number }>('SELECT a.id AS a FROM a JOIN b ON b.x = a.x AND b.y = a.y')
    t.deepEqual(
      both.rows.map(({ a }) => a),
      [0, 2, 4, 6],
      join
    )
  }
  await db.close()
})
