/** Random histories of one table, written to a database and kept as plain arrays: what every state of the past was, by a fold. */
import fc from 'fast-check'
import { open, type Database } from '../../src/index.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { openSimulated } from '../coordinator/_database.js'

export type Row = { readonly id: number } & { readonly [field: string]: unknown }

/** `row` undefined: deleted. */
export type ModelEvent = {
  readonly seq: number
  readonly key: number
  readonly event: 'INSERT' | 'PATCH' | 'SOFT_DELETE'
  readonly row: Row | undefined
}
export type ModelCommit = { readonly seq: number; readonly time: number; readonly events: readonly ModelEvent[] }

type Operation =
  | { readonly kind: 'upsert' | 'patch'; readonly id: number; readonly fields: { readonly [field: string]: unknown } }
  | { readonly kind: 'softDelete'; readonly id: number }
/** `waitMs`: before it. */
type Step = { readonly waitMs: number; readonly operations: readonly Operation[] }

const value = fc.oneof(
  fc.constantFrom<unknown>(null, true, 'x', 'y', 2.5, 2 ** 53, 9007199254740992n),
  fc.integer({ min: 0, max: 3 }),
  fc.constant({ n: [1, null] })
)
const fields = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { maxKeys: 3 })
const id = fc.integer({ min: 0, max: 5 })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('upsert' as const), id, fields }),
  fc.record({ kind: fc.constant('patch' as const), id, fields }),
  fc.record({ kind: fc.constant('softDelete' as const), id })
)
export const history: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({ waitMs: fc.constantFrom(0, 0, 1, 7), operations: fc.array(operation, { minLength: 1, maxLength: 3 }) }),
  { maxLength: 14 }
)

const BEGIN = 1_750_000_000_000

export class History implements AsyncDisposable {
  readonly db: Database
  readonly commits: ModelCommit[] = []
  readonly #clock: { ms: number }

  private constructor(db: Database, clock: { ms: number }) {
    this.db = db
    this.#clock = clock
  }

  static async of(steps: readonly Step[]): Promise<History> {
    const clock = { ms: BEGIN }
    const time = { now: () => clock.ms, monotonic: () => 0 }
    // Some are read from documents, the others from version pages, of 4 rows or of the size that they have.
    const pageRows = [undefined, 4, 4, 16_384][steps.length % 4]
    // In one slot of page memory sealed pages come and go.
    const cacheBytes = (steps.length % 8 < 4 ? 2.75 : 8) * 1024 * 1024
    const db =
      pageRows === undefined
        ? await open(':memory:', { clock: time })
        : (await openSimulated(new MemoryIo(), { clock: time, pageRows, cacheBytes })).db
    const made = new History(db, clock)
    await db.createTable('t', { primaryKey: 'id' })
    made.commits.push({ seq: db.lastSeq, time: clock.ms, events: [] })
    for (const [index, step] of steps.entries()) {
      clock.ms += step.waitMs
      await made.#commit(step.operations)
      // They change no answer.
      if (index === 4) await db.snapshot('t')
      if (index === 8) await db.compact('t')
    }
    clock.ms += 1000
    return made
  }

  get lastSeq(): number {
    return this.commits.at(-1)?.seq ?? 0
  }

  get now(): number {
    return this.#clock.ms
  }

  get events(): readonly ModelEvent[] {
    return this.commits.flatMap(({ events }) => events)
  }

  /** By key. */
  rowsAt(seq: number): Row[] {
    const rows = new Map<number, Row>()
    for (const commit of this.commits) {
      if (commit.seq > seq) break
      for (const { key, row } of commit.events) {
        if (row === undefined) rows.delete(key)
        else rows.set(key, row)
      }
    }
    return [...rows.values()].sort((left, right) => left.id - right.id)
  }

  /** The last commit at or before a time. */
  seqAt(time: number): number {
    return this.commits.findLast((commit) => commit.time <= time)?.seq ?? 0
  }

  commitOf(seq: number): ModelCommit {
    const found = this.commits.find((commit) => commit.seq >= seq)
    if (found === undefined) throw new Error(`no commit of ${seq}`)
    return found
  }

  async rows(text: string, parameters: readonly unknown[] = []): Promise<readonly { readonly [column: string]: unknown }[]> {
    return this.db.query(text, parameters).all()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.db.close()
  }

  /** Those operations that are legal, in one commit. */
  async #commit(operations: readonly Operation[]): Promise<void> {
    const live = new Map(this.rowsAt(this.lastSeq).map((row) => [row.id, row]))
    const events: ModelEvent[] = []
    const writes: Parameters<Database['batch']>[0][number][] = []
    const add = (key: number, event: ModelEvent['event'], row: Row | undefined): void => {
      events.push({ seq: this.lastSeq + events.length + 1, key, event, row })
      if (row === undefined) live.delete(key)
      else live.set(key, row)
    }
    for (const each of operations) {
      const before = live.get(each.id)
      if (each.kind === 'upsert') {
        writes.push({ upsert: 't', document: { id: each.id, ...each.fields } as never })
        add(each.id, 'INSERT', { id: each.id, ...each.fields })
      } else if (before === undefined) continue
      else if (each.kind === 'patch') {
        writes.push({ patch: 't', key: each.id, set: each.fields as never })
        add(each.id, 'PATCH', { ...before, ...each.fields })
      } else {
        writes.push({ softDelete: 't', key: each.id })
        add(each.id, 'SOFT_DELETE', undefined)
      }
    }
    if (writes.length === 0) return
    const { seq, time } = await this.db.batch(writes)
    this.commits.push({ seq, time, events })
  }
}
