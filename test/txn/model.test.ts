/**
 * Random transactions of several sessions, statement by statement, against a naive serial twin: states as plain maps, snapshots as copies,
 * reads as functions of a state that are asked again at the commit. What it predicts is exact: every row read, every error, every commit.
 */
import { isDeepStrictEqual } from 'node:util'
import test from 'ava'
import { DriftError, type Database, type Document, type Isolation, type Transaction } from '../../src/index.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { Dice, openSimulated } from '../coordinator/_database.js'
import { LEVELS } from './_sessions.js'

const FULL = process.env['FULL'] === '1'
const SEEDS = FULL ? 400 : 40
const STEPS = 250
const KEYS = 12
const TABLES = ['a', 'b'] as const
type Table = (typeof TABLES)[number]

/** A row, and the number of the event that made it: 0 while its transaction is open. */
type Row = { readonly document: Document; readonly event: number }
type State = ReadonlyMap<string, Row>
type Op = {
  readonly kind: 'insert' | 'upsert' | 'patch' | 'softDelete'
  readonly table: Table
  readonly id: number
  readonly set: Document
}
type Read = {
  readonly table: Table
  readonly low: number
  readonly high: number
  readonly test: (document: Document) => boolean
  readonly onlyKeys: boolean
}
type Step = { readonly op: Op } | { readonly read: Read; readonly rows: readonly Document[] }

const nameOf = (table: Table, id: number): string => `${table} ${id}`

/** The code of a refusal, or the state after. */
function applied(state: State, { kind, table, id, set }: Op, event: number): State | string {
  const name = nameOf(table, id)
  const before = state.get(name)
  if (kind === 'insert' && before !== undefined) return 'ALREADY_EXISTS'
  if ((kind === 'patch' || kind === 'softDelete') && before === undefined) return 'KEY_NOT_FOUND'
  const after = new Map(state)
  if (kind === 'softDelete') after.delete(name)
  else after.set(name, { document: kind === 'patch' ? { ...before?.document, ...set } : { id, ...set }, event })
  return after
}

function rowsOf(state: State, { table, low, high, test: isIt }: Read): (Row & { readonly id: number })[] {
  const rows = []
  for (let id = low; id <= high; id++) {
    const row = state.get(nameOf(table, id))
    if (row !== undefined && isIt(row.document)) rows.push({ ...row, id })
  }
  return rows
}

/** What a read depends on: which rows, and unless only the keys were asked for, which versions of them. */
function dependence(state: State, read: Read): unknown {
  return rowsOf(state, read).map(({ id, event }) => (read.onlyKeys ? id : [id, event]))
}

class Twin {
  present: State = new Map()
  /** The last event of each key, deletes included. */
  lastEvents: ReadonlyMap<string, number> = new Map()
  event = 0
}

/** One session's transaction, in both worlds. */
class Both {
  readonly tx: Transaction
  readonly level: Isolation
  readonly #twin: Twin
  readonly #snapshot: State
  readonly #snapshotEvent: number
  steps: Step[] = []
  #mark: { readonly steps: number; readonly ops: number } | undefined
  #ops: Op[] = []
  readonly reads: Read[] = []
  failed: 'conflict' | 'other' | undefined

  constructor(tx: Transaction, level: Isolation, twin: Twin) {
    this.tx = tx
    this.level = level
    this.#twin = twin
    this.#snapshot = twin.present
    this.#snapshotEvent = twin.event
  }

