/**
 * Sessions that append to lists and read them in random transactions, on real files, until they are killed. Before a commit a transaction
 * says on standard output what it did and that its end is unknown; after it what became of it: a line each, written at once. Run as a
 * child by list-append.test: arguments are the directory, the number of this life, and the levels.
 */
import { writeSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DriftError, open, type Database, type Isolation, type Transaction } from '../../src/index.js'
import { Dice } from '../coordinator/_database.js'
import type { Append, HistoryTransaction, Read } from './_elle.js'

export const TABLES = ['a', 'b'] as const
export type List = { readonly id: number; readonly list: readonly number[] }

const SESSIONS = 12
/** Keys that are used at a time; so many appends to one, and the next takes its place. */
const ACTIVE = 6
const APPENDS = 24

/** Errors that a correct database may give here. */
const EXPECTED = new Set(['DRIFT_WRITE_CONFLICT', 'DRIFT_SERIALIZATION', 'DRIFT_DEADLOCK', 'DRIFT_LOCK_TIMEOUT'])

export function tableOf(key: number): string {
  return TABLES[key % 2] ?? 'a'
}

async function run(directory: string, life: number, levels: readonly Isolation[]): Promise<void> {
  // A kill of the process loses nothing that was written, synced or not.
  const db = await open(directory, { queryThreads: 0, durability: life % 2 === 0 ? 'full' : 'os' })
  for (const table of TABLES) await db.createTable(table, { primaryKey: 'id', ifNotExists: true })
  const play = new Play(db, life, levels)
  await Promise.all(Array.from({ length: SESSIONS }, (_, session) => play.session(session)))
}

class Play {
  readonly #db: Database
  readonly #life: number
  readonly #levels: readonly Isolation[]
  readonly #dice: Dice
  #moment = 0
  #value: number
  #appends = 0

  constructor(db: Database, life: number, levels: readonly Isolation[]) {
    this.#db = db
    this.#life = life
    this.#levels = levels
    this.#dice = new Dice(life + 1)
    this.#value = life * 1_000_000
  }

  async session(session: number): Promise<void> {
    for (let count = 0; ; count++) await this.#transaction(`${this.#life}/${session}/${count}`)
  }

  async #transaction(id: string): Promise<void> {
    const dice = this.#dice
    const level = dice.of(this.#levels)
    const ops: (Append | Read)[] = []
    const began = this.#now()
    const tx = await this.#db.begin({ isolation: level })
    const readSeq = level === 'read committed' ? undefined : tx.readSeq
    const say = (outcome: HistoryTransaction['outcome'], seq?: number): void => {
      const ended = this.#now()
      writeSync(1, `${JSON.stringify({ id, level, ops, outcome, began, ended, seq, readSeq } satisfies HistoryTransaction)}\n`)
    }
    try {
      for (let count = 1 + dice.below(4); count > 0; count--) {
        await this.#step(tx, level, ops)
        if (dice.chance(0.5)) await turn()
      }
      if (dice.chance(0.05)) {
        await tx.rollback()
        return say('aborted')
      }
      say('unknown')
      const commit = await tx.commit()
      say('committed', commit.count > 0 ? commit.seq : undefined)
    } catch (thrown) {
      if (!(thrown instanceof DriftError) || !EXPECTED.has(thrown.code)) throw thrown
      await tx.rollback()
      say('aborted')
    }
  }

  async #step(tx: Transaction, level: Isolation, ops: (Append | Read)[]): Promise<void> {
    const dice = this.#dice
    const key = this.#key()
    const face = dice.next()
    if (face < 0.25) ops.push(readOf(key, await this.#read(tx, key)))
    else if (face < 0.45) ops.push(...(await this.#readRange(tx, key)))
    else if (face < 0.9) await this.#append(tx, level, key, ops)
    else {
      // Taken back: nobody may ever read it.
      tx.savepoint('s')
      const undone: (Append | Read)[] = []
      await this.#append(tx, level, key, undone)
      tx.rollbackTo('s')
      ops.push(...undone.map((op) => (op.kind === 'append' ? { ...op, undone: true } : op)))
    }
  }

  /** What is there, and one more. READ COMMITTED does not notice who came in between, so it locks. */
  async #append(tx: Transaction, level: Isolation, key: number, ops: (Append | Read)[]): Promise<void> {
    const dice = this.#dice
    const table = tableOf(key)
    let before: readonly number[] | undefined
    if (level !== 'read committed' && dice.chance(0.7)) before = await this.#read(tx, key)
    else before = (await tx.lock<List>(table, key, { nowait: dice.chance(0.05) }))?.list
    const value = ++this.#value
    const list = [...(before ?? []), value]
    ops.push(readOf(key, before), { kind: 'append', key: String(key), value })
    if (before === undefined) await tx.table(table).insert({ id: key, list })
    else if (dice.chance(0.5)) await tx.table(table).patch(key, { list })
    else await tx.query(`UPDATE ${table} SET list = $1 WHERE id = $2`, [list, key])
    this.#appends++
  }

  async #read(tx: Transaction, key: number): Promise<readonly number[] | undefined> {
    const table = tableOf(key)
    const face = this.#dice.below(3)
    if (face === 0) return tx.table<List>(table).get(key)?.list
    if (face === 1) return (await tx.query<List>(`SELECT list FROM ${table} WHERE id = $1`, [key]).first())?.list
    return (await tx.query<List>(`SELECT list FROM ${table} WHERE id = $1 FOR UPDATE`, [key]).first())?.list
  }

  /** By a condition: also that a key has no row is read. */
  async #readRange(tx: Transaction, key: number): Promise<Read[]> {
    const [low, high] = [key - this.#dice.below(5), key + this.#dice.below(5)]
    const found = new Map<number, readonly number[]>()
    const table = tableOf(key)
    if (this.#dice.chance(0.5)) {
      for (const { id, list } of await tx.query<List>(`SELECT id, list FROM ${table} WHERE id BETWEEN $1 AND $2`, [low, high]).all())
        found.set(id, list)
    } else {
      // Its rows come after the scan began, so all of them are of one point.
      for await (const { id, list } of tx.table<List>(table).scan({ gte: low, lte: high })) found.set(id, list)
    }
    const keys = Array.from({ length: high - low + 1 }, (_, index) => low + index)
    return keys.filter((id) => tableOf(id) === table).map((id) => ({ ...readOf(id, found.get(id)), byRange: true }))
  }

  #key(): number {
    return this.#life * 1000 + Math.floor(this.#appends / APPENDS) + this.#dice.below(ACTIVE)
  }

  /** Of this life; all of one life are before those of the next. */
  #now(): number {
    return this.#life * 1e9 + ++this.#moment
  }
}

function readOf(key: number, list: readonly number[] | undefined): Read {
  return { kind: 'read', key: String(key), values: list ?? [] }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory = '', life = '0', levels = ''] = process.argv.slice(2)
  await run(directory, Number(life), levels.split(',') as Isolation[])
}