  get #base(): State {
    return this.level === 'read committed' ? this.#twin.present : this.#snapshot
  }

  /** What it sees: under READ COMMITTED an own patch of a row that is gone shows nothing. */
  seen(): State {
    let state = this.#base
    for (const op of this.#ops) {
      if (op.kind === 'insert') state = this.#set(applied(state, { ...op, kind: 'upsert' }, 0), state)
      else state = this.#set(applied(state, op, 0), state)
    }
    return state
  }

  #set(after: State | string, before: State): State {
    return typeof after === 'string' ? before : after
  }

  /** The code that the write must be refused with. */
  write(op: Op): string | undefined {
    this.reads.push({ table: op.table, low: op.id, high: op.id, test: () => true, onlyKeys: true })
    const isStale = (this.#twin.lastEvents.get(nameOf(op.table, op.id)) ?? 0) > this.#snapshotEvent
    if (this.level !== 'read committed' && isStale) return this.#fails('WRITE_CONFLICT')
    const after = applied(this.seen(), op, 0)
    if (typeof after === 'string') return this.#fails(after)
    this.#ops.push(op)
    this.steps.push({ op })
    return undefined
  }

  read(read: Read): readonly Document[] {
    this.reads.push(read)
    const rows = rowsOf(this.seen(), read).map(({ document, id }) => (read.onlyKeys ? { id } : document))
    this.steps.push({ read, rows })
    return rows
  }

  savepoint(): void {
    this.#mark = { steps: this.steps.length, ops: this.#ops.length }
  }

  /** False where there is none to go back to, or a conflict stands in the way. */
  rollbackTo(): boolean {
    if (this.#mark === undefined || this.failed === 'conflict') return false
    this.steps.length = this.#mark.steps
    this.#ops.length = this.#mark.ops
    this.failed = undefined
    return true
  }

  /** The code that the commit must be refused with; the twin has it else. */
  commit(): string | undefined {
    const { lastEvents, present, event } = this.#twin
    if (this.#ops.length === 0) return undefined
    if (this.level !== 'read committed') {
      const isStale = this.#ops.some(({ table, id }) => (lastEvents.get(nameOf(table, id)) ?? 0) > this.#snapshotEvent)
      if (isStale) return this.#fails('WRITE_CONFLICT')
    }
    if (this.level === 'serializable') {
      const hasChanged = this.reads.some((read) => !isDeepStrictEqual(dependence(this.#snapshot, read), dependence(present, read)))
      if (hasChanged) return this.#fails('SERIALIZATION')
    }
    const outcome = commit(this.#twin, this.#ops)
    if (outcome !== undefined) {
      this.#twin.event = event
      return this.#fails(outcome)
    }
    return undefined
  }

  /** All of it once more, alone, on what was there before its commit: each read must give what it gave. */
  isSerial(before: State): boolean {
    let state = before
    for (const step of this.steps) {
      if ('op' in step) {
        const after = applied(state, step.op, 0)
        if (typeof after === 'string') return false
        state = after
      } else {
        const rows = rowsOf(state, step.read).map(({ document, id }) => (step.read.onlyKeys ? { id } : document))
        if (!isDeepStrictEqual(rows, step.rows)) return false
      }
    }
    return true
  }

  #fails(code: string): string {
    this.failed = code === 'WRITE_CONFLICT' || code === 'SERIALIZATION' ? 'conflict' : 'other'
    return code
  }
}

function commit(twin: Twin, ops: readonly Op[]): string | undefined {
  let state = twin.present
  const lastEvents = new Map(twin.lastEvents)
  for (const op of ops) {
    const after = applied(state, op, ++twin.event)
    if (typeof after === 'string') return after
    state = after
    lastEvents.set(nameOf(op.table, op.id), twin.event)
  }
  twin.present = state
  twin.lastEvents = lastEvents
  return undefined
}

async function outcome(step: () => unknown): Promise<{ readonly code?: string; readonly value?: unknown }> {
  try {
    return { value: await step() }
  } catch (thrown) {
    if (thrown instanceof DriftError) return { code: thrown.code.slice(6) }
    throw thrown
  }
}

class Play {
  readonly #db: Database
  readonly #dice: Dice
  readonly #levels: readonly Isolation[]
  readonly #twin = new Twin()
  readonly #open: Both[] = []
  readonly counts = new Map<string, number>()

  constructor(db: Database, dice: Dice, levels: readonly Isolation[]) {
    this.#db = db
    this.#dice = dice
    this.#levels = levels
  }

  /** What the two worlds disagree about. */
  async step(): Promise<string | undefined> {
    const dice = this.#dice
    if (this.#open.length < 4 && dice.chance(0.2)) {
      const level = dice.of(this.#levels)
      this.#open.push(new Both(await this.#db.begin({ isolation: level }), level, this.#twin))
      return undefined
    }
    if (this.#open.length === 0 || dice.chance(0.05)) return this.#single()
    const both = dice.of(this.#open)
    if (both.failed !== undefined) return this.#afterFailure(both)
    const face = dice.next()
    if (face < 0.4) return this.#write(both)
    if (face < 0.75) return this.#read(both)
    if (face < 0.8) {
      both.tx.savepoint('s')
      both.savepoint()
      return undefined
    }
    if (face < 0.84) return this.#rollbackTo(both)
    return face < 0.9 ? this.#rollback(both) : this.#commit(both)
  }

  #op(): Op {
    const dice = this.#dice
    const kind = dice.of(['insert', 'upsert', 'upsert', 'upsert', 'patch', 'softDelete'] as const)
    return { kind, table: dice.of(TABLES), id: dice.below(KEYS), set: { [dice.of(['v', 'w'])]: dice.below(10) } }
  }

  async #single(): Promise<string | undefined> {
    const op = this.#op()
    const { event } = this.#twin
    const expected = commit(this.#twin, [op])
    if (expected !== undefined) this.#twin.event = event
    const { code } = await outcome(() => write(this.#db, op))
    return code === expected ? undefined : `a single ${op.kind} gives ${code}, expected ${expected}`
  }

  async #write(both: Both): Promise<string | undefined> {
    const op = this.#op()
    const expected = both.write(op)
    const { code } = await outcome(() => (this.#dice.chance(0.5) ? write(both.tx, op) : writeByText(both.tx, op)))
    return code === expected ? undefined : `${both.level}: ${op.kind} of ${op.id} gives ${code}, expected ${expected}`
  }

  async #read(both: Both): Promise<string | undefined> {
    const dice = this.#dice
    const table = dice.of(TABLES)
    const [low, high] = dice.chance(0.3) ? [0, KEYS] : [dice.below(KEYS), dice.below(KEYS)]
    const limit = dice.below(10)
    const form = dice.below(6)
    const isIt = (document: Document): boolean => typeof document['v'] === 'number' && document['v'] >= limit
    const base = { table, low, high, test: isIt, onlyKeys: false }
    const where = `id >= ${low} AND id <= ${high} AND v >= ${limit}`
    switch (form) {
      case 0: {
        const rows = both.read({ ...base, high: low, test: () => true })
        return this.#same(
          both,
          'get',
          [both.tx.table(table).get(low)].filter((row) => row !== undefined),
          rows
        )
      }
      case 1: {
        const rows = both.read({ ...base, low: 0, high: KEYS, test: () => true, onlyKeys: true })
        return this.#same(both, 'count', both.tx.table(table).count(), rows.length)
      }
      case 2: {
        const found: unknown[] = []
        const options = { gte: low, lte: high, where: { text: 'v >= $1', params: [limit] } }
        for await (const row of both.tx.table(table).scan(options)) found.push(row)
        return this.#same(both, 'scan', found, both.read(base))
      }
      case 3: {
        const sum = both.read(base).reduce((total, row) => total + Number(row['v']), 0)
        const found = await both.tx.query(`SELECT sum(v) FROM ${table} WHERE ${where}`).value()
        return this.#same(both, 'sum', found ?? 0, sum)
      }
      case 4: {
        const rows = both.read({ ...base, test: () => true, onlyKeys: true })
        return this.#same(both, 'keys', await both.tx.query(`SELECT id FROM ${table} WHERE id BETWEEN ${low} AND ${high}`).all(), rows)
      }
      default: {
        const rows = both.read(base)
        return this.#same(both, 'select', await both.tx.query(`SELECT * FROM ${table} WHERE ${where}`).all(), rows)
      }
    }
  }

  #same(both: Both, what: string, found: unknown, expected: unknown): string | undefined {
    if (isDeepStrictEqual(found, expected)) return undefined
    return `${both.level}: ${what} gives ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`
  }

  async #afterFailure(both: Both): Promise<string | undefined> {
    if (this.#dice.chance(0.4)) return this.#rollback(both)
    if (this.#dice.chance(0.4)) return this.#rollbackTo(both)
    const { code } = await outcome(() => both.tx.table('a').get(1))
    const isSticky = code === 'WRITE_CONFLICT' || code === 'SERIALIZATION'
    if (both.failed === 'conflict' ? isSticky : code === 'TXN_ABORTED') return undefined
    return `${both.level}: a call after ${both.failed} gives ${code}`
  }

  async #rollbackTo(both: Both): Promise<string | undefined> {
    const wasFailed = both.failed !== undefined
    const isPossible = both.rollbackTo()
    const { code } = await outcome(() => both.tx.rollbackTo('s'))
    if ((code === undefined) !== isPossible) return `${both.level}: ROLLBACK TO gives ${code}`
    // A savepoint that does not exist is an error like any other.
    if (!isPossible && !wasFailed) both.failed = 'other'
    return undefined
  }

  async #rollback(both: Both): Promise<string | undefined> {
    await both.tx.rollback()
    this.#leave(both)
    return undefined
  }

  async #commit(both: Both): Promise<string | undefined> {
    const before = this.#twin.present
    const expected = both.commit()
    const { code } = await outcome(() => both.tx.commit())
    const what = `${both.level} ${expected ?? 'committed'}`
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
    if (code !== expected) return `${both.level}: COMMIT gives ${code}, expected ${expected}`
    if (expected !== undefined) return undefined
    if (both.level === 'serializable' && both.steps.some((step) => 'op' in step) && !both.isSerial(before)) {
      return 'TXN-2: a serializable transaction read what it would not read alone at its commit'
    }
    this.#leave(both)
    return this.#samePresent()
  }

  async #samePresent(): Promise<string | undefined> {
    for (const table of TABLES) {
      const expected = rowsOf(this.#twin.present, { table, low: 0, high: KEYS, test: () => true, onlyKeys: false })
      const rows = await this.#db.query(`SELECT * FROM ${table}`).all()
      if (
        !isDeepStrictEqual(
          rows,
          expected.map(({ document }) => document)
        )
      )
        return `the present of ${table} is ${JSON.stringify(rows)}`
    }
    // The tables' creations took two.
    return this.#db.lastSeq === this.#twin.event + 2 ? undefined : `lastSeq is ${this.#db.lastSeq}, expected ${this.#twin.event + 2}`
  }

  #leave(both: Both): void {
    this.#open.splice(this.#open.indexOf(both), 1)
  }
}

function write(to: Database | Transaction, { kind, table, id, set }: Op): Promise<unknown> {
  const rows = to.table(table)
  if (kind === 'patch') return rows.patch(id, set)
  if (kind === 'softDelete') return rows.softDelete(id)
  return kind === 'insert' ? rows.insert({ id, ...set }) : rows.upsert({ id, ...set })
}

function writeByText(tx: Transaction, { kind, table, id, set }: Op): PromiseLike<unknown> {
  if (kind === 'patch') return tx.query(`PATCH ${table} KEY $1 SET $2`, [id, set])
  if (kind === 'softDelete') return tx.query(`SOFT DELETE FROM ${table} KEY $1`, [id])
  return tx.query(`${kind} INTO ${table} $1`, [{ id, ...set }])
}

for (const levels of [LEVELS, ['serializable']] as const) {
  test(`TXN-1, TXN-2, TXN-3: random transactions agree with the naive twin, levels: ${levels.join(', ')}`, async (t) => {
    t.timeout(20 * 60_000)
    const counts = new Map<string, number>()
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { db } = await openSimulated(new MemoryIo())
      for (const table of TABLES) await db.createTable(table, { primaryKey: 'id' })
      const play = new Play(db, new Dice(seed), levels)
      for (let step = 0; step < STEPS; step++) {
        const difference = await play.step()
        if (difference === undefined) continue
        t.fail(`seed ${seed}, step ${step}: ${difference}`)
        break
      }
      for (const [what, count] of play.counts) counts.set(what, (counts.get(what) ?? 0) + count)
      await db.close()
    }
    // Each kind of end was met, or the test shows nothing.
    for (const level of levels) t.true((counts.get(`${level} committed`) ?? 0) > 50, JSON.stringify([...counts]))
    t.true((counts.get('serializable SERIALIZATION') ?? 0) > (levels.length === 1 ? 20 : 0), JSON.stringify([...counts]))
  })
}
